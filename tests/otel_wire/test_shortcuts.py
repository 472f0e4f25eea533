"""Fast paths of the readers give the results of the full readers."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing.model.usage_objects import counts_of
from otel_wire import answers, requests
from otel_wire.answers import Answer, AnswerReader
from otel_wire.clients import httpx_headers
from otel_wire.endpoints import ENDPOINTS, find_endpoint, may_call_model
from otel_wire.json_loading import loads
from otel_wire.media import Media, is_plain, media_of
from otel_wire.observer import Observer
from otel_wire.requests import read_request

_TEXT = st.text(max_size=20) | st.sampled_from(
    ["image", "data:,", "cache_control", "{}", "\\u0063"]
)
_COUNT = st.integers(0, 5000)
_USAGE = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": _COUNT,
        "completion_tokens": _COUNT,
        "total_tokens": _COUNT,
        "input_tokens": _COUNT,
        "output_tokens": _COUNT,
        "cache_read_input_tokens": _COUNT,
        "prompt_tokens_details": st.fixed_dictionaries(
            {}, optional={"cached_tokens": _COUNT, "audio_tokens": _COUNT}
        ),
        "completion_tokens_details": st.fixed_dictionaries(
            {}, optional={"reasoning_tokens": _COUNT}
        ),
    },
)
_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "id": _TEXT,
        "model": st.sampled_from(["gpt-4o", "claude-sonnet-4-5"]),
        "service_tier": st.sampled_from(["default", "flex"]),
        "choices": st.lists(
            st.fixed_dictionaries(
                {"message": st.fixed_dictionaries({"role": _TEXT, "content": _TEXT})},
                optional={"finish_reason": st.sampled_from(["stop", "length", None])},
            ),
            max_size=3,
        ),
        "usage": _USAGE,
        "error": st.fixed_dictionaries({"type": _TEXT, "message": _TEXT}),
    },
)


def _read(body: bytes, content_type: str, buffered: int) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "MOST_BUFFERED_BYTES", buffered)
        reader = AnswerReader(None, 200, {"content-type": content_type})
        reader.feed(body)
        return reader.end()


@given(_ANSWERS)
def test_a_body_parsed_at_once_gives_what_a_skimmed_one_gives(answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    assert _read(body, "application/json", 1 << 20) == _read(body, "application/json", 0)


@given(st.lists(_ANSWERS, min_size=1, max_size=3))
def test_events_parsed_at_once_give_what_skimmed_ones_give(events: list[dict[str, Any]]) -> None:
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    assert _read(body, "text/event-stream", 1 << 20) == _read(body, "text/event-stream", 0)


@given(_USAGE)
def test_empty_details_change_no_count(usage: dict[str, Any]) -> None:
    empty: dict[str, Any] = {
        "prompt_tokens_details": {},
        "completion_tokens_details": {},
        "cacheDetails": [],
    }
    assert counts_of({**empty, **usage}) == counts_of(usage)


_PARTS = st.lists(
    st.dictionaries(st.sampled_from(["type", "text", "image_url"]), _TEXT), max_size=2
)
_BODIES = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries({"role": _TEXT, "content": _TEXT | _PARTS}), max_size=3
        )
    },
    optional={
        "model": st.sampled_from(["gpt-4o", "gpt-4o-mini"]),
        "max_tokens": _COUNT,
        "image": _TEXT,
        "tools": st.just([{"type": "web_search"}]),
        "system": _PARTS,
        "generationConfig": st.just({"speechConfig": {}}),
    },
)


@given(_BODIES)
def test_a_plain_chat_has_no_media(body: dict[str, Any]) -> None:
    if is_plain(body):
        assert media_of(body, str(body.get("model"))) == Media()


@given(st.text(max_size=200))
def test_the_text_of_a_plain_chat_is_counted_by_its_bytes_alone(text: str) -> None:
    body = json.dumps(
        {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "max_tokens": 5}
    ).encode()
    request = read_request("", "/v1/chat/completions", body)
    assert request is not None
    assert (request.size, request.max_output_tokens, request.writes_cache) == (len(body), 5, False)


_OPTIONS = st.fixed_dictionaries(
    {"messages": st.lists(st.fixed_dictionaries({"role": _TEXT, "content": _TEXT}), max_size=3)},
    optional={
        "model": st.sampled_from(["gpt-4o", "openai/gpt-4o:online", " gpt-4o ", ""]),
        "modelId": st.sampled_from(["gpt-4o", 3]),
        "max_tokens": _COUNT | st.sampled_from([0, -1, 2.5, True, "7", None]),
        "max_completion_tokens": _COUNT,
        "stream": st.sampled_from([True, False, 1, "true", None]),
        "n": st.integers(0, 3),
        "service_tier": st.sampled_from(["flex", ""]),
        "conversation": _TEXT,
        "plugins": _TEXT,
        "enable_search": st.booleans(),
        "modalities": st.sampled_from(["audio", "text"]),
        "parameters": st.just("max_tokens"),
        "cache_control": st.just("ephemeral"),
        "temperature": st.floats(0, 2),
    },
)


@given(_OPTIONS, st.sampled_from(["/v1/chat/completions", "/v1/messages", "/api/chat"]))
def test_a_plain_chat_is_read_as_the_long_way_reads_it(body: dict[str, Any], path: str) -> None:
    sent = json.dumps(body).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "_plain_request", lambda *_arguments: None)
        expected = read_request("api.openai.com", path, sent)

    assert read_request("api.openai.com", path, sent) == expected


_NAMES = st.sampled_from(["content-type", "Content-Encoding", "authorization", "x-a", "X-A"])


@given(st.lists(st.tuples(_NAMES, st.text("ab é", max_size=5)), max_size=5))
def test_headers_of_httpx_are_found_as_it_finds_them(pairs: list[tuple[str, str]]) -> None:
    headers = httpx2.Headers([(name.encode(), value.encode()) for name, value in pairs])
    found = httpx_headers.RequestHeaders(headers)

    for name in ("content-type", "content-encoding", "authorization", "x-a", "x-b"):
        assert found.get(name) == headers.get(name)
        assert found.get(name, "none") == headers.get(name, "none")


@given(st.text() | _ANSWERS.map(json.dumps) | st.sampled_from(["{", '{"a":}', "{}x", " {}", "{} "]))
def test_json_is_parsed_as_the_standard_parser_does(text: str) -> None:
    assert _parsed(loads, text) == _parsed(json.loads, text)


def _parsed(parse: Any, text: str) -> str | None:
    try:
        return repr(parse(text))
    except ValueError:
        return None


@pytest.mark.parametrize("kind", [dict, httpx2.Headers])
def test_a_preamble_of_a_form_is_not_read_as_json(kind: Any) -> None:
    """A server skips it, and charges for the model in the form."""
    before = b'{"model": "gpt-4o-mini", "prompt": "x"}\r\n'
    part = b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = before + part % (b"model", b"gpt-image-1") + part % (b"prompt", b"y") + b"--x--\r\n"
    headers = kind({"content-type": "multipart/form-data; boundary=x"})

    request = read_request("api.openai.com", "/v1/images/edits", body, headers)

    assert request is not None
    assert request.model == "gpt-image-1"


_ODD = st.sampled_from(["", "/", "//", "/.", "%2F", ";x=1", "?q=1", "?q=/x", "#f", " ", "\\"])


@given(st.sampled_from(sorted(ENDPOINTS)), _ODD, st.sampled_from([str, str.upper, str.title]))
def test_the_first_look_lets_every_spelling_of_an_endpoint_through(
    path: str, end: str, case: Any
) -> None:
    spelled = case(path) + end
    observer = Observer()
    observer.observe(lambda _record: None)
    if find_endpoint(spelled) is not None:
        assert may_call_model("POST", spelled)
    assert observer.concerns("POST", "", spelled) == may_call_model("POST", spelled)


@given(st.text(alphabet="abAB01/._-%:;\\ ~", max_size=30))
def test_the_first_look_passes_over_no_endpoint(path: str) -> None:
    for spelled in (f"/v1/{path}/chat/completions", f"/{path}", f"/models/{path}:generateContent"):
        if find_endpoint(spelled) is not None:
            assert may_call_model("POST", spelled)
