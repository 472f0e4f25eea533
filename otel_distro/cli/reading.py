"""Opening a ledger for a command, with messages for people where that fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.ledger import Ledger


@contextmanager
def reading(path: Location) -> Iterator[Ledger]:
    """Open the ledger at *path*; a file that is not there yet reads as an empty ledger.

    Says how many calls are still on their way to it.
    """
    from otel_cost_ledger.model.errors import LedgerError
    from otel_cost_ledger.model.location import spill_path
    from otel_cost_ledger.query.ledger import open_ledger
    from otel_cost_ledger.write.spill import entries_waiting

    spill = spill_path(path, load(process_environment()).settings.state_dir)
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
