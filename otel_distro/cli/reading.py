"""Opening a ledger for a command, with messages for people where that fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_distro.cli.output import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_cost_ledger.ledger import Ledger
    from otel_cost_ledger.location import Location


@contextmanager
def reading(path: Location) -> Iterator[Ledger]:
    """Open the ledger at *path*; a file that is not there yet reads as an empty ledger."""
    from otel_cost_ledger.errors import LedgerError
    from otel_cost_ledger.ledger import open_ledger

    try:
        with open_ledger(path, missing_ok=True) as ledger:
            yield ledger
    except LedgerError as error:
        raise fail(str(error)) from error
