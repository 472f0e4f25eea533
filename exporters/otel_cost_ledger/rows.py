"""From a priced call to the numbers of one row; nothing here knows SQLite.

A `Row` is what is stored, in a form that JSON can carry: names cleaned, user and session as
pseudonyms, integers within bounds. It is also what waits in memory or in the spill file while the
ledger cannot be written, so no text that the user wants hidden waits there either.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_cost_ledger.histogram import MAX_LATENCY_US
from otel_cost_ledger.schema import NS_PER_US
from otel_pricing.call import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.privacy import Pseudonyms
    from otel_pricing.call import PricedCall

MAX_TIME_NS: Final = 2**63 - 1
MAX_UNITS: Final = 2**40
"""A million million tokens: far above any call, far below what a sum over a day can overflow."""
MAX_NANO_USD: Final = 2**53
"""Nine million dollars for one call, and still exact for readers that use doubles."""

_SIGN_64: Final = 1 << 63
_WRAP_64: Final = 1 << 64


class DimKey(NamedTuple):
    """Who answered and for whom."""

    service: str
    provider: str
    model: str
    operation: str
    tenant: str


class OriginKey(NamedTuple):
    """How the call was made and recorded."""

    scope: str
    request_model: str
    agent: str
    feature_flag: str
    service_tier: str
    streamed: int
    """1, 0, or -1 when the span does not say."""


class OutcomeKey(NamedTuple):
    """What became of the call."""

    status: str
    billed: int
    failed: int
    reason: str
    billing_reason: str
    price_source: str
    error_type: str
    http_status_code: int
    """0 when the span does not say."""


class Row(NamedTuple):
    """One call as it is stored; the three keys are interned when it is written."""

    start_ns: int
    span_id: int
    trace_id: str
    parent_span_id: int | None
    dim: DimKey
    origin: OriginKey
    outcome: OutcomeKey
    user_id: int | None
    session_id: int | None
    latency_us: int
    ttft_us: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_nano_usd: int | None
    exposure_nano_usd: int | None
    max_output_tokens: int | None
    response_fingerprint: int | None
    extra: dict[str, int] | None


def row_of(priced: PricedCall, clean: Callable[[str], str], pseudonyms: Pseudonyms) -> Row:
    """Return what the ledger stores of *priced*; *clean* is applied to every name."""
    call = priced.call
    usage = call.usage
    start_ns = _within(call.start_ns, MAX_TIME_NS)
    ttft_ns = call.time_to_first_token_ns
    return Row(
        start_ns=start_ns,
        span_id=signed_64(call.span_id),
        trace_id=f"{call.trace_id % (1 << 128):032x}",
        parent_span_id=None if call.parent_span_id is None else signed_64(call.parent_span_id),
        dim=DimKey(
            clean(call.service),
            clean(call.provider),
            clean(call.model),
            clean(call.operation),
            clean(call.tenant or ""),
        ),
        origin=OriginKey(
            clean(call.scope),
            clean(call.request_model),
            clean(call.agent or ""),
            clean(call.feature_flag or ""),
            clean(call.service_tier or ""),
            -1 if call.streamed is None else int(call.streamed),
        ),
        outcome=OutcomeKey(
            str(priced.status),
            int(priced.billed),
            int(call.failed),
            clean(priced.reason),
            clean(priced.billing_reason),
            clean(priced.price_source),
            clean(call.error_type or ""),
            _within(call.http_status_code or 0, 999),
        ),
        user_id=pseudonyms.of("user", call.user),
        session_id=pseudonyms.of("session", call.session),
        latency_us=_within((call.end_ns - call.start_ns) // NS_PER_US, MAX_LATENCY_US),
        ttft_us=None if ttft_ns is None else _within(ttft_ns // NS_PER_US, MAX_LATENCY_US),
        input_tokens=_units(usage.input_tokens) if usage else None,
        output_tokens=_units(usage.output_tokens) if usage else None,
        cache_read_tokens=_units(usage.cache_read_tokens) if usage else None,
        cache_write_tokens=_units(usage.cache_write_tokens) if usage else None,
        reasoning_tokens=_units(usage.reasoning_tokens) if usage else None,
        cost_nano_usd=_money(priced.cost_nano_usd),
        exposure_nano_usd=_money(priced.exposure_nano_usd),
        max_output_tokens=_units(call.max_output_tokens),
        response_fingerprint=fingerprint(call.response_id),
        extra=_extra(priced),
    )


COMMON_USAGE: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
"""Units that have a column of their own."""

RARE_USAGE: Final = (
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "web_search_requests",
)
"""Units so rare that a column, one byte in every row, would cost more than naming them."""


def _extra(priced: PricedCall) -> dict[str, int] | None:
    extra: dict[str, int] = {}
    usage = priced.call.usage
    if usage is not None:
        for name in RARE_USAGE:
            units = _units(getattr(usage, name))
            if units is not None:
                extra[name] = units
    if priced.call.reported_cost_usd is not None and priced.call.reported_cost_usd.is_finite():
        reported = int(priced.call.reported_cost_usd * NANO_PER_USD)
        extra["reported_nano_usd"] = _within(reported, MAX_NANO_USD)
    if priced.call.request_never_sent:
        extra["request_never_sent"] = 1
    if priced.billed_span_id is not None:
        extra["billed_span_id"] = signed_64(priced.billed_span_id)
    return extra or None


def fingerprint(response_id: str | None) -> int | None:
    """Return 24 bits of *response_id*: enough to tell overlapping calls apart, in three bytes."""
    if not response_id:
        return None
    return (zlib.crc32(response_id.encode("utf-8", "replace")) >> 8) - (1 << 23)


def signed_64(value: int) -> int:
    """Return the 64 bits of a span id as the signed integer that SQLite stores."""
    return (value + _SIGN_64) % _WRAP_64 - _SIGN_64


def unsigned_64(value: int) -> int:
    """Return the span id that `signed_64` stored."""
    return value % _WRAP_64


def _within(value: int, maximum: int) -> int:
    return 0 if value < 0 else min(value, maximum)


def _units(value: int | None) -> int | None:
    return None if value is None else _within(value, MAX_UNITS)


def _money(value: int | None) -> int | None:
    return None if value is None else _within(value, MAX_NANO_USD)
