"""Exact cost ledger: one row per model call in SQLite, and sums that cannot drift from the rows.

`LedgerWriter` stores priced calls and survives disk faults; `open_ledger` and the functions of
`otel_cost_ledger.queries` run queries without ever changing the file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_cost_ledger.exporter import SqliteCostExporter
    from otel_cost_ledger.model.entries import LatencyViolation
    from otel_cost_ledger.model.errors import (
        LedgerError,
        LedgerNotFoundError,
        NewerSchemaError,
        UnsafePathError,
    )
    from otel_cost_ledger.model.privacy import pseudonym
    from otel_cost_ledger.query.ledger import Ledger, open_ledger
    from otel_cost_ledger.sqlite.paths import default_ledger_path
    from otel_cost_ledger.write.faults import Fault
    from otel_cost_ledger.write.health import Counters, WriteResult
    from otel_cost_ledger.write.writer import LedgerWriter

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
    "Counters": "write.health",
    "Fault": "write.faults",
    "LatencyViolation": "model.entries",
    "Ledger": "query.ledger",
    "LedgerError": "model.errors",
    "LedgerNotFoundError": "model.errors",
    "LedgerWriter": "write.writer",
    "NewerSchemaError": "model.errors",
    "SqliteCostExporter": "exporter",
    "UnsafePathError": "model.errors",
    "WriteResult": "write.health",
    "default_ledger_path": "sqlite.paths",
    "open_ledger": "query.ledger",
    "pseudonym": "model.privacy",
}


def __getattr__(name: str) -> object:
    # Some programs import only parts that store no calls, and reading needs no SDK.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"otel_cost_ledger.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
