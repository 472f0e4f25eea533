"""The row of a priced call, without any dependency on SQLite.

A `Row` has the stored values: names cleaned, user and session as pseudonyms, integers within
bounds. Rows are also queued in memory or in the spill file while the ledger cannot be written, so
these have no hidden text either.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

MAX_TIME_NS: Final = 2**63 - 2
"""One less than the largest integer, so that a half-open window can contain it."""
MAX_UNITS: Final = 2**40
"""10^12 tokens: far above any call, far below the overflow of a daily sum."""
MAX_NANO_USD: Final = 2**53
"""Nine million dollars for one call, still exact for readers that use doubles."""

_SIGN_64: Final = 1 << 63
_MASK_64: Final = (1 << 64) - 1
_MASK_128: Final = (1 << 128) - 1


class DimKey(NamedTuple):
    """Provider, model and caller of a call."""

    service: str
    provider: str
    model: str
    operation: str
    tenant: str


class OriginKey(NamedTuple):
    """Origin of a call and of its record."""

    scope: str
    request_model: str
    agent: str
    feature_flag: str
    service_tier: str
    streamed: int
    """1, 0, or -1 if the span does not report it."""


class OutcomeKey(NamedTuple):
    """Outcome of a call."""

    status: str
    billed: int
    failed: int
    reason: str
    billing_reason: str
    price_source: str
    error_type: str
    http_status_code: int
    """0 if the span does not report it."""


class Row(NamedTuple):
    """One call as stored; the three keys are interned on write."""

    start_ns: int
    span_id: int
    trace_id: bytes
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


COMMON_USAGE: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
"""Units with their own column."""

RARE_USAGE: Final = (
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "web_search_requests",
    "cached_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "cached_image_tokens",
    "input_video_tokens",
    "output_video_tokens",
    "citation_tokens",
    "audio_milliseconds",
    "video_milliseconds",
    "input_characters",
    "document_pages",
    "annotated_pages",
    "rerank_searches",
    "output_images",
)
"""Rare units, for which a column, one byte in every row, would cost more than their names."""


def fingerprint(response_id: str | None) -> int | None:
    """Return 24 bits of *response_id*, enough to distinguish overlapping calls; None without it."""
    if not response_id:
        return None
    return (zlib.crc32(response_id.encode("utf-8", "replace")) >> 8) - (1 << 23)


def trace_bytes(trace_id: int) -> bytes:
    """Return the sixteen bytes of a trace id."""
    return (trace_id & _MASK_128).to_bytes(16, "big")


def signed_64(value: int) -> int:
    """Return the 64 bits of a span id as the signed integer that SQLite stores."""
    return ((value + _SIGN_64) & _MASK_64) - _SIGN_64


def unsigned_64(value: int) -> int:
    """Return the span id that `signed_64` stored."""
    return value & _MASK_64
