"""Writes OTLP/JSON Lines as the Collector's file exporter does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def chat_span(number: int, **more: Any) -> dict[str, Any]:
    """A finished chat call of gpt-4o: 1200 tokens in, 300 out, 6000 micro-dollars, 500 ms."""
    start = more.pop("start_ns", 1_767_225_600_000_000_000) + number * 1_000_000_000
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{number}",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 300,
        **more,
    }
    return {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 500_000_000),
        "attributes": [
            {"key": key, "value": _value(value)}
            for key, value in attributes.items()
            if value is not None
        ],
        "status": {},
    }


def write_archive(
    path: Path,
    *spans: dict[str, Any],
    scope_name: str = "opentelemetry.instrumentation.genai.openai",
) -> Path:
    """Write *spans* of one service, one request a line."""
    scope = {"name": scope_name}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    lines = [
        {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": [s]}]}]}
        for s in spans
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _value(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"stringValue": str(value)}
