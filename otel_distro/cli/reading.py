"""Opening a ledger or the accounts of budgets for a command, with messages where that fails."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_budget.budget_accounts import BudgetAccounts
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.settings import Settings

EMPTY = (
    "no model calls in {path}{window}; run a program under `otel-distro run -- python app.py`, "
    "or fill the ledger with `otel-distro ledger import FILE`"
)
"""Message for a ledger without calls; takes `path`, and `window` with a space before it."""


@contextmanager
def reading(path: Location) -> Iterator[Ledger]:
    """Open the ledger at *path*; a file that is not there yet reads as an empty ledger.

    A file that `--ledger` names has to be there, and a window has to have a length: a typing
    error must not look like a ledger without calls. What programs that have ended left for the
    ledger of the settings is stored first; calls that are still on their way are reported.
    """
    from otel_cost_ledger.model.errors import LedgerError
    from otel_cost_ledger.model.location import spill_path
    from otel_cost_ledger.query.ledger import open_ledger
    from otel_cost_ledger.write.spill import entries_waiting

    _check_question(path)
    settings = load(process_environment()).settings
    spill = spill_path(path, settings.state_dir)
    if path == settings.ledger:
        from otel_distro.pipeline.accounting.late_calls import collect

        collect(settings, output.note)
    if waiting := entries_waiting(spill):
        output.note(
            f"{counted(waiting, 'call')} not counted here: in {spill} until the next program "
            "with a model call writes to the ledger"
        )
    try:
        with open_ledger(path, missing_ok=True) as ledger:
            yield ledger
    except LedgerError as error:
        raise output.fail(str(error)) from error


@contextmanager
def opened_accounts(settings: Settings) -> Iterator[BudgetAccounts]:
    """Open the accounts of budgets; ends with a message where they cannot be used.

    What processes that were killed had reserved is charged first.
    """
    from otel_budget.accounts.schema import BudgetFileError
    from otel_distro.pipeline.budgets.opening import open_accounts

    accounts = open_accounts(settings)
    try:
        accounts.reap()
        yield accounts
    except BudgetFileError as error:
        raise output.fail(str(error)) from error
    finally:
        accounts.close()


def _check_question(path: Location) -> None:
    context = click.get_current_context(silent=True)
    given = context.params if context is not None else {}
    if given.get("ledger") is not None and isinstance(path, Path) and not path.exists():
        from otel_distro.cli.groups import closest

        folder = path.absolute().parent
        files = {file.name: str(file) for file in folder.glob("*") if file.is_file()}
        raise click.BadParameter(
            f"there is no ledger at {path}{closest(path.name, files)}", param_hint="--ledger"
        )
    since, until = given.get("since"), given.get("until")
    if since is not None and until is not None and since >= until:
        raise click.UsageError(
            f"--since {since:%Y-%m-%d %H:%M} is not before --until {until:%Y-%m-%d %H:%M}; "
            "nothing can be in this window"
        )
