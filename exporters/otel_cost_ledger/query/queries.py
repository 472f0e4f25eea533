"""All queries of a ledger, for import from one module."""

from __future__ import annotations

from otel_cost_ledger.model.filters import Filters
from otel_cost_ledger.query.calls import StoredCall, calls, each_call, find_trace
from otel_cost_ledger.query.costs import CostLine, CostReport, costs
from otel_cost_ledger.query.duplicates import duplicate_candidates, overlapping
from otel_cost_ledger.query.grouping import GROUPS
from otel_cost_ledger.query.ledger import Ledger, open_ledger
from otel_cost_ledger.query.stats import StatLine, StatReport, stats
from otel_cost_ledger.query.violations import violations

__all__ = [
    "GROUPS",
    "CostLine",
    "CostReport",
    "Filters",
    "Ledger",
    "StatLine",
    "StatReport",
    "StoredCall",
    "calls",
    "costs",
    "duplicate_candidates",
    "each_call",
    "find_trace",
    "open_ledger",
    "overlapping",
    "stats",
    "violations",
]
