"""Queries of stored calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import BILLED
from otel_cost_ledger.model.rows import (
    DimKey,
    OriginKey,
    OutcomeKey,
)
from otel_cost_ledger.model.schema import NS_PER_HOUR
from otel_cost_ledger.query.call_windows import call_conditions
from otel_cost_ledger.query.sources import ends
from otel_cost_ledger.query.stored_rows import priced_call
from otel_cost_ledger.sqlite.store import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.query.ledger import Ledger
    from otel_pricing.model.call import PricedCall


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call read from the ledger.

    It equals the written call, except that user and session are pseudonyms, only a fingerprint of
    the response id remains, and durations are whole microseconds.
    """

    priced: PricedCall
    response_fingerprint: int | None
    """`rows.fingerprint` of the response id."""

    @property
    def latency_ms(self) -> float:
        """Duration of the call."""
        return (self.priced.call.end_ns - self.priced.call.start_ns) / 1e6


def calls(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    filters: Filters | None = None,
    limit: int | None = 100,
    billed_only: bool = False,
) -> tuple[StoredCall, ...]:
    """Return at most *limit* calls that started in the window, newest first.

    Duplicate spans of a call are included with `billed` False, unless *billed_only*.
    """
    conditions, values = call_conditions(ledger, since, until, filters)
    if billed_only:
        conditions.append(BILLED)
    return read_calls(ledger, conditions, values, order="start_ns DESC, span_id DESC", limit=limit)


def each_call(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    filters: Filters | None = None,
) -> Iterator[StoredCall]:
    """Yield the billed calls that started in the window, in order of time."""
    conditions, values = call_conditions(ledger, since, until, filters)
    yield from _each(ledger, [BILLED, *conditions], values, order="start_ns, span_id")


def each_not_billed(
    ledger: Ledger,
    reason: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    filters: Filters | None = None,
) -> Iterator[StoredCall]:
    """Yield, in order of time, the spans of the window that are not billed for *reason*."""
    conditions, values = call_conditions(ledger, since, until, filters)
    not_billed = "outcome_id IN (SELECT id FROM outcomes WHERE billed = 0 AND billing_reason = ?)"
    yield from _each(
        ledger, [*conditions, not_billed], [*values, reason], order="start_ns, span_id"
    )


def find_trace(ledger: Ledger, trace_id: int) -> tuple[StoredCall, ...]:
    """Return every call of a trace in order of time.

    There is no index on trace ids (it would double the size of a row), so this reads all rows.
    """
    trace_bytes = bytes.fromhex(f"{trace_id % (1 << 128):032x}")
    return read_calls(ledger, ["trace_id = ?"], [trace_bytes], order="start_ns, span_id")


_NO_LIMIT: Final = 2**62
_FURTHER: Final = 6
_NAMES: Final = (*CALL_COLUMNS, *DimKey._fields, *OriginKey._fields, *OutcomeKey._fields)


def read_calls(
    ledger: Ledger,
    conditions: Sequence[str],
    values: Sequence[SqlValue],
    *,
    order: str,
    limit: int | None = None,
) -> tuple[StoredCall, ...]:
    """Return the calls that meet all *conditions*, with names, in *order*."""
    if ledger.counts_rows and limit is not None and order.startswith("start_ns DESC"):
        return tuple(_latest(ledger, conditions, values, order=order, limit=limit))
    return tuple(_each(ledger, conditions, values, order=order, limit=limit))


def _latest(
    ledger: Ledger,
    conditions: Sequence[str],
    values: Sequence[SqlValue],
    *,
    order: str,
    limit: int,
) -> Iterator[StoredCall]:
    """Yield the latest matching calls, searching the hour before the last call first, then earlier.

    Otherwise a server that stores every delivery of a call would sort all of them.
    """
    first_ns, last_ns = ends(ledger)
    until_ns, span_ns, left = (last_ns or 0) + 1, NS_PER_HOUR, limit
    while left > 0 and first_ns is not None and until_ns > first_ns:
        since_ns = max(first_ns, until_ns - span_ns)
        within = [*conditions, "start_ns >= ?", "start_ns < ?"]
        bounds = [*values, since_ns, until_ns]
        for found in _each(ledger, within, bounds, order=order, limit=left):
            left -= 1
            yield found
        until_ns, span_ns = since_ns, span_ns * _FURTHER


def _each(
    ledger: Ledger,
    conditions: Sequence[str],
    values: Sequence[SqlValue],
    *,
    order: str,
    limit: int | None = None,
) -> Iterator[StoredCall]:
    # The rows are selected from the narrow table alone, and names are joined afterwards.
    sql = f"""
        SELECT {", ".join(_NAMES)}
        FROM (SELECT * FROM calls WHERE {" AND ".join(conditions)} ORDER BY {order} LIMIT ?) c
        JOIN dims d ON d.id = c.dim_id
        JOIN origins o ON o.id = c.origin_id
        JOIN outcomes r ON r.id = c.outcome_id
        ORDER BY {order}
    """  # constants only, values are bound
    for row in ledger.rows(sql, [*values, _NO_LIMIT if limit is None else limit]):
        named = dict(zip(_NAMES, row, strict=True))
        yield StoredCall(priced_call(named), named["response_fingerprint"])
