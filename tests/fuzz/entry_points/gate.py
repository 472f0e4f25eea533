"""The gate, from a request to its settlement: any path, headers, body and response."""

from __future__ import annotations

import gzip
import json
import tempfile
import zlib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzz.entry_points.entry_point import EntryPoint, json_values, nasty, texts
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate, Listener
from otel_pricing import PriceBook
from otel_wire.admission import admit
from otel_wire.endpoints import ENDPOINTS, find_endpoint, may_call_model
from otel_wire.observer import Observer
from otel_wire.requests import read_request

_PATHS = (
    *ENDPOINTS,
    "/model/anthropic.claude-sonnet-4-5/converse",
    "/v1beta/models/gemini-2.5-flash:generateContent",
    "/openai/deployments/gpt-4o/chat/completions",
    "/v1/threads/thread_1/runs",
)
_HOSTS = ("api.openai.com", "api.anthropic.com", "127.0.0.1", "", "bedrock.x.amazonaws.com")
_KEYS = (
    *("model", "messages", "max_tokens", "n", "stream", "tools", "input", "prompt", "contents"),
    *("content", "role", "image_url", "url", "file_id", "source", "type", "data", "requests"),
    *("generationConfig", "maxOutputTokens", "service_tier", "modalities", "audio", "system"),
    *("parameters", "best_of", "previous_response_id", "params", "instances", "inlineData"),
)
_json = st.recursive(
    json_values
    | st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "data:application/pdf;base64,QQ"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)
_chat = st.fixed_dictionaries(
    {"model": st.sampled_from(["gpt-4o", "gpt-4o-mini", "house-1"]) | texts},
    optional={key: _json for key in _KEYS if key != "model"},
)
_answers = st.fixed_dictionaries(
    {},
    optional={
        "model": texts,
        "usage": st.dictionaries(
            st.sampled_from(
                ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"]
            ),
            st.integers(-(2**70), 2**70) | json_values,
        ),
        "error": json_values,
        "choices": json_values,
    },
)
_ENCODINGS = ("", "gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "GZIP", "x" * 300)


class Call(NamedTuple):
    """One request and its outcome."""

    host: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    answer: bytes
    ending: str


@st.composite
def calls(draw: Any) -> Call:
    """Return a request as a client sends it, with a valid or invalid encoding."""
    path = draw(st.sampled_from(_PATHS))
    path = draw(
        st.sampled_from(
            [path, f"/x/..{path}", f"/{path}/", path.upper(), f"{path}?a=b", "/v1" + path]
        )
        | st.builds(str.__add__, st.just(path), texts)
    )
    body = draw(
        st.none()
        | st.binary(max_size=60)
        | (_chat | _json).map(_dumped)
        | st.builds(bytes.__add__, _chat.map(_dumped), nasty.map(_utf8))
    )
    encoding = draw(st.sampled_from(_ENCODINGS))
    if body is not None and draw(st.booleans()):
        encoded = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}
        body = encoded.get(encoding, body)
    kinds = st.sampled_from(
        ["application/json", "multipart/form-data; boundary=x", "", "text/plain"]
    )
    headers = {"content-encoding": encoding, "content-type": draw(kinds | texts)}
    answer = draw(st.binary(max_size=60) | _answers.map(_dumped) | _answers.map(_streamed))
    status = draw(st.sampled_from([200, 200, 200, 201, 400, 429, 500, 0]))
    ending = draw(st.sampled_from(["whole", "stream", "broken", "unread", "not sent"]))
    return Call(draw(st.sampled_from(_HOSTS)), path, headers, body, status, answer, ending)


def check(call: Call) -> None:
    """A model call is read or unknown; its reservation ends; no charge is negative."""
    endpoint = find_endpoint(call.path)
    request = read_request(call.host, call.path, call.body, call.headers)
    if endpoint is None:
        assert request is None
        return
    assert may_call_model("POST", call.path)
    if call.body is None:
        assert request is not None
        assert not request.readable
    if request is not None:
        assert request.size >= 0
        assert request.outputs >= 1
        assert request.max_output_tokens is None or request.max_output_tokens >= 0
    gate, faults = _gate()
    observer = Observer()
    observer.admission = gate
    observer.on_fault = faults.append
    budget = next(iter(gate.budgets.values()))
    account = budget.account({}, gate.now_ns())
    assert account is not None
    before = gate.accounts.state(account).spent
    exchange = observer.begin("test", call.host, call.path, call.headers, call.body)
    assert (exchange is None) == (request is None or request.is_free)
    if exchange is not None and admit(exchange) is None:
        _finish(exchange, call)
        after = gate.accounts.state(account)
        assert after.spent >= before
        assert after.reserved == 0, after
    assert not faults, faults


def _finish(exchange: Any, call: Call) -> None:
    if call.ending == "not sent":
        exchange.failed(sent=False)
        return
    if call.ending == "whole":
        exchange.whole(call.status, {"content-type": "application/json"}, call.answer)
        return
    exchange.responded(call.status, {"content-type": "text/event-stream"})
    if call.ending != "unread":
        half = len(call.answer) // 2
        exchange.add(call.answer[:half])
        if call.ending == "stream":
            exchange.add(call.answer[half:])
    exchange.end()


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _streamed(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\ndata: [DONE]\n\n"


@cache
def _gate() -> tuple[Gate, list[BaseException]]:
    faults: list[BaseException] = []
    prices = PriceBook()
    accounts = BudgetAccounts(Path(tempfile.mkdtemp(prefix="otel-distro-fuzz-gate-")))
    budget = CostBudget.per_day(Decimal(10**9), Action.REFUSE)
    gate = Gate(
        [budget], accounts, lambda: prices, listener=Listener(failed=faults.append), patience_s=0
    )
    return gate, faults


ENTRY_POINT = EntryPoint(calls(), check, few=25)
