"""Priced calls as spans of the Collector's exporter: every value as text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_cost_ledger.clickhouse.connection import ClickHouseConnection
from otel_cost_ledger.clickhouse.dialect import literal
from otel_cost_ledger.model.privacy import person_name
from otel_pricing import SpanRecord, facts, read_call
from support.ledger_questions import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.model.location import ClickHouseUrl
    from otel_pricing import PricedCall

_USAGE = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "web_search_requests": "gen_ai.usage.web_search_requests",
}


def record_of(priced: PricedCall) -> SpanRecord:
    """Return the span of a call by the GenAI conventions, without billing decisions."""
    call = priced.call
    flag, _, variant = (call.feature_flag or "").partition("=")
    first = call.time_to_first_token_ns
    found: dict[str, object | None] = {
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": call.provider or None,
        "gen_ai.request.model": call.request_model or None,
        "gen_ai.response.model": call.response_model or None,
        "gen_ai.response.id": call.response_id,
        "openai.response.service_tier": call.service_tier,
        "gen_ai.request.max_tokens": call.max_output_tokens,
        "gen_ai.request.stream": call.streamed,
        "gen_ai.response.time_to_first_chunk": None if first is None else first / 1e9,
        "error.type": call.error_type,
        "http.response.status_code": call.http_status_code,
        "tenant.id": call.tenant,
        "user.id": person_name(KEY, call.user) if call.user else None,
        "session.id": call.session,
        "gen_ai.agent.name": call.agent,
        "feature_flag.key": flag or None,
        "feature_flag.result.variant": variant or None,
        **{
            attribute: getattr(call.usage, unit)
            for unit, attribute in _USAGE.items()
            if call.usage is not None
        },
    }
    return SpanRecord(
        trace_id=call.trace_id,
        span_id=call.span_id,
        parent_span_id=call.parent_span_id,
        name="chat",
        start_ns=call.start_ns,
        end_ns=call.end_ns,
        scope_name=call.scope,
        attributes={name: value for name, value in found.items() if value is not None},
        resource_attributes={"service.name": call.service},
    )


def as_exported(priced: PricedCall) -> PricedCall:
    """Return the call as read from the span: without amounts if it is not billed."""
    call = read_call(record_of(priced))
    assert call is not None
    if priced.billed:
        return replace(priced, call=call)
    return replace(priced, call=call, cost_nano_usd=None, exposure_nano_usd=None)


def deliver(url: ClickHouseUrl, calls: Iterable[PricedCall]) -> None:
    """Insert the spans of *calls* in one block, as the Collector does."""
    rows = ", ".join(_row(priced) for priced in calls)
    ClickHouseConnection(url, writes=True).command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, ServiceName,"
        f" ScopeName, SpanAttributes, Duration, StatusCode) VALUES {rows}"
    )


def _row(priced: PricedCall) -> str:
    record = record_of(priced)
    attributes = {**record.attributes, **facts(priced)}
    pairs = ", ".join(f"{literal(k)}, {literal(_written(v))}" for k, v in attributes.items())
    seconds, nanoseconds = divmod(record.start_ns, 10**9)
    parent = "" if record.parent_span_id is None else f"{record.parent_span_id:016x}"
    values = (
        f"'{record.trace_id:032x}', '{record.span_id:016x}', '{parent}', 'chat',"
        f" {literal(priced.call.service)}, {literal(record.scope_name)}, map({pairs})"
    )
    return (
        f"(toDateTime64('{seconds}.{nanoseconds:09d}', 9), {values},"
        f" {record.end_ns - record.start_ns}, 'Unset')"
    )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
