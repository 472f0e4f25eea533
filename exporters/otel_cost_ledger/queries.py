"""Every question a ledger answers, in one place to import from."""

from __future__ import annotations

from otel_cost_ledger.calls import StoredCall, calls, each_call, find_trace
from otel_cost_ledger.costs import CostLine, CostReport, costs
from otel_cost_ledger.filters import Filters
from otel_cost_ledger.grouping import GROUPS
from otel_cost_ledger.ledger import Ledger, open_ledger
from otel_cost_ledger.stats import StatLine, StatReport, stats
from otel_cost_ledger.twins import overlapping, twin_candidates
from otel_cost_ledger.violations import violations

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
    "each_call",
    "find_trace",
    "open_ledger",
    "overlapping",
    "stats",
    "twin_candidates",
    "violations",
]
