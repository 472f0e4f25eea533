"""Readers of the results of batch jobs: lines, or one document, in pieces of any size."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from otel_pricing.reading.batch_results import is_result, results_of_job, span_of_result
from otel_wire.decoding import UndecodableError, decoder_for
from otel_wire.json_loading import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_pricing.model.record import SpanRecord
    from otel_wire.batch_parts import Part

MOST_LINE_BYTES = 8_388_608
"""Bytes of a line that are kept; a longer one is passed over."""
MOST_JOB_BYTES = 33_554_432
"""Bytes of a job with its results inside; providers allow 20 MB of requests."""
MOST_DECODED_BYTES = 8_589_934_592
"""Bytes of a result that are read; what is left out then is told by nothing."""
CALLS_AT_ONCE = 500
"""Calls of a result that are handed over together."""
_MOST_FOREIGN_LINES = 5
_HEAD_BYTES = 4096
_BRACKETS = re.compile(r"[\[{]{64,}")
_DAY_NS = 86_400_000_000_000


class Calls:
    """The calls of a result that are not handed over yet."""

    def __init__(self, take: Callable[[list[SpanRecord]], None]) -> None:
        self._take = take
        self._spans: list[SpanRecord] = []
        # Of lines without a time of their own; by the day, so that fetching again counts once.
        self._at_ns = time.time_ns() // _DAY_NS * _DAY_NS

    def add(self, line: Mapping[str, object]) -> None:
        """Add the call that *line* reports, if it was run."""
        span = span_of_result(line, self._at_ns)
        if span is not None:
            self._spans.append(span)
            if len(self._spans) >= CALLS_AT_ONCE:
                self.hand_over()

    def hand_over(self) -> None:
        """Hand over what was added since the last time."""
        spans, self._spans = self._spans, []
        if spans:
            self._take(spans)


class NoReader:
    """Reads nothing: the response reports an error."""

    def feed(self, chunk: bytes) -> None:
        """Read nothing."""

    def end(self) -> None:
        """There are no calls."""


class LineReader:
    """Reads a result line by line; *part* is None where its place in the whole is not known."""

    def __init__(self, calls: Calls, encoding: str, part: Part | None) -> None:
        self._calls = calls
        self._part = part
        self._line = bytearray()
        self._is_too_long = False
        self._foreign_lines = 0
        """Lines so far that are no results; counted until there is one that is."""
        self._is_result = False
        self._is_over = False
        try:
            self._decoder = decoder_for(encoding, MOST_DECODED_BYTES)
        except UndecodableError:
            self._is_over = True

    def feed(self, chunk: bytes) -> None:
        """Read the next *chunk*."""
        if self._is_over:
            return
        if self._part is not None:
            chunk = self._part.without_head(chunk)
        try:
            for piece in self._decoder.decode(chunk):
                if not self._is_over:
                    self._add_lines(piece)
        except UndecodableError:
            self._is_over = True

    def _add_lines(self, piece: bytes) -> None:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0 and not self._is_over:
            self._add(piece, start, end)
            self._end_line()
            start = end + 1
        if not self._is_over:
            self._add(piece, start, len(piece))

    def _add(self, piece: bytes, start: int, end: int) -> None:
        self._is_too_long = self._is_too_long or len(self._line) + end - start > MOST_LINE_BYTES
        if self._is_too_long:
            self._line = bytearray()
            return
        self._line += memoryview(piece)[start:end]
        head = b"" if self._is_result else self._line[:_HEAD_BYTES].lstrip()
        if head and not head.startswith(b"{"):
            self._is_over = True  # some other file, of which no line may ever end

    def _end_line(self) -> None:
        line, too_long = bytes(self._line).strip(), self._is_too_long
        self._line, self._is_too_long = bytearray(), False
        if line and not too_long:
            self._add_result(line)

    def _add_result(self, line: bytes) -> None:
        said = _loaded(line)
        if isinstance(said, dict) and is_result(said):
            self._is_result = True
            self._calls.add(said)
        elif not self._is_result:
            self._foreign_lines += 1
            self._is_over = self._foreign_lines >= _MOST_FOREIGN_LINES

    def end(self) -> None:
        """Read what is left without a newline, and hand over the last calls."""
        rest = bytes(self._line)
        if rest.strip():  # whole without a newline, or the beginning of a line
            self._add_result(rest)
        if self._part is not None and not self._is_too_long:
            for line in self._part.joined(rest):
                self._add_result(line)
        self._calls.hand_over()


class JobReader:
    """A job of Gemini's, one JSON document, with the results of inline requests inside."""

    def __init__(self, calls: Calls, encoding: str) -> None:
        self._calls = calls
        self._document = bytearray()
        self._is_over = False
        try:
            self._decoder = decoder_for(encoding, MOST_JOB_BYTES)
        except UndecodableError:
            self._is_over = True

    def feed(self, chunk: bytes) -> None:
        """Read the next *chunk*."""
        if self._is_over:
            return
        try:
            for piece in self._decoder.decode(chunk):
                self._document += piece
        except UndecodableError:
            self._is_over = True
        self._is_over = self._is_over or len(self._document) > MOST_JOB_BYTES

    def end(self) -> None:
        """Read the document, if all of it is there, and hand over its calls."""
        said = None if self._is_over else _loaded(bytes(self._document))
        if isinstance(said, dict):
            for line in results_of_job(said):
                self._calls.add(line)
        self._calls.hand_over()


def _loaded(text: bytes) -> Any:
    try:
        # Texts may have brackets that look like a depth no parser takes; they are not read.
        return loads(_BRACKETS.sub("", text.decode("utf-8", "replace")))
    except ValueError:
        return None
