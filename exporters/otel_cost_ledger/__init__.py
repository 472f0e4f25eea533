"""The exact cost ledger: one row a model call in SQLite, and sums that cannot drift from the rows.

`LedgerWriter` stores priced calls and survives what happens to disks; `open_ledger` and the
functions of `otel_cost_ledger.queries` answer questions without ever changing the file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_cost_ledger.entries import LatencyViolation
    from otel_cost_ledger.errors import (
        LedgerError,
        LedgerNotFoundError,
        NewerSchemaError,
        UnsafePathError,
    )
    from otel_cost_ledger.exporter import SqliteCostExporter
    from otel_cost_ledger.faults import Fault
    from otel_cost_ledger.health import Counters, WriteResult
    from otel_cost_ledger.ledger import Ledger, open_ledger
    from otel_cost_ledger.paths import default_ledger_path
    from otel_cost_ledger.privacy import pseudonym
    from otel_cost_ledger.writer import LedgerWriter

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

_HOMES = {
    "Counters": "health",
    "Fault": "faults",
    "LatencyViolation": "entries",
    "Ledger": "ledger",
    "LedgerError": "errors",
    "LedgerNotFoundError": "errors",
    "LedgerWriter": "writer",
    "NewerSchemaError": "errors",
    "SqliteCostExporter": "exporter",
    "UnsafePathError": "errors",
    "WriteResult": "health",
    "default_ledger_path": "paths",
    "open_ledger": "ledger",
    "pseudonym": "privacy",
}


def __getattr__(name: str) -> object:
    # Programs import parts of this package that store no call, and reading needs no SDK.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"otel_cost_ledger.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
