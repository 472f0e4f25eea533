"""Operations and emitters whose calls have a row in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from otel_pricing import PriceBook, SpanRecord, price_call, read_call
from otel_pricing.reading.log_events import INFERENCE, LogRecord, call_of_log

START_NS = 1_795_800_000_000_000_000
BOOK = PriceBook()


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("realtime_inference", "realtime_inference"),
        ("realtime", "realtime_inference"),
        ("video_generation", "video_generation"),
        ("create_video", "video_generation"),
        ("generate_videos", "video_generation"),
        ("transcription", "transcription"),
        ("transcribe", "transcription"),
        ("speech", "speech"),
        ("text_to_speech", "speech"),
        ("image_generation", "image_generation"),
        ("images.generate", "image_generation"),
        ("ocr", "ocr"),
        ("llm_call", "chat"),
        ("converse_stream", "chat"),
    ],
)
def test_every_inference_is_a_call(name: str, operation: str) -> None:
    """On a span and in the event of the conventions."""
    attributes = {"gen_ai.operation.name": name, "gen_ai.request.model": "m"}
    record = SpanRecord(trace_id=1, span_id=2, start_ns=1, end_ns=2, attributes=attributes)
    event = LogRecord(time_ns=START_NS, event_name=INFERENCE, attributes=attributes)

    found = read_call(record), call_of_log(event)

    assert [call.operation if call else None for call in found] == [operation, operation]


@pytest.mark.parametrize("name", ["execute_tool", "invoke_agent", "create_agent", "plan", "x"])
def test_spans_without_inference_are_not_calls(name: str) -> None:
    """Agents and tools repeat the usage of the calls inside them."""
    attributes = {"gen_ai.operation.name": name, "gen_ai.request.model": "m"}
    record = SpanRecord(trace_id=1, span_id=2, start_ns=1, end_ns=2, attributes=attributes)

    assert read_call(record) is None


CLAUDE = {
    "span.type": "llm_request",
    "model": "claude-sonnet-4-5",
    "input_tokens": 100,
    "output_tokens": "10",
    "cache_read_tokens": 1000,
    "cache_creation_tokens": 0,
}


@pytest.mark.parametrize(
    ("scope", "attributes", "nano_usd"),
    [
        # 100 × 3 + 1000 × 0.3 + 10 × 15 = 750
        ("com.anthropic.claude_code.tracing", CLAUDE, 750_000),
        ("", CLAUDE, 750_000),
        # 100 × 1.25 + 15 × 10 = 275: thoughts are beside the output
        ("gemini-cli",
         {"gen_ai.operation.name": "llm_call", "gen_ai.agent.name": "gemini-cli",
          "model": "gemini-2.5-pro", "input_token_count": 100, "output_token_count": 10,
          "thoughts_token_count": 5}, 275_000),
    ],
)  # fmt: skip
def test_spans_of_coding_agents_are_priced(
    scope: str, attributes: dict[str, Any], nano_usd: int
) -> None:
    """Counts without a prefix, as numbers or text."""
    call = read_call(
        SpanRecord(
            trace_id=1,
            span_id=2,
            start_ns=START_NS,
            end_ns=START_NS + 1,
            scope_name=scope,
            attributes=attributes,
        )
    )

    assert call is not None
    priced = price_call(call, BOOK)
    assert (priced.status.value, priced.cost_nano_usd) == ("priced", nano_usd)
