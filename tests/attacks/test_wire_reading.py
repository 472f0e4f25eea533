"""Attacks on the reading of requests and responses: generators, not samples."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_pricing import Usage
from otel_pricing.model.call import UNIT_NAMES
from otel_wire.answers import Answer, AnswerReader
from otel_wire.endpoints import find_endpoint, may_call_model
from otel_wire.requests import ModelRequest, read_request
from support.wire_responses import RESPONSES, Response

everyday = settings(max_examples=200, derandomize=True, deadline=None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["usage", "model", "type", "message", "response", "delta", "choices", "content",
                 "id", "service_tier", "usageMetadata", "meta", "tokens", "billed_units", "error",
                 "bytes", "prompt_tokens", "input_tokens", "messages", "tools", "n", "max_tokens",
                 "source", "file", "prompt", "requests", "generationConfig", "image_url"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip
header_values = st.sampled_from(
    ["", "gzip", "deflate", "identity", "application/json", "text/event-stream",
     "application/vnd.amazon.eventstream", "multipart/form-data; boundary=x", "\x00", "audio/mp3"]
)  # fmt: skip
headers = st.dictionaries(
    st.sampled_from(
        ["content-type", "Content-Encoding", "x-prompt-tokens", "x-litellm-response-cost"]
    ),
    header_values | st.text(max_size=20),
)


def read(body: bytes, cuts: list[int], headers: dict[str, str]) -> Answer:
    reader = AnswerReader(None, 200, headers)
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        reader.feed(body[start:end])
    return reader.end()


def is_sane(usage: Usage | None) -> bool:
    values = [] if usage is None else [getattr(usage, name) for name in UNIT_NAMES]
    return all(value is None or 0 <= value <= 3_000_000_000 for value in values)


@everyday
@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=5), headers)
def test_any_bytes_are_survived(
    body: bytes, cuts: list[int], response_headers: dict[str, str]
) -> None:
    """With the same result in any chunks, under any headers."""
    answer = read(body, cuts, response_headers)

    assert answer == read(body, [], response_headers)
    assert is_sane(answer.usage)


@everyday
@given(json_values, st.lists(st.integers(0, 400), max_size=5))
def test_any_json_is_survived(value: Any, cuts: list[int]) -> None:
    """Fields of any type anywhere."""
    body = json.dumps(value).encode()
    answer = read(body, cuts, {})

    assert answer == read(body, [], {})
    assert is_sane(answer.usage)
    assert answer.unread_reason is None


@everyday
@given(
    st.sampled_from(RESPONSES),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=3)), min_size=1, max_size=6),
    st.lists(st.integers(0, 1 << 16), max_size=4),
)
def test_damaged_responses_are_survived(
    response: Response, damage: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    """With changed bytes at any position."""
    body = bytearray(response.body)
    for place, what in damage:
        at = place % len(body)
        body[at : at + len(what)] = what
    headers = {"content-type": response.content_type}
    answer = read(bytes(body), cuts, headers)

    assert answer == read(bytes(body), [], headers)
    assert is_sane(answer.usage)


@everyday
@given(
    st.sampled_from(["/v1/chat/completions", "/v1/messages", "/model/x/invoke", "/v1/responses"]),
    st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()),
    headers,
)
def test_any_request_is_survived(path: str, body: bytes, request_headers: dict[str, str]) -> None:
    """And the facts read from it are plausible."""
    request = read_request("127.0.0.1", path, body, request_headers)

    assert request is None or request.size >= 0
    assert request is None or request.max_output_tokens is None or request.max_output_tokens >= 0
    if request is not None and request.unread_reason:
        assert not request.readable


@everyday
@given(st.data())
def test_every_spelling_of_a_path_is_recognised(data: st.DataObject) -> None:
    """Percent-encoding, case, slashes, parameters and dots, in any number and place."""
    path = data.draw(
        st.sampled_from(["/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/v1/responses"])
    )
    out = []
    for char in path:
        how = data.draw(st.integers(0, 9))
        if how == 0:
            out.append(f"%{ord(char):02x}")
        elif how == 1:
            out.append(f"%25{ord(char):02X}")
        elif how == 2:
            out.append(char.upper())
        elif how == 3 and char == "/":
            out.append(data.draw(st.sampled_from(["//", "/./", "/x/../", ";a=b/", "/%2f"])))
        else:
            out.append(char)
    spelled = "".join(out) + data.draw(st.sampled_from(["", "/", "//", "?a=/b", ";x", "%20", "/."]))
    spelled = spelled if spelled.startswith(("/", "%")) else "/" + spelled

    assert may_call_model("POST", spelled)
    found, plain = find_endpoint(spelled), find_endpoint(path)
    assert found is not None
    assert plain is not None
    assert (found.operation, found.provider) == (plain.operation, plain.provider)


@everyday
@given(json_values)
def test_text_of_a_model_changes_no_field(written: Any) -> None:
    """Any JSON in the arguments of a tool, as text and as an object, leaves the facts alone."""
    request = ModelRequest("openai", "m", "chat", 1000)
    for place in (
        {"choices": [{"message": {"tool_calls": [{"function": {"arguments": written}}]}}]},
        {"choices": [{"message": {"content": json.dumps(written)}}]},
        {"content": [{"type": "tool_use", "input": written}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": written}}]}}]},
        {"metadata": written},
    ):
        body = {**place, "id": "i", "model": "m", "service_tier": "t",
                "usage": {"prompt_tokens": 5, "completion_tokens": 6}}  # fmt: skip
        for padding in ("", "x" * 70_000):
            reader = AnswerReader(request, 200, {})
            reader.feed(json.dumps({"padding": padding, **body}).encode())
            answer = reader.end()
            assert answer.usage == Usage(input_tokens=5, output_tokens=6)
            assert (answer.model, answer.tier, answer.response_id) == ("m", "t", "i")
            assert answer.error_type is None
            assert answer.reported_cost_usd is None
