"""The exact cost ledger: one row a model call in SQLite, and sums that cannot drift from the rows.

`LedgerWriter` stores priced calls and survives what happens to disks; `open_ledger` and the
functions of `otel_cost_ledger.queries` answer questions without ever changing the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.entries import LatencyViolation
from otel_cost_ledger.errors import (
    LedgerError,
    LedgerNotFoundError,
    NewerSchemaError,
    UnsafePathError,
)
from otel_cost_ledger.faults import Fault
from otel_cost_ledger.health import Counters, WriteResult
from otel_cost_ledger.ledger import Ledger, open_ledger
from otel_cost_ledger.paths import default_ledger_path
from otel_cost_ledger.privacy import pseudonym
from otel_cost_ledger.writer import LedgerWriter

if TYPE_CHECKING:
    from otel_cost_ledger.exporter import SqliteCostExporter

__all__ = [
    "Counters",
    "Fault",
    "LatencyViolation",
    "Ledger",
    "LedgerError",
    "LedgerNotFoundError",
    "LedgerWriter",
    "NewerSchemaError",
    "SqliteCostExporter",
    "UnsafePathError",
    "WriteResult",
    "default_ledger_path",
    "open_ledger",
    "pseudonym",
]


def __getattr__(name: str) -> object:
    # The exporter imports the SDK, a quarter of a second that reading a ledger does not need.
    if name == "SqliteCostExporter":
        from otel_cost_ledger.exporter import SqliteCostExporter

        return SqliteCostExporter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
