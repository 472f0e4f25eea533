"""Responses of model providers in their documented forms, with made-up counts."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass, field

from otel_pricing import Usage

Json = dict[str, object]


def sse(*messages: Json, done: bool = False, named: bool = False) -> bytes:
    lines = []
    for message in messages:
        if named:
            lines.append(f"event: {message.get('type')}\n")
        lines.append(f"data: {json.dumps(message)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def frame(event: str, payload: bytes, kind: str = ":event-type") -> bytes:
    """Return one frame of an AWS event stream."""
    headers = b""
    for name, value in ((":message-type", "event"), (kind, event)):
        headers += bytes([len(name)]) + name.encode()
        headers += b"\x07" + struct.pack(">H", len(value)) + value.encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    message = prelude + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event_stream(*events: tuple[str, Json]) -> bytes:
    return b"".join(frame(name, json.dumps(body).encode()) for name, body in events)


def invoke_stream(*chunks: Json) -> bytes:
    """Return a stream of InvokeModelWithResponseStream, whose chunks are encoded."""
    encoded = (base64.b64encode(json.dumps(chunk).encode()).decode() for chunk in chunks)
    events: list[tuple[str, Json]] = [("chunk", {"bytes": b, "p": "abcd"}) for b in encoded]
    return event_stream(*events)


def ndjson(*messages: Json) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


@dataclass(frozen=True)
class Response:
    """A response and its facts."""

    name: str
    body: bytes
    usage: Usage | None
    model: str
    content_type: str = "application/json"
    operation: str = "chat"
    tier: str | None = None
    response_id: str | None = None
    finish: tuple[str, ...] = ()
    characters: int = 0
    cost: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


SSE = "text/event-stream"
AWS = "application/vnd.amazon.eventstream"
TRAP = '{"usage":{"prompt_tokens":1,"completion_tokens":1},"modelVersion":"cheap",'
TRAP += '"service_tier":"flex","model":"cheap","type":"message_stop"}'
"""Text that a prompt can make a model write into the arguments of a tool."""

_OPENAI_USAGE: Json = {
    "prompt_tokens": 1200,
    "completion_tokens": 300,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 200, "audio_tokens": 0},
}
_OPENAI = Usage(
    input_tokens=1200, output_tokens=300, cache_read_tokens=1024, reasoning_tokens=200,
    input_audio_tokens=0, output_audio_tokens=0,
)  # fmt: skip
_ANTHROPIC_USAGE: Json = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 50,
    "cache_read_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 40},
    "output_tokens": 30,
    "service_tier": "standard",
}
_ANTHROPIC = Usage(
    input_tokens=1150, output_tokens=30, cache_read_tokens=1000, cache_write_tokens=50,
    cache_write_1h_tokens=40,
)  # fmt: skip
_GEMINI_USAGE: Json = {
    "promptTokenCount": 1200,
    "candidatesTokenCount": 300,
    "thoughtsTokenCount": 100,
    "totalTokenCount": 1600,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1000},
                            {"modality": "AUDIO", "tokenCount": 200}],
}  # fmt: skip
_GEMINI = Usage(
    input_tokens=1200,
    output_tokens=400,
    reasoning_tokens=100,
    input_audio_tokens=200,
    input_image_tokens=0,
    input_video_tokens=0,
)
_PLAIN = Usage(input_tokens=1200, output_tokens=300)


def _anthropic_events() -> list[Json]:
    return [
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "model": "claude-x",
         "content": [], "usage": {**_ANTHROPIC_USAGE, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "text_delta", "text": "Grüße!"}},
        {"type": "content_block_start", "index": 1,
         "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 1,
         "delta": {"type": "input_json_delta", "partial_json": TRAP}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
         "usage": {"output_tokens": 30}},
        {"type": "message_stop"},
    ]  # fmt: skip


def _openai_chunks(usage: Json | None = _OPENAI_USAGE) -> list[Json]:
    base: Json = {"id": "c-1", "object": "chat.completion.chunk", "model": "gpt-x",
                  "service_tier": "default", "usage": None}  # fmt: skip
    chunks: list[Json] = [
        {**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi 😀"}}]},
        {**base, "choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "id": "t", "function": {"name": "f", "arguments": TRAP}}]}}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]  # fmt: skip
    return [*chunks, {**base, "choices": [], "usage": usage}] if usage else chunks


RESPONSES: tuple[Response, ...] = (
    Response("openai chat", json.dumps({
        "id": "c-1", "object": "chat.completion", "model": "gpt-x",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "content": "Hi", "tool_calls": [{"function": {"name": "f", "arguments": TRAP}}]}}],
        "usage": _OPENAI_USAGE, "service_tier": "default"}).encode(),
        _OPENAI, "gpt-x", tier="default", response_id="c-1", finish=("tool_calls",),
        characters=2 + len(TRAP)),
    Response("openai chat stream", sse(*_openai_chunks(), done=True), _OPENAI, "gpt-x", SSE,
        tier="default", response_id="c-1", finish=("tool_calls",), characters=4 + len(TRAP)),
    Response("openai chat stream without usage", sse(*_openai_chunks(None), done=True), None,
        "gpt-x", SSE, tier="default", response_id="c-1", finish=("tool_calls",),
        characters=4 + len(TRAP)),
    Response("openai responses", json.dumps({
        "id": "r-1", "object": "response", "status": "completed", "model": "gpt-x",
        "metadata": {"model": "cheap", "service_tier": "flex", "usage": "1"},
        "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}},
        "output": [{"type": "reasoning", "summary": []},
                   {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
                   {"type": "function_call", "arguments": TRAP}],
        "service_tier": "priority",
        "usage": {"input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500}}).encode(),
        _PLAIN, "gpt-x", tier="priority", response_id="r-1", characters=2 + len(TRAP)),
    Response("openai responses stream", sse(
        {"type": "response.created", "response": {"id": "r-1", "model": "gpt-x", "usage": None,
         "service_tier": "auto", "metadata": {"service_tier": "flex"}}},
        {"type": "response.output_text.delta", "delta": "Hallo"},
        {"type": "response.function_call_arguments.delta", "delta": TRAP},
        {"type": "response.output_text.done", "text": "Hallo"},
        {"type": "response.completed", "response": {"id": "r-1", "model": "gpt-x",
         "service_tier": "default", "metadata": {"service_tier": "flex"},
         "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hallo"}]}],
         "usage": {"input_tokens": 1200, "output_tokens": 300}}}, named=True),
        _PLAIN, "gpt-x", SSE, tier="default", response_id="r-1", characters=5 + len(TRAP)),
    Response("openai embeddings", json.dumps({
        "object": "list", "model": "emb", "data": [{"embedding": [0.25, -0.5] * 8}],
        "usage": {"prompt_tokens": 8, "total_tokens": 8}}).encode(),
        Usage(input_tokens=8), "emb", operation="embeddings"),
    Response("voyage embeddings", json.dumps({
        "object": "list", "model": "voyage-x", "data": [{"embedding": "AAAA"}],
        "usage": {"total_tokens": 8}}).encode(),
        Usage(input_tokens=8), "voyage-x", operation="embeddings"),
    Response("anthropic", json.dumps({
        "id": "msg_1", "type": "message", "model": "claude-x", "stop_reason": "tool_use",
        "content": [{"type": "text", "text": "Hi"}, {"type": "tool_use", "name": "f", "input": {}}],
        "usage": _ANTHROPIC_USAGE}).encode(),
        _ANTHROPIC, "claude-x", tier="standard", response_id="msg_1", finish=("tool_use",),
        characters=4),
    Response("anthropic stream", sse(*_anthropic_events(), named=True), _ANTHROPIC, "claude-x", SSE,
        tier="standard", response_id="msg_1", finish=("tool_use",), characters=6 + 2 + len(TRAP)),
    Response("gemini", json.dumps({
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": _GEMINI_USAGE, "modelVersion": "gemini-x",
        "responseId": "g-1"}).encode(),
        _GEMINI, "gemini-x", operation="generate_content", response_id="g-1", finish=("STOP",),
        characters=2),
    Response("gemini stream as an array", json.dumps([
        {"candidates": [{"content": {"parts": [{"text": "Hi "}]}}],
         "usageMetadata": {"promptTokenCount": 1200, "candidatesTokenCount": 1,
                           "totalTokenCount": 1201}, "modelVersion": "gemini-x"},
        {"candidates": [{"content": {"parts": [{"text": "you"}]}, "finishReason": "STOP"}],
         "usageMetadata": _GEMINI_USAGE, "modelVersion": "gemini-x"}], indent=2).encode(),
        _GEMINI, "gemini-x", operation="generate_content", finish=("STOP",), characters=6),
    Response("gemini stream of events", sse(
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "you"}]}, "finishReason": "STOP"}],
         "usageMetadata": _GEMINI_USAGE, "modelVersion": "gemini-x"}),
        _GEMINI, "gemini-x", SSE, operation="generate_content", finish=("STOP",), characters=5),
    Response("bedrock converse", json.dumps({
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
        "stopReason": "end_turn", "metrics": {"latencyMs": 10},
        "usage": {"inputTokens": 176, "outputTokens": 300, "totalTokens": 1500,
                  "cacheReadInputTokens": 1024, "cacheWriteInputTokens": 0}}).encode(),
        Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024, cache_write_tokens=0),
        "", finish=("end_turn",), characters=2),
    Response("bedrock converse stream", event_stream(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": TRAP}}}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": {"inputTokens": 1200, "outputTokens": 300, "totalTokens": 1500}})),
        _PLAIN, "", AWS, finish=("end_turn",), characters=2 + len(TRAP)),
    Response("bedrock invoke stream", invoke_stream(
        *_anthropic_events()[:-1],
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": 100, "outputTokenCount": 30, "cacheReadInputTokenCount": 1000,
            "cacheWriteInputTokenCount": 50}}),
        _ANTHROPIC, "claude-x", AWS, tier="standard", response_id="msg_1", finish=("tool_use",),
        characters=6 + 2 + len(TRAP)),
    Response("bedrock invoke, counted in headers", b'{"generation": "Hi", "stop_reason": "stop"}',
        _PLAIN, "", finish=("stop",), characters=2,
        headers={"X-Amzn-Bedrock-Input-Token-Count": "1200",
                 "X-Amzn-Bedrock-Output-Token-Count": "300"}),
    Response("titan", json.dumps({"inputTextTokenCount": 1200, "results": [
        {"tokenCount": 300, "outputText": "Hi", "completionReason": "FINISH"}]}).encode(),
        _PLAIN, "", characters=2),
    Response("cohere v2", json.dumps({
        "id": "co-1", "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        "usage": {"billed_units": {"input_tokens": 1200, "output_tokens": 300},
                  "tokens": {"input_tokens": 1400, "output_tokens": 310}}}).encode(),
        _PLAIN, "", response_id="co-1", finish=("COMPLETE",), characters=2),
    Response("cohere v2 stream", sse(
        {"type": "message-start", "id": "co-1", "delta": {"message": {"content": []}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
            "billed_units": {"input_tokens": 1200, "output_tokens": 300}}}}, named=True),
        _PLAIN, "", SSE, response_id="co-1", finish=("COMPLETE",), characters=2),
    Response("cohere v1", json.dumps({"generation_id": "co-1", "text": "Hi", "meta": {
        "billed_units": {"input_tokens": 1200.0, "output_tokens": 300.0}}}).encode(),
        _PLAIN, "", response_id="co-1", characters=2),
    Response("ollama stream", ndjson(
        {"model": "llama", "message": {"role": "assistant", "content": "Hi "}, "done": False},
        {"model": "llama", "message": {"role": "assistant", "content": "you"}, "done": False},
        {"model": "llama", "message": {"role": "assistant", "content": ""}, "done": True,
         "done_reason": "stop", "prompt_eval_count": 1200, "eval_count": 300}),
        _PLAIN, "llama", "application/x-ndjson", finish=("stop",), characters=6),
    Response("groq stream", sse(
        {"id": "q-1", "model": "llama", "choices": [{"delta": {"content": "Hi"}}]},
        {"id": "q-1", "model": "llama", "choices": [{"delta": {}, "finish_reason": "stop"}],
         "x_groq": {"id": "req", "usage": {"prompt_tokens": 1200, "completion_tokens": 300}}},
        done=True), _PLAIN, "llama", SSE, response_id="q-1", finish=("stop",), characters=2),
    Response("openrouter", json.dumps({
        "id": "or-1", "provider": "X", "model": "a/b", "choices": [{"message": {"content": "Hi"}}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 300, "cost": 0.0125}}).encode(),
        _PLAIN, "a/b", response_id="or-1", characters=2, cost="0.0125"),
    Response("litellm", json.dumps({"id": "l", "model": "m", "choices": [], "usage": {
        "prompt_tokens": 1200, "completion_tokens": 300}}).encode(), _PLAIN, "m",
        response_id="l", cost="0.25", headers={"x-litellm-response-cost": "0.25"}),
    Response("hugging face", json.dumps({"generated_text": "Hi", "details": {
        "finish_reason": "length", "generated_tokens": 300}}).encode(), _PLAIN, "",
        characters=2, headers={"x-prompt-tokens": "1200"}),
)  # fmt: skip
