"""Batch results during their download, below any client."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from otel_wire.batch_parts import Part
from otel_wire.batch_results import is_batch_result
from otel_wire.observer import Observer
from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_pricing.model.record import SpanRecord
    from otel_wire.batch_results import BatchResult

PATH = "/v1/files/f-1/content"


def line(number: int, text: str = "") -> bytes:
    body = {"id": f"c-{number}", "model": "gpt-4o", "object": "chat.completion",
            "usage": {"prompt_tokens": 10, "completion_tokens": 5}, "text": text}  # fmt: skip
    found = {"id": f"b-{number}", "custom_id": "x", "response": {"body": body}, "error": None}
    return json.dumps(found).encode() + b"\n"


class Kept:
    """An observer and its calls."""

    def __init__(self) -> None:
        self.observer = Observer()
        self.calls = 0
        self.most_at_once = 0
        self.observer.observe_results(self._take)

    def _take(self, _result: BatchResult, spans: list[SpanRecord]) -> None:
        self.calls += len(spans)
        self.most_at_once = max(self.most_at_once, len(spans))

    def fetch(self, pieces: Iterable[bytes], *, encoding: str = "", path: str = PATH) -> int:
        """Return the number of calls in a response of *pieces*."""
        result = self.observer.begin_result("test", "api.openai.com", path)
        assert result is not None
        result.responded(200, {"content-encoding": encoding} if encoding else {})
        for piece in pieces:
            result.add(piece)
        result.end(Ending.COMPLETE)
        self.observer.drain()
        return self.calls


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/files/file-1/content", True),
        ("/openai/v1/files/file-1/content", True),
        ("/openai/files/assistant-1/content", True),
        ("/v1/messages/batches/msgbatch_1/results", True),
        ("/download/v1beta/files/f-1:download", True),
        ("/v1beta/batches/b-1", True),
        ("/bucket/key/records.jsonl.out", True),
        ("/storage/v1/b/x/o/a%2Fpredictions.jsonl", True),
        ("/v1/batches/batch_1", False),
        ("/v1/files/file-1", False),
        ("/v1beta/batches/b-1:cancel", False),
        ("/blog/content", False),
        ("/search/results", False),
    ],
)
def test_a_result_is_recognised_by_its_path(path: str, expected: bool) -> None:
    """Before the content of the file is known."""
    assert is_batch_result(path) is expected


@pytest.mark.slow
@pytest.mark.parametrize("buffered", [False, True], ids=["in pieces", "whole"])
def test_memory_does_not_grow_with_a_result(*, buffered: bool) -> None:
    """120 MB in lines of 60 kB; for a whole download the app has the bytes in memory anyway."""
    text = line(0, "x" * 60_000)[:-1]
    count = 2000

    def pieces() -> Iterator[bytes]:
        for number in range(count):
            yield text.replace(b"b-0", b"b-%d" % number) + b"\n"

    body = [b"".join(pieces())] if buffered else pieces()
    kept = Kept()
    tracemalloc.start()
    try:
        calls = kept.fetch(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert calls == count
    assert peak < 24 * 2**20
    assert kept.most_at_once <= 500


def test_an_overlong_line_is_the_only_loss() -> None:
    """It is dropped; the lines around it are calls."""
    kept = Kept()
    long_line = line(1, "x" * 9_000_000)

    assert kept.fetch([line(0), *(long_line[n : n + 65536] for n in range(0, 9_000_200, 65536)),
                       line(2)]) == 2  # fmt: skip


def test_a_file_without_lines_is_ignored_from_its_first_byte() -> None:
    """An archive or an image may have no line end."""
    kept = Kept()
    tracemalloc.start()
    try:
        calls = kept.fetch(b"PK\x03\x04" + b"\0" * 65536 for _ in range(200))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert calls == 0
    assert peak < 6 * 2**20


def test_a_damaged_encoding_ends_the_reading_where_it_is_damaged() -> None:
    """Earlier lines count."""
    packed = gzip.compress(line(0) + line(1)) + gzip.compress(line(2))[:-20] + b"junk"

    assert Kept().fetch([packed[:40], packed[40:]], encoding="gzip") >= 2
    assert Kept().fetch([line(0)], encoding="unheard-of") == 0


def test_lines_that_are_not_results_do_not_end_one() -> None:
    """Only the unreadable one is lost."""
    assert Kept().fetch([line(0), b"{broken\n", b'{"other": 1}\n', line(1)]) == 2


def test_a_response_that_reports_an_error_has_no_calls() -> None:
    """With any body."""
    kept = Kept()
    result = kept.observer.begin_result("test", "api.openai.com", PATH)
    assert result is not None
    result.whole(404, {}, line(0))
    kept.observer.drain()

    assert kept.calls == 0


def test_ends_of_parts_that_never_meet_are_forgotten() -> None:
    """The last 256 are kept, and at most 16 MiB."""
    first = Part.of("host/first", None)
    assert first is not None
    assert first.without_head(b"begin") == b"begin"
    assert first.joined(b"begin") == []
    for number in range(300):
        other = Part.of(f"host/{number}", None)
        assert other is not None
        other.joined(b"x")
    second = Part.of("host/first", "bytes 5-10/11")
    assert second is not None
    assert second.without_head(b" end\nnext\n") == b"next\n"

    assert second.joined(b"") == []


def test_a_range_in_another_unit_is_read_as_it_is() -> None:
    """Its borders are unknown."""
    assert Part.of("host/a", "items 0-5/6") is None


def job(text: str = "") -> bytes:
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    answer = {"responseId": "g-1", "modelVersion": "gemini-2.5-pro", "usageMetadata": usage}
    lines = [{"response": answer, "metadata": {"key": text}}, {"error": {"code": 3}}]
    return json.dumps({"response": {"inlinedResponses": {"inlinedResponses": lines}}}).encode()


@pytest.mark.parametrize(
    ("body", "encoding", "calls"),
    [
        (job(), "", 1),
        (gzip.compress(job()), "gzip", 1),
        (gzip.compress(job())[:-40] + b"junk" * 20, "gzip", 0),
        (job(), "unheard-of", 0),
        (job()[:-3], "", 0),
        (b'{"name": "batches/1", "done": false}', "", 0),
        (b"[]", "", 0),
    ],
    ids=["plain", "gzip", "damaged", "unknown encoding", "cut", "not done", "no object"],
)
def test_a_job_of_gemini_is_read_as_a_whole(body: bytes, encoding: str, calls: int) -> None:
    """Or not at all while it is not done."""
    pieces = [body[n : n + 100] for n in range(0, len(body), 100)]

    assert Kept().fetch(pieces, encoding=encoding, path="/v1beta/batches/b-1") == calls


def test_a_job_that_is_larger_than_any_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Providers allow 20 MB of requests."""
    monkeypatch.setattr("otel_wire.batch_lines.MOST_JOB_BYTES", 1000)
    body = job("x" * 2000)

    assert Kept().fetch([body[:500], body[500:1500], body[1500:]], path="/v1beta/batches/b") == 0


def test_a_part_within_one_line_and_a_header_in_bytes_are_read() -> None:
    """A part without a line end has no complete line."""
    part = Part.of("host/line", b"bytes 10-20/100")
    assert part is not None

    assert part.without_head(b"no end") == b""
    assert part.joined(b"") == []
