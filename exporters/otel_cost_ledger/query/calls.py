"""Stored calls: the latest ones, those of a trace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.filters import BILLED, Filters, Window
from otel_cost_ledger.model.privacy import format_pseudonym
from otel_cost_ledger.model.rows import (
    COMMON_USAGE,
    RARE_USAGE,
    DimKey,
    OriginKey,
    OutcomeKey,
    unsigned_64,
)
from otel_cost_ledger.model.schema import NS_PER_HOUR, NS_PER_US
from otel_cost_ledger.query.call_windows import window_conditions
from otel_cost_ledger.query.model_names import with_same_models
from otel_cost_ledger.sqlite.store import CALL_COLUMNS
from otel_pricing.costing.cost import REPORTED_BY
from otel_pricing.model.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.query.ledger import Ledger


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call read back from the ledger.

    It equals the written call, except that user and session are pseudonyms, the response id is
    gone but for a fingerprint, and durations are whole microseconds.
    """

    priced: PricedCall
    response_fingerprint: int | None
    """What `rows.fingerprint` made of the response id."""

    @property
    def latency_ms(self) -> float:
        """How long the call took."""
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
    """Return calls that started in the window, the latest first, at most *limit* of them.

    Spans that repeat another span's call are included, with `billed` False, unless
    *billed_only*.
    """
    window = Window.between(since, until)
    where, at = window_conditions(ledger, window, filters or Filters())
    conditions, values = with_same_models(ledger, filters or Filters()).conditions("calls")
    if billed_only:
        conditions.append(BILLED)
    return read_calls(
        ledger,
        [*where, *conditions],
        [*at, *values],
        order="start_ns DESC, span_id DESC",
        limit=limit,
    )


def each_call(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    filters: Filters | None = None,
) -> Iterator[StoredCall]:
    """Yield the billed calls that started in the window in order of time, one at a time."""
    window = Window.between(since, until)
    where, at = window_conditions(ledger, window, filters or Filters())
    conditions, values = with_same_models(ledger, filters or Filters()).conditions("calls")
    yield from _each(
        ledger,
        [*where, BILLED, *conditions],
        [*at, *values],
        order="start_ns, span_id",
    )


def each_not_billed(
    ledger: Ledger,
    reason: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    filters: Filters | None = None,
) -> Iterator[StoredCall]:
    """Yield the spans that started in the window and are not billed for *reason*, in no order."""
    window = Window.between(since, until)
    conditions, values = with_same_models(ledger, filters or Filters()).conditions("calls")
    yield from _each(
        ledger,
        [
            "start_ns >= ?",
            "start_ns < ?",
            "outcome_id IN (SELECT id FROM outcomes WHERE billed = 0 AND billing_reason = ?)",
            *conditions,
        ],
        [window.since_ns, window.until_ns, reason, *values],
        order="start_ns, span_id",
    )


def find_trace(ledger: Ledger, trace_id: int) -> tuple[StoredCall, ...]:
    """Return every call of a trace in order of time.

    There is no index on trace ids (it would double the size of a row), so this reads all rows.
    """
    wanted = bytes.fromhex(f"{trace_id % (1 << 128):032x}")
    return read_calls(ledger, ["trace_id = ?"], [wanted], order="start_ns, span_id")


_NO_LIMIT: Final = 2**62
_FURTHER: Final = 6
_ESTIMATE: Final = "tokens estimated from what was sent and received"
_NAMES: Final = (*CALL_COLUMNS, *DimKey._fields, *OriginKey._fields, *OutcomeKey._fields)


def read_calls(
    ledger: Ledger,
    conditions: Sequence[str],
    values: Sequence[SqlValue],
    *,
    order: str,
    limit: int | None = None,
) -> tuple[StoredCall, ...]:
    """Return the calls that all *conditions* hold for, named and in *order*."""
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
    """Yield the same, looking at an hour before the last call first, and then further back.

    A server that keeps every delivery of a call would sort all of them otherwise.
    """
    ((first_ns,),) = ledger.rows("SELECT min(start_ns) FROM calls")
    ((last_ns,),) = ledger.rows("SELECT max(start_ns) FROM calls")
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
    # The rows are chosen from the narrow table alone and named afterwards.
    sql = f"""
        SELECT {", ".join(_NAMES)}
        FROM (SELECT * FROM calls WHERE {" AND ".join(conditions)} ORDER BY {order} LIMIT ?) c
        JOIN dims d ON d.id = c.dim_id
        JOIN origins o ON o.id = c.origin_id
        JOIN outcomes r ON r.id = c.outcome_id
        ORDER BY {order}
    """  # constants only, values are bound
    for row in ledger.rows(sql, [*values, _NO_LIMIT if limit is None else limit]):
        yield _stored_call(dict(zip(_NAMES, row, strict=True)))


def _stored_call(row: dict[str, Any]) -> StoredCall:
    extra: dict[str, int] = json.loads(row["extra"]) if row["extra"] else {}
    reported = extra.get("reported_nano_usd")
    call = ModelCall(
        trace_id=int.from_bytes(row["trace_id"], "big"),
        span_id=unsigned_64(row["span_id"]),
        parent_span_id=None
        if row["parent_span_id"] is None
        else unsigned_64(row["parent_span_id"]),
        start_ns=row["start_ns"],
        end_ns=row["start_ns"] + row["latency_us"] * NS_PER_US,
        scope=row["scope"],
        operation=row["operation"],
        provider=row["provider"],
        request_model=row["request_model"],
        response_model=row["model"],
        service_tier=row["service_tier"] or None,
        usage=_usage(row, extra),
        usage_estimate=_ESTIMATE if extra.get("usage_is_estimate") else "",
        prompt_has_sound=bool(extra.get("prompt_has_sound")),
        most_input_tokens=extra.get("most_input_tokens"),
        own_host_process=extra.get("own_host_process"),
        max_output_tokens=row["max_output_tokens"],
        streamed=None if row["streamed"] < 0 else bool(row["streamed"]),
        error_type=row["error_type"] if row["failed"] else None,
        http_status_code=row["http_status_code"] or None,
        request_never_sent=bool(extra.get("request_never_sent")),
        time_to_first_token_ns=None if row["ttft_us"] is None else row["ttft_us"] * NS_PER_US,
        service=row["service"],
        tenant=row["tenant"] or None,
        user=format_pseudonym(row["user_id"]),
        session=format_pseudonym(row["session_id"]),
        agent=row["agent"] or None,
        feature_flag=row["feature_flag"] or None,
        prompt_mark=extra.get("prompt"),
        reported_cost_usd=None if reported is None else Decimal(reported) / NANO_PER_USD,
        reported_cost_source=_reported_source(row),
    )
    priced = PricedCall(
        call=call,
        status=CostStatus(row["status"]),
        cost_nano_usd=row["cost_nano_usd"],
        reason=row["reason"],
        price_source=row["price_source"],
        exposure_nano_usd=row["exposure_nano_usd"],
        billed=bool(row["billed"]),
        billing_reason=row["billing_reason"],
        billed_span_id=_span_id(extra.get("billed_span_id")),
    )
    return StoredCall(priced, row["response_fingerprint"])


def _reported_source(row: dict[str, Any]) -> str:
    """Return the attribute that reported the cost; empty unless the cost is that report."""
    return row["price_source"].removeprefix(REPORTED_BY) if row["status"] == "reported" else ""


def _span_id(stored: int | None) -> int | None:
    return None if stored is None else unsigned_64(stored)


def _usage(row: dict[str, Any], extra: dict[str, int]) -> Usage | None:
    counts: dict[str, int | None] = {name: row[name] for name in COMMON_USAGE}
    counts.update({name: extra.get(name) for name in RARE_USAGE})
    if all(count is None for count in counts.values()):
        return None
    return Usage(**counts)
