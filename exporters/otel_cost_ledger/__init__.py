"""The exact cost ledger: one row a model call in SQLite, and sums that cannot drift from the rows.

`LedgerWriter` stores priced calls and survives what happens to disks; `open_ledger` and the
functions of `otel_cost_ledger.queries` answer questions without ever changing the file.
"""

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

__all__ = [
    "Counters",
    "Fault",
    "LatencyViolation",
    "Ledger",
    "LedgerError",
    "LedgerNotFoundError",
    "LedgerWriter",
    "NewerSchemaError",
    "UnsafePathError",
    "WriteResult",
    "default_ledger_path",
    "open_ledger",
    "pseudonym",
]
