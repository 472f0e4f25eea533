"""Known filter values, to distinguish a typing error from a window without calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.query.sources import ends

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger

_COLUMNS: Final = {
    "service": ("dims.service",),
    "provider": ("dims.provider",),
    "model": ("dims.model", "origins.request_model"),
    "operation": ("dims.operation",),
    "tenant": ("dims.tenant",),
    "agent": ("origins.agent",),
}
FILTERS: Final = tuple(_COLUMNS)
"""Filters with few enough values for a list."""


def known_values(ledger: Ledger, name: str) -> frozenset[str]:
    """Return the stored values of the filter *name*; empty without calls."""
    values: set[str] = set()
    for column in _COLUMNS[name]:
        table = column.partition(".")[0]
        values.update(str(row[0]) for row in ledger.rows(f"SELECT DISTINCT {column} FROM {table}"))
    return frozenset(values - {""})


def extent(ledger: Ledger) -> tuple[datetime, datetime] | None:
    """Return the start of the first and the last call in *ledger* (UTC); None without calls."""
    first_ns, last_ns = ends(ledger)
    if first_ns is None or last_ns is None:
        return None
    return datetime.fromtimestamp(first_ns / 1e9, UTC), datetime.fromtimestamp(last_ns / 1e9, UTC)
