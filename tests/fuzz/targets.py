"""Fuzz targets: readers of untrusted bytes, and their invariants.

Each target takes bytes and raises if something does not hold. `run.py` searches for such bytes for
the given time; `test_fuzz.py` does so for a moment in the everyday suite.
"""

from __future__ import annotations

import io
import json
import random
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz import values
from otel_distro.base.errors import SettingsError
from otel_distro.export.spool.records import (
    HEADER_SIZE,
    Damage,
    count_waiting,
    pack_header,
    pack_record,
    read_done,
    read_records,
)
from otel_distro.settings import load
from otel_pricing import PriceBook, price_call, read_call
from otel_pricing.reading.otlp_json import read_spans
from otel_pricing.reading.otlp_records import LineProblem
from otel_redaction import DeadlineExceeded, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

_REDACTOR = Redactor()
_GRACE_S = 1.0
"""Time that a running step may take beyond the deadline, on a busy machine."""


@dataclass(frozen=True)
class Target:
    """A function under fuzzing."""

    feed: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    """Words of the format, for mutations that pass its first check."""


def redactor(data: bytes) -> None:
    """Redaction never raises, settles, keeps to the text and to its deadline."""
    text = data.decode("utf-8", "surrogateescape")
    matches = _REDACTOR.find(text)
    ends = [0, *(match.end for match in matches)]
    assert all(match.start < match.end <= len(text) for match in matches)
    assert all(end <= match.start for end, match in zip(ends, matches, strict=False))

    # Masking one match may uncover another one far away; this has to terminate.
    twice = _REDACTOR.text(_REDACTOR.text(text))
    assert _REDACTOR.text(twice) == twice

    began = time.thread_time()
    with suppress(DeadlineExceeded):
        _REDACTOR.attributes({"text": text, text: [text, {text: text}]})
    assert time.thread_time() - began < _REDACTOR.policy.deadline_ms / 1000 + _GRACE_S


def attributes(data: bytes) -> None:
    """Redaction of attributes is idempotent, with any neighbours."""
    made = values.attributes(random.Random(data))

    once = _REDACTOR.attributes(made)

    assert _REDACTOR.attributes(once) == once, made


def otlp_json(data: bytes) -> None:
    """Invalid lines are reported; the calls of the others can be priced and added."""
    problems: list[LineProblem] = []
    for span in read_spans(io.BytesIO(data), report=problems.append):
        call = read_call(span)
        if call is not None:
            priced = price_call(call, _book())
            assert priced.cost_nano_usd is None or priced.cost_nano_usd >= 0
    assert all(str(problem).startswith("line ") for problem in problems)


def settings_file(data: bytes) -> None:
    """No configuration file stops the app; unusable values are reported."""
    path = _folder() / "otel-distro.toml"
    path.write_bytes(data)
    loaded = load({"HOME": "/home/ann", "OTEL_DISTRO_CONFIG": str(path)})
    if loaded.problems:
        assert str(SettingsError(loaded.problems))


def spool_file(data: bytes) -> None:
    """Reading a spool file ends, covers all of it and stays within it."""
    for content in (data, pack_header() + data):
        count_waiting(content)
        start = read_done(content)
        if start is None:
            continue
        position = start
        for found in read_records(content, start):
            assert position < found.end <= len(content)
            if isinstance(found, Damage):
                assert found.count > 0
            else:
                assert content[: found.end].endswith(found.payload)
            position = found.end
        assert position == len(content)


@cache
def _book() -> PriceBook:
    return PriceBook()


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="otel-distro-fuzz-"))


def _span(**attributes: object) -> dict[str, object]:
    values = [
        {
            "key": key,
            "value": {"intValue": value} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in attributes.items()
    ]
    return {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "parentSpanId": "",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": "1763812800000000000",
        "endTimeUnixNano": 1763812801000000000,
        "status": {"code": 2, "message": "no"},
        "attributes": values,
        "events": [{"name": "exception", "timeUnixNano": "1", "attributes": values}],
    }


def _request(*spans: dict[str, object]) -> bytes:
    scopes = [{"scope": {"name": "app"}, "spans": spans}]
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": scopes}]}).encode()


_CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 400,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 10,
}
_OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "claude-sonnet-4-5",
    "llm.token_count.prompt": 400,
    "llm.token_count.completion": 5,
}

TARGETS = {
    "redactor": Target(
        redactor,
        seeds=(
            b"mail ada@lovelace.example, card 4111 1111 1111 1111, ssn 078-05-1123",
            b'{"api_key": "sk-ant-api03-x", "password": "hunter2", "n": [1, {"a": "\\u0041"}]}',
            b"https://ann:secret@host.example/p?token=abc&x=1 Bearer eyJhbGciOi.J9.x",
            b"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
            "Tel. +49 (0)30 1234567 GB29 NWBK 6016 1331 9268 19 ４１１１\u200b1111".encode(),
        ),
        words=(
            *(b"@", b"://", b"password=", b'"api_key":', b"Bearer ", b"[EMAIL]", b"%40", b"&#64;"),
            *(b"\\u0040", b"\\", b'"', b"{", b"}", b"\xe2\x80\x8b", b"\xed\xa0\x80", b"\xff", b"0"),
            *(b"4111111111111111", b"127.0.0.1", b"::1", b"sk-", b"AKIA", b"eyJ", b"--token "),
        ),
    ),
    "attributes": Target(attributes, seeds=(b"",), words=(b"0",)),
    "otlp_json": Target(
        otlp_json,
        seeds=(
            _request(_span(**_CALL), _span(**_OPENINFERENCE)) + b"\n",
            b"\n".join((_request(_span(**_CALL)), b'{"resourceMetrics": []}', b"{")),
        ),
        words=(
            *(
                b'"',
                b":",
                b"null",
                b"-1",
                b"1e999",
                b"NaN",
                b"[]",
                b"{}",
                b"\n",
                b"true",
                b"1" * 50,
            ),
            *(b'"intValue":"9"', b'"arrayValue":{"values":[', b'"kvlistValue":', b'"bytesValue":'),
            *(b"\\ud800", b"\x1f\x8b", b"resourceSpans", b"scopeSpans", b"gen_ai.usage."),
        ),
    ),
    "settings_file": Target(
        settings_file,
        seeds=(
            b'budget_usd_per_day = 10\n[redaction]\nkinds = {email = "allow"}\nkeys = {a = "drop"}',
            b'[[budgets]]\nname = "a"\nlimit_usd = "1"\nwindow = "day"\n[[latency_budgets]]\n',
            b'[[redaction.rules]]\nname = "x"\npattern = "[a-z]{3,9}"\n[unknown]\nkey = [1, 2.5]\n',
        ),
        words=(
            *(
                b"[redaction]\n",
                b"[[budgets]]\n",
                b"[[latency_budgets]]\n",
                b"= ",
                b'"',
                b"\n",
                b"[",
            ),
            *(
                b"limit_usd",
                b"window",
                b"scope",
                b"action",
                b"pattern",
                b"inf",
                b"nan",
                b"-0x",
                b"1979-05-27",
            ),
            *(b"allow_keys", b"deadline_ms", b"\xff", b"\x00", b"true", b'"(a+)+"', b"9" * 40),
        ),
    ),
    "spool_file": Target(
        spool_file,
        seeds=(
            pack_header()
            + pack_record(b"one", 1)
            + pack_record(b"", 2)
            + pack_record(b"3" * 99, 3),
            pack_header(HEADER_SIZE + 19) + pack_record(b"one", 1) + pack_record(b"two", 1),
            pack_record(b"one", 1) + pack_record(pack_record(b"inner", 1), 1),
        ),
        words=(
            b"\xf5REC",
            b"otelspl1",
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x00",
            b"\x01\x00\x00\x00",
        ),
    ),
}
