"""Span ids of the stored calls of one instrumentation scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.rows import unsigned_64

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger


def span_ids(ledger: Ledger, scope: str) -> set[int]:
    """Return the span ids of all calls of *scope*. Reads every row once."""
    sql = "SELECT span_id FROM calls WHERE origin_id IN (SELECT id FROM origins WHERE scope = ?)"
    return {unsigned_64(row[0]) for row in ledger.rows(sql, [scope])}
