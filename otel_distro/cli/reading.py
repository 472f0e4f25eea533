"""Opens the ledger or budget accounts for a command, with messages on failure."""

from __future__ import annotations

from contextlib import contextmanager
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

_EMPTY = (
    "no model calls in {path}{window}; run a program under `otel-distro run -- python app.py`, "
    "or fill the ledger with `otel-distro ledger import FILE`"
)
"""Message for a ledger without calls; takes `path`, and `window` with a leading space."""
_UNKNOWN = "otel_distro.unknown_value"
"""Key in a command's context: an unmatched filter value was reported."""
_CHECKED = "otel_distro.checked_values"
"""Key in a command's context: the filters were checked."""


@contextmanager
def reading(path: Location) -> Iterator[Ledger]:
    """Open the ledger at *path*; a missing file reads as an empty ledger.

    An empty window and a filter value that no call has are reported: a typo must not look like a
    ledger without calls. Calls that ended programs left for the ledger of the settings are stored
    first; calls not stored yet are reported.
    """
    from otel_cost_ledger.model.errors import LedgerError
    from otel_cost_ledger.model.location import spill_path
    from otel_cost_ledger.query.ledger import open_ledger
    from otel_cost_ledger.write.spill import entries_waiting

    _check_window()
    settings = load(process_environment()).settings
    spill = spill_path(path, settings.state_dir)
    if path == settings.ledger:
        from otel_distro.pipeline.accounting.late_calls import collect

        try:
            with open_ledger(path, missing_ok=True):
                pass  # a file of another kind is reported once, not by `collect` as well
        except LedgerError as error:
            raise output.fail(str(error)) from error
        collect(settings, output.note)
    if waiting := entries_waiting(spill):
        output.note(
            f"{counted(waiting, 'call')} not counted here: in {spill} until the next program "
            "with a model call writes to the ledger"
        )
    try:
        with open_ledger(path, missing_ok=True) as ledger:
            _report_unknown_values(ledger)
            yield ledger
    except LedgerError as error:
        raise output.fail(str(error)) from error


def note_empty(path: Location, window: str = "") -> None:
    """Report that no call in the ledger at *path* matches; *window* begins with a space.

    If the ledger has calls, the message has the times of the first and the last.
    """
    from otel_cost_ledger.query.known_values import extent
    from otel_cost_ledger.query.ledger import open_ledger

    context = click.get_current_context(silent=True)
    if context is not None and _UNKNOWN in context.meta:
        return  # already reported, with the closest name
    with open_ledger(path, missing_ok=True) as ledger:
        known = extent(ledger)
    if known is None:
        output.note(_EMPTY.format(path=path, window=window))
    else:
        first, last = (f"{each:%Y-%m-%d %H:%M}" for each in known)
        output.note(f"no model call matches{window}; {path} has calls from {first} to {last} UTC")


def _report_unknown_values(ledger: Ledger) -> None:
    """Report each filter of the command with a value that no call in *ledger* has."""
    from otel_cost_ledger.query.known_values import FILTERS, known_values

    context = click.get_current_context(silent=True)
    if context is None or _CHECKED in context.meta:
        return  # a repeating command checks its filters once
    context.meta[_CHECKED] = True
    for name in FILTERS:
        value = context.params.get(name)
        if not isinstance(value, str):
            continue
        known = known_values(ledger, name)
        if known and value not in known:
            from otel_distro.cli.groups import closest

            near = closest(value, {each: output.printable(each) for each in sorted(known)})
            output.note(f"the ledger has no call of {name} {output.printable(value)!r}{near}")
            context.meta[_UNKNOWN] = True


@contextmanager
def opened_accounts(settings: Settings) -> Iterator[BudgetAccounts]:
    """Open the budget accounts; ends with a message if they cannot be used.

    Reservations of killed processes are charged first.
    """
    from otel_budget.accounts.schema import BudgetFileError
    from otel_distro.pipeline.budgets.shared_accounts import open_accounts

    accounts = open_accounts(settings)
    try:
        accounts.reap()
        yield accounts
    except BudgetFileError as error:
        raise output.fail(str(error)) from error
    finally:
        accounts.close()


def _check_window() -> None:
    context = click.get_current_context(silent=True)
    parameters = context.params if context is not None else {}
    since, until = parameters.get("since"), parameters.get("until")
    if since is not None and until is not None and since >= until:
        raise click.UsageError(
            f"--since {since:%Y-%m-%d %H:%M} is not before --until {until:%Y-%m-%d %H:%M}; "
            "nothing can be in this window"
        )
