"""Readers of the results of batch jobs: lines, or one document, in chunks of any size."""

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
"""Maximum bytes of a line; a longer one is skipped."""
MOST_JOB_BYTES = 33_554_432
"""Maximum bytes of a job with inline results; providers allow 20 MB of requests."""
MOST_DECODED_BYTES = 8_589_934_592
"""Maximum bytes of a result that are read; the calls after that are missing without a report."""
CALLS_AT_ONCE = 500
"""Calls of a result per batch to the sinks."""
_MOST_FOREIGN_LINES = 5
_HEAD_BYTES = 4096
_BRACKETS = re.compile(r"[\[{]{64,}")
_DAY_NS = 86_400_000_000_000


class Calls:
    """Calls of a result not passed to the sinks yet."""

    def __init__(self, take: Callable[[list[SpanRecord]], None]) -> None:
        self._take = take
        self._spans: list[SpanRecord] = []
        # Time of lines without one; rounded to the day, so that a second fetch is a duplicate.
        self._at_ns = time.time_ns() // _DAY_NS * _DAY_NS

    def add(self, line: Mapping[str, object]) -> None:
        """Add the call in *line*, if it was run."""
        span = span_of_result(line, self._at_ns)
        if span is not None:
            self._spans.append(span)
            if len(self._spans) >= CALLS_AT_ONCE:
                self.flush()

    def flush(self) -> None:
        """Pass the calls added since the last flush to the sinks."""
        spans, self._spans = self._spans, []
        if spans:
            self._take(spans)


class NoReader:
    """Reads nothing: the response reports an error."""

    def feed(self, chunk: bytes) -> None:
        """Read nothing."""

    def end(self) -> None:
        """Do nothing: there are no calls."""


class LineReader:
    """Reads a result line by line; *part* is None if its offset in the whole is unknown."""

    def __init__(self, calls: Calls, encoding: str, part: Part | None) -> None:
        self._calls = calls
        self._part = part
        self._line = bytearray()
        self._is_too_long = False
        self._foreign_lines = 0
        """Lines that are no results, before the first one that is."""
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
            self._is_over = True  # another kind of file, which may have no line end

    def _end_line(self) -> None:
        line, too_long = bytes(self._line).strip(), self._is_too_long
        self._line, self._is_too_long = bytearray(), False
        if line and not too_long:
            self._add_result(line)

    def _add_result(self, line: bytes) -> None:
        document = _loaded(line)
        if isinstance(document, dict) and is_result(document):
            self._is_result = True
            self._calls.add(document)
        elif not self._is_result:
            self._foreign_lines += 1
            self._is_over = self._foreign_lines >= _MOST_FOREIGN_LINES

    def end(self) -> None:
        """Read the rest without a newline, and pass on the last calls."""
        rest = bytes(self._line)
        if rest.strip():  # a whole line without a newline, or the beginning of one
            self._add_result(rest)
        if self._part is not None and not self._is_too_long:
            for line in self._part.joined(rest):
                self._add_result(line)
        self._calls.flush()


class JobReader:
    """A Gemini job with inline results, as one JSON document."""

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
        """Read the document, if it is complete, and pass on its calls."""
        document = None if self._is_over else _loaded(bytes(self._document))
        if isinstance(document, dict):
            for line in results_of_job(document):
                self._calls.add(line)
        self._calls.flush()


def _loaded(text: bytes) -> Any:
    try:
        # Texts may have brackets that look like excessive nesting; they are not read.
        return loads(_BRACKETS.sub("", text.decode("utf-8", "replace")))
    except ValueError:
        return None
