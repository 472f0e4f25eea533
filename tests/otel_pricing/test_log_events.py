"""Model calls in log records: coding agents and the GenAI event of an inference."""

from __future__ import annotations

from typing import Any

import pytest

from otel_pricing import (
    CostStatus,
    LogRecord,
    PriceBook,
    SpanRecord,
    call_of_log,
    decide,
    price_call,
    read_call,
)

NOW_NS = 1_795_800_010_000_000_000
CLAUDE = {
    "event.name": "api_request",
    "model": "claude-sonnet-4-5-20250929",
    "input_tokens": "4",
    "output_tokens": "104",
    "cache_read_tokens": "20000",
    "cache_creation_tokens": "1000",
    "duration_ms": "2000",
}
CODEX = {
    "event.name": "codex.sse_event",
    "event.kind": "response.completed",
    "model": "gpt-5-codex",
    "input_token_count": 1000,
    "output_token_count": 200,
    "cached_token_count": 600,
    "reasoning_token_count": 50,
}
GEMINI = {
    "event.name": "gemini_cli.api_response",
    "model": "gemini-2.5-pro",
    "input_token_count": 1200,
    "output_token_count": 300,
    "thoughts_token_count": 100,
}
INFERENCE = {
    "event.name": "gen_ai.client.inference.operation.details",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


def log(attributes: dict[str, Any], scope: str, **more: Any) -> LogRecord:
    return LogRecord(time_ns=NOW_NS, attributes=attributes, scope_name=scope, **more)


@pytest.mark.parametrize(
    ("record", "nano_usd"),
    [
        # 4 × 3 + 20000 × 0.3 + 1000 × 3.75 + 104 × 15 = 11322
        pytest.param(log(CLAUDE, "com.anthropic.claude_code.events"), 11_322_000, id="Claude Code"),
        # 400 × 1.25 + 600 × 0.125 + 200 × 10 = 2575
        pytest.param(log(CODEX, "codex_otel"), 2_575_000, id="Codex"),
        # 1200 × 1.25 + (300 + 100) × 10 = 5500
        pytest.param(log(GEMINI, "gemini-cli"), 5_500_000, id="Gemini CLI"),
        # 1000 × 2.5 + 100 × 10 = 3500
        pytest.param(log(INFERENCE, "made.up"), 3_500_000, id="GenAI event"),
    ],
)
def test_an_event_is_a_priced_call(record: LogRecord, nano_usd: int) -> None:
    """Each agent counts in its own way."""
    call = call_of_log(record)

    assert call is not None
    priced = price_call(call, PriceBook())
    assert (priced.status, priced.cost_nano_usd) == (CostStatus.PRICED, nano_usd)


def test_the_same_record_is_the_same_call() -> None:
    """So that an import can be repeated."""
    one, other = (call_of_log(log(dict(CODEX), "codex_otel")) for _ in range(2))

    assert one == other


def test_an_error_event_is_a_failed_call_without_its_message() -> None:
    """An overloaded provider did no work; the text of the error is dropped."""
    error = {"event.name": "api_error", "model": "claude-sonnet-4-5", "status_code": "529"}
    call = call_of_log(
        log({**error, "error": "529 said: ada@x.example"}, "com.anthropic.claude_code")
    )

    assert call is not None
    assert (call.error_type, call.http_status_code) == ("529", 529)
    assert price_call(call, PriceBook()).status is CostStatus.FREE


@pytest.mark.parametrize(
    "attributes",
    [
        {"event.name": "claude_code.user_prompt"},
        {**CODEX, "event.kind": "response.created"},
        {"event.name": "gen_ai.client.inference.operation.details", "gen_ai.operation.name": "x"},
        {"event.name": 7},
        {},
    ],
)
def test_other_events_are_not_calls(attributes: dict[str, Any]) -> None:
    """Prompts, chunks and tools have no cost."""
    assert call_of_log(log(attributes, "codex_otel")) is None


def test_a_span_and_an_event_of_one_call_are_billed_once() -> None:
    """The event is written inside the span, or names the same request."""
    span = SpanRecord(
        trace_id=7,
        span_id=8,
        start_ns=NOW_NS - 10**9,
        end_ns=NOW_NS + 1000,
        scope_name="made.up",
        attributes={key: value for key, value in INFERENCE.items() if key != "event.name"},
    )
    event = log(INFERENCE, "made.up", trace_id=7, span_id=8)
    calls = [call for call in (read_call(span), call_of_log(event)) if call is not None]

    decided = decide([price_call(call, PriceBook()) for call in calls])

    assert [priced.billed for priced in decided].count(True) == 1


def test_an_agents_span_and_event_of_one_request_are_billed_once() -> None:
    """Claude Code writes both."""
    span = SpanRecord(
        trace_id=7,
        span_id=8,
        start_ns=NOW_NS - 2 * 10**9,
        end_ns=NOW_NS,
        scope_name="com.anthropic.claude_code.tracing",
        attributes={
            "span.type": "llm_request",
            "gen_ai.request.model": CLAUDE["model"],
            **{k: v for k, v in CLAUDE.items() if k.endswith("_tokens")},
        },
    )
    event = log(CLAUDE, "com.anthropic.claude_code.events")
    calls = [call for call in (read_call(span), call_of_log(event)) if call is not None]

    decided = decide([price_call(call, PriceBook()) for call in calls])

    assert len(decided) == 2
    assert [priced.billed for priced in decided].count(True) == 1
