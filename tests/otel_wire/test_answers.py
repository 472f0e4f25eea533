"""Responses are read by structure: in every format, in any chunks, with any text inside."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_pricing import Usage
from otel_wire.answers import Answer, AnswerReader
from otel_wire.requests import ModelRequest
from support.wire_responses import AWS, RESPONSES, SSE, TRAP, Response, frame, sse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

every_response = pytest.mark.parametrize("response", RESPONSES, ids=lambda r: r.name)


def read(
    *pieces: bytes,
    headers: Mapping[str, str] | None = None,
    request: ModelRequest | None = None,
    status: int = 200,
) -> Answer:
    reader = AnswerReader(request, status, headers or {})
    for piece in pieces:
        reader.feed(piece)
    return reader.end()


def headers_of(response: Response, **more: str) -> dict[str, str]:
    return {"Content-Type": response.content_type, **response.headers, **more}


def request_of(response: Response) -> ModelRequest:
    return ModelRequest("openai", response.model, response.operation, 1_000_000)


def answer_to(response: Response, *pieces: bytes, **more: str) -> Answer:
    return read(*pieces, headers=headers_of(response, **more), request=request_of(response))


@every_response
def test_facts_of_a_response_are_read(response: Response) -> None:
    """Usage, model, tier, id, reasons and cost have separate paths."""
    answer = answer_to(response, response.body)

    assert answer.usage == response.usage
    assert answer.usage_is_final == (response.usage is not None)
    assert answer.model == response.model
    assert answer.tier == response.tier
    assert answer.response_id == response.response_id
    assert answer.finish_reasons == response.finish
    assert answer.output_characters == response.characters
    assert answer.reported_cost_usd == (Decimal(response.cost) if response.cost else None)
    assert answer.complete
    assert answer.error_type is None
    assert answer.unread_reason is None
    assert answer.bytes_read == len(response.body)


@every_response
def test_single_bytes_read_as_the_whole(response: Response) -> None:
    """Networks split at any byte, inside characters and escapes too."""
    pieces = [response.body[i : i + 1] for i in range(len(response.body))]

    assert answer_to(response, *pieces) == answer_to(response, response.body)


def pieces_of(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[a:b] for a, b in itertools.pairwise(places)]


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.sampled_from(RESPONSES), st.lists(st.integers(0, 1 << 20), max_size=12), st.data())
def test_any_split_gives_the_same_answer(
    response: Response, cuts: list[int], data: st.DataObject
) -> None:
    """For a complete response, and one that breaks off at any byte."""
    end = data.draw(st.integers(0, len(response.body)))
    body = response.body[:end]

    assert answer_to(response, *pieces_of(body, cuts)) == answer_to(response, body)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate"])
@every_response
def test_compressed_responses_read_as_plain_ones(response: Response, encoding: str) -> None:
    """In any chunks."""
    body = gzip.compress(response.body) if encoding == "gzip" else zlib.compress(response.body)
    body = body[2:-4] if encoding == "raw deflate" else body
    pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
    answer = answer_to(response, *pieces, **{"Content-Encoding": encoding.rsplit(maxsplit=1)[-1]})

    assert answer.usage == response.usage
    assert answer.complete


@pytest.mark.parametrize(
    "response", [r for r in RESPONSES if r.content_type != AWS], ids=lambda r: r.name
)
def test_a_long_response_reads_as_a_short_one(response: Response) -> None:
    """Beyond the buffer values are skipped; the facts are the same."""
    body = response.body
    padding = b'{"padding": "' + b"x\\n" * 50_000 + b'", "z": [[1, {"usage": {}}]], '
    body = body.replace(b"{", padding, 1)
    answer = answer_to(response, body)

    assert answer.usage == response.usage
    assert answer.model == response.model
    assert answer.tier == response.tier
    assert answer.finish_reasons == response.finish
    assert answer.complete


@every_response
def test_a_response_that_broke_off_is_not_final(response: Response) -> None:
    """Before its end no usage of a stream counts as final."""
    if response.headers or not response.body.startswith((b"data", b"event", b"\x00")):
        end = len(response.body) // 2
        assert not answer_to(response, response.body[:end]).complete
        return
    for end in range(0, len(response.body), 3):
        answer = answer_to(response, response.body[:end])
        if answer.usage_is_final:
            assert answer.usage == response.usage


def test_output_before_a_stream_broke_off_counts() -> None:
    """Anthropic reports the input first; the output is measured."""
    response = next(r for r in RESPONSES if r.name == "anthropic stream")
    end = response.body.index(b"content_block_start", response.body.index(b"text_delta"))
    answer = answer_to(response, response.body[:end])

    assert answer.usage is not None
    assert answer.usage.input_tokens == 1150
    assert not answer.usage_is_final
    assert answer.output_characters == 6


@pytest.mark.parametrize("path", ["arguments", "content", "input", "metadata", "schema"])
@pytest.mark.parametrize("size", [0, 100_000], ids=["short", "long"])
def test_nothing_inside_text_or_arguments_is_a_field(path: str, size: int) -> None:
    """A prompt can make a model write anything there, before the real fields."""
    document = json.loads(TRAP)
    place: dict[str, Any] = {
        "arguments": {"choices": [{"message": {"tool_calls": [
            {"function": {"arguments": document}}]}}]},
        "content": {"choices": [{"message": {"content": [document]}}]},
        "input": {"content": [{"type": "tool_use", "input": document}]},
        "metadata": {"metadata": document, "response": {"metadata": document}},
        "schema": {"tools": [document], "text": document, "instructions": TRAP},
    }[path]  # fmt: skip
    body = {**place, "padding": "x" * size, "model": "dear", "service_tier": "priority",
            "usage": {"prompt_tokens": 1200, "completion_tokens": 300}}  # fmt: skip
    answer = read(json.dumps(body).encode())

    assert answer.usage == Usage(input_tokens=1200, output_tokens=300)
    assert (answer.model, answer.tier) == ("dear", "priority")


@pytest.mark.parametrize(
    ("request_", "claim", "usage"),
    [
        (ModelRequest("o", "m", "chat", 100, 10), (50, 10**9), (50, 10 + 1 + 256)),
        (ModelRequest("o", "m", "chat", 100, 10), (10**9, 5), (100 + 32_768, 5)),
        (ModelRequest("o", "m", "chat", 100), (50, 10**9), (50, 1_048_576)),
        (ModelRequest("o", "m", "chat", 100, readable=False), (10**9, 5), (2_097_152, 5)),
        (ModelRequest("o", "m", "chat", 100, 10, hidden_input=True), (90_000, 9), (90_000, 9)),
        (ModelRequest("o", "m", "chat", 100, 10), (50, 10), (50, 10)),
    ],
)
def test_claims_count_within_the_bounds_of_the_request(
    request_: ModelRequest, claim: tuple[int, int], usage: tuple[int, int]
) -> None:
    """Beyond it the bound counts, and the result is marked."""
    body = {"usage": {"prompt_tokens": claim[0], "completion_tokens": claim[1]}}
    answer = read(json.dumps(body).encode(), request=request_)

    assert answer.usage == Usage(input_tokens=usage[0], output_tokens=usage[1])
    assert answer.usage_is_bounded == (claim != usage)


@pytest.mark.parametrize("invalid", [-5, 1.5, 10**30, True, "many", [], {}, None])
def test_an_invalid_count_is_ignored(invalid: object) -> None:
    """The others still count."""
    body = {"usage": {"prompt_tokens": 12, "completion_tokens": invalid}}

    assert read(json.dumps(body).encode()).usage == Usage(input_tokens=12)


def test_errors_inside_streams_are_named() -> None:
    """The status of the stream is already 200."""
    body = sse({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, named=True)

    assert read(body, headers={"content-type": SSE}).error_type == "overloaded_error"
    exception_frame = frame("throttlingException", b'{"message":"x"}', ":exception-type")
    assert read(exception_frame, headers={"content-type": AWS}).error_type == "throttlingException"


HOSTILE: dict[str, tuple[bytes, bytes, bytes]] = {
    "endless string": (b'{"content": "', b"x" * 65_536, b'", "usage": {"prompt_tokens": 7}}'),
    "endless escapes": (b'{"content": "', b"\\n" * 32_768, b'", "usage": {"prompt_tokens": 7}}'),
    "endless list": (b'{"choices": [', b'{"message":{"content":"x"}},' * 2_000,
                     b'1], "usage": {"prompt_tokens": 7}}'),
    "endless numbers": (b'{"data": [', b"0.125," * 10_000, b'1], "usage": {"prompt_tokens": 7}}'),
    "endless digits": (b'{"n": ', b"1" * 65_536, b', "usage": {"prompt_tokens": 7}}'),
    "endless keys": (b"{", b'"a":1,' * 10_000, b'"usage": {"prompt_tokens": 7}}'),
    "endless space": (b" ", b" \n" * 32_768, b'{"usage": {"prompt_tokens": 7}}'),
    "endless nesting": (b'{"choices": ', b"[" * 65_536, b""),
    "endless line": (b"data: ", b"x" * 65_536, b""),
    "endless comments": (b"data: {}\n\n", b": ping\n\n" * 2_000,
                         b'data: {"usage": {"prompt_tokens": 7}}\n\n'),
    "endless events": (b"", b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n' * 300,
                       b'data: {"usage": {"prompt_tokens": 7}}\n\n'),
    "endless data": (b"data: {", b'\ndata: "a":1,' * 3_000,
                     b'\ndata: "usage": {"prompt_tokens": 7}}\n\n'),
    "invalid UTF-8": (b'{"content": "', b"\xff\xfe\xc3" * 20_000,
                      b'", "usage": {"prompt_tokens": 7}}'),
}  # fmt: skip


def memory_of(start: bytes, middle: bytes) -> tuple[int, int]:
    """Return the growth of a reader in bytes with *middle* repeated, at the end and at its peak."""
    reader = AnswerReader(None, 200, {})
    reader.feed(start)
    reader.feed(middle)
    tracemalloc.start()
    for _ in range(6):
        reader.feed(middle)
    grown, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return grown, peak


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_cost_bounded_memory(name: str) -> None:
    """For any endless repetition; the usage after it still counts."""
    start, middle, end = HOSTILE[name]
    measured = [memory_of(start, middle) for _ in range(3)]  # other threads allocate as well
    reader = AnswerReader(None, 200, {})
    for piece in (start, *[middle] * 7, end):
        reader.feed(piece)
    answer = reader.end()

    grown, peak = min(measured)
    assert grown < 100_000
    assert peak < 2_000_000
    if end:
        assert answer.usage == Usage(input_tokens=7)


def test_a_decompression_bomb_is_read_in_pieces() -> None:
    """A small chunk that decodes to hundreds of megabytes."""
    body = b'{"content": "' + b"x" * 30_000_000 + b'", "usage": {"prompt_tokens": 7}}'
    packed = gzip.compress(body)
    tracemalloc.start()
    answer = read(packed, headers={"content-encoding": "gzip"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert answer.usage == Usage(input_tokens=7)
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-encoding": "gzip"}, b"no gzip at all"),
        ({"content-encoding": "unheard-of"}, b"{}"),
        ({"content-encoding": "gzip, gzip, gzip, gzip"}, b"{}"),
        ({"content-type": AWS}, b"\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00aaaa"),
    ],
)
def test_an_unreadable_response_has_a_reason(headers: dict[str, str], body: bytes) -> None:
    """Never as an empty usage."""
    answer = read(body, headers=headers)

    assert answer.usage is None
    assert answer.unread_reason
    assert not answer.complete


def test_the_model_that_a_router_chose_is_the_one_that_answered() -> None:
    """A prompt router of Bedrock has its ARN."""
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0"
    body = json.dumps(
        {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "stopReason": "end_turn",
         "trace": {"promptRouter": {"invokedModelId": arn}}}
    )  # fmt: skip
    reader = AnswerReader(None, 200, {"content-type": "application/json"})

    reader.feed(body.encode())

    assert reader.end().model == "us.amazon.nova-lite-v1:0"
