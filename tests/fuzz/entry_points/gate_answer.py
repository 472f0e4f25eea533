"""The reader of responses: within the bounds of the request, for any chunks."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzz.entry_points.entry_point import EntryPoint, json_values, texts
from otel_pricing.model.call import UNIT_NAMES
from otel_wire.answers import Answer, AnswerReader
from otel_wire.limits import bounded
from otel_wire.requests import ModelRequest, read_request

_KEYS = (
    *("usage", "model", "type", "message", "response", "delta", "choices", "content", "id"),
    *("service_tier", "usageMetadata", "promptTokenCount", "candidatesTokenCount", "error"),
    *("modelVersion", "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"),
    *("cache_read_input_tokens", "prompt_eval_count", "eval_count", "done", "metrics", "text"),
    *("arguments", "tool_calls", "function", "finish_reason", "stop_reason", "cost"),
)
_objects = st.recursive(
    json_values | st.integers(0, 10**12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5)
    ),
    max_leaves=15,
)
_LIMIT = 20


class Response(NamedTuple):
    """A response and how it arrives."""

    body: bytes
    headers: dict[str, str]
    cuts: list[int]


@st.composite
def responses(draw: Any) -> Response:
    """Return a response in one of the framings, valid or damaged."""
    parts = [json.dumps(part).encode() for part in draw(st.lists(_objects, min_size=1, max_size=4))]
    shape = draw(st.sampled_from(["json", "sse", "lines", "array"]))
    body = {
        "json": parts[0],
        "sse": b"".join(b"event: x\ndata: %s\n\n" % part for part in parts),
        "lines": b"\n".join(parts),
        "array": b"[" + b",".join(parts) + b"]",
    }[shape]
    if draw(st.booleans()):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=5)) + body[at:]
    headers = {"content-type": "text/event-stream" if shape == "sse" else "application/json"}
    if draw(st.integers(0, 4)) == 0:
        headers["content-encoding"] = draw(st.sampled_from(["gzip", "deflate", "br"]) | texts)
        body = gzip.compress(body)
    cuts = draw(st.lists(st.integers(0, max(len(body), 1)), max_size=6))
    return Response(body, headers, cuts)


def _request() -> ModelRequest:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "max_tokens": _LIMIT}
    found = read_request("api.openai.com", "/v1/chat/completions", json.dumps(body).encode())
    assert found is not None
    return found


_REQUEST = _request()


def check(response: Response) -> None:
    """The same in any chunks; usage within the request's bounds; the reader never fails."""
    answer = _read(response, response.cuts)

    assert answer == _read(response, [])
    if answer.usage is not None:
        assert bounded(answer.usage, _REQUEST) == (answer.usage, False)
        counts = [getattr(answer.usage, name) for name in UNIT_NAMES]
        assert all(count is None or count >= 0 for count in counts), answer
    assert answer.output_characters >= 0
    assert answer.reported_cost_usd is None or answer.reported_cost_usd >= 0


def _read(response: Response, cuts: list[int]) -> Answer:
    reader = AnswerReader(_REQUEST, 200, response.headers)
    for start, end in pairwise(sorted({0, len(response.body), *cuts})):
        reader.feed(response.body[start:end])
    return reader.end()


ENTRY_POINT = EntryPoint(responses(), check, few=60)
