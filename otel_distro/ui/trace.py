"""The page of one trace: its model calls as a waterfall, with all fields of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.query.calls import find_trace, read_calls
from otel_distro.base import formatting as figures
from otel_distro.ui.markup import element
from otel_distro.ui.panels import Cell, Column, Table
from otel_distro.ui.spending import label

if TYPE_CHECKING:
    from markupsafe import Markup

    from otel_cost_ledger.query.calls import StoredCall
    from otel_cost_ledger.query.ledger import Ledger

_NEAR_NS: Final = 86_400_000_000_000
"""Calls of a trace are searched within a day of one of them: there is no index of traces."""


@dataclass(frozen=True, slots=True)
class CallDetail:
    """One call of a trace, formatted for display."""

    name: str
    bar: Markup
    when: str
    facts: tuple[tuple[str, str], ...]
    span_id: str
    tone: str
    depth: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The model calls of one trace."""

    trace_id: str
    lead: str
    calls: tuple[CallDetail, ...]
    table: Table


def calls_of(ledger: Ledger, trace_id: int, near_ns: int | None) -> tuple[StoredCall, ...]:
    """Return the calls of a trace in order of time, near a given time if known."""
    if near_ns is None:
        return find_trace(ledger, trace_id)
    trace_bytes = bytes.fromhex(f"{trace_id:032x}")
    return read_calls(
        ledger,
        ["start_ns >= ?", "start_ns < ?", "trace_id = ?"],
        [near_ns - _NEAR_NS, near_ns + _NEAR_NS, trace_bytes],
        order="start_ns, span_id",
    )


def trace_of(trace_id: int, stored: tuple[StoredCall, ...]) -> Trace:
    """Return *stored*, the calls of one trace, formatted for display."""
    began = min(one.priced.call.start_ns for one in stored)
    ended = max(one.priced.call.end_ns for one in stored)
    length = max(1, ended - began)
    billed = [one for one in stored if one.priced.billed]
    cost = figures.cost(
        sum(one.priced.cost_nano_usd or 0 for one in billed),
        calls=len(billed),
        unpriced=sum(one.priced.cost_nano_usd is None for one in billed),
    )
    depths = _depths(stored)
    details = tuple(
        _detail(one, began, length, depth) for one, depth in zip(stored, depths, strict=True)
    )
    at = datetime.fromtimestamp(began / 1e9, UTC)
    lead = (
        f"{figures.counted(len(billed), 'billed call')}, {cost}, "
        f"{figures.duration(length / 1e6)} from {at:%Y-%m-%d %H:%M:%S} UTC"
    )
    return Trace(f"{trace_id:032x}", lead, details, _table(stored, began))


def _depths(stored: tuple[StoredCall, ...]) -> list[int]:
    """Return the depth of each call below other calls of the trace."""
    parent = {one.priced.call.span_id: one.priced.call.parent_span_id for one in stored}
    depths = []
    for one in stored:
        depth, at, met = 0, parent[one.priced.call.span_id], set[int]()
        while at is not None and at in parent and at not in met:
            met.add(at)
            depth, at = depth + 1, parent[at]
        depths.append(min(depth, 8))
    return depths


def _detail(stored_call: StoredCall, began: int, length: int, depth: int) -> CallDetail:
    priced, call = stored_call.priced, stored_call.priced.call
    tone = "bad" if call.failed else "s0" if priced.billed else "rest"
    left = 100 * (call.start_ns - began) / length
    width = max(0.4, 100 * (call.end_ns - call.start_ns) / length)
    parts = [
        element("rect", class_="track", x="0%", y=5, width="100%", height=10, rx=3),
        element("rect", class_=tone, x=f"{left:.3f}%", y=5, width=f"{width:.3f}%", height=10, rx=3),
    ]
    first = call.time_to_first_token_ns
    if first is not None:
        x = f"{left + 100 * first / length:.3f}%"
        parts.append(element("line", class_="first", x1=x, x2=x, y1=1, y2=19))
    bar = element("svg", *parts, class_="lane", width="100%", height=20, aria_hidden="true")
    offset = figures.duration((call.start_ns - began) / 1e6)
    when = f"after {offset}, for {figures.duration(stored_call.latency_ms)}"
    if priced.billed:
        when += f", {figures.usd_short(priced.cost_nano_usd)}"
    return CallDetail(
        name=f"{label(call.operation)} {label(call.model)}",
        bar=bar,
        when=when,
        facts=tuple(_facts(stored_call)),
        span_id=f"{call.span_id % (1 << 64):016x}",
        tone=tone,
        depth=depth,
    )


def _facts(stored_call: StoredCall) -> list[tuple[str, str]]:
    priced, call = stored_call.priced, stored_call.priced.call
    usage = call.usage
    first = call.time_to_first_token_ns
    facts: list[tuple[str, str | None]] = [
        ("cost", figures.usd(priced.cost_nano_usd)),
        ("cost status", priced.status.value),
        ("why", priced.reason),
        ("price source", priced.price_source),
        (
            "cost bound",
            figures.usd(priced.exposure_nano_usd or None) if priced.exposure_nano_usd else None,
        ),
        ("billed", "yes" if priced.billed else "no"),
        ("billing", priced.billing_reason),
        ("provider", call.provider),
        ("requested model", call.request_model),
        ("response model", call.response_model),
        ("operation", call.operation),
        ("service", call.service),
        ("tenant", call.tenant),
        ("user", call.user),
        ("session", call.session),
        ("agent", call.agent),
        ("feature flag", call.feature_flag),
        ("service tier", call.service_tier),
        ("error", call.error_type),
        ("HTTP status", str(call.http_status_code) if call.http_status_code else None),
        ("streamed", None if call.streamed is None else "yes" if call.streamed else "no"),
        ("time to first token", None if first is None else figures.duration(first / 1e6)),
        ("instrumentation", call.scope),
    ]
    for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
        value = getattr(usage, f"{name}_tokens") if usage else None
        if value is not None:
            facts.append((f"{name.replace('_', ' ')} tokens", figures.count(value)))
    return [(name, figures.printable(value)) for name, value in facts if value]


def _table(stored: tuple[StoredCall, ...], began: int) -> Table:
    rows = [
        [
            Cell(f"{label(one.priced.call.operation)} {label(one.priced.call.model)}"),
            Cell(figures.duration((one.priced.call.start_ns - began) / 1e6)),
            Cell(figures.duration(one.latency_ms)),
            Cell(figures.count(_tokens(one, "input"))),
            Cell(figures.count(_tokens(one, "output"))),
            Cell(figures.usd(one.priced.cost_nano_usd) if one.priced.billed else "not billed"),
        ]
        for one in stored
    ]
    columns = [
        Column("call"),
        Column("started after", is_number=True),
        Column("took", is_number=True),
        Column("input", is_number=True, minor=True),
        Column("output", is_number=True, minor=True),
        Column("cost", is_number=True),
    ]
    return Table("Calls of this trace", columns, rows)


def _tokens(stored_call: StoredCall, side: str) -> int | None:
    usage = stored_call.priced.call.usage
    return getattr(usage, f"{side}_tokens") if usage else None
