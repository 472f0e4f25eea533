"""Results of batch jobs while they are fetched: each line that was run is one call.

A GET of `/v1/files/{id}/content` (OpenAI and others) or of `/v1/messages/batches/{id}/results`
(Anthropic). Other files are recognised by their first bytes and read no further.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from otel_pricing.reading.batch_results import is_result, span_of_result
from otel_wire.answers import Answer
from otel_wire.decoding import UndecodableError, decoder_for
from otel_wire.exchange import Exchange
from otel_wire.json_loading import loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_pricing.model.record import SpanRecord
    from otel_wire.observer import Observer

    ResultSink = Callable[["BatchResult"], None]
    """Takes a result that was fetched, on another thread than the app's."""

MOST_LINE_BYTES = 8_388_608
"""Bytes of a line that are kept; a longer one is passed over."""
MOST_CALLS = 100_000
"""Lines of one result that are kept; providers allow no more requests in a batch."""
_DAY_NS = 86_400_000_000_000
_PATH = re.compile(r"/files/[^/]+/content/?\Z|/batches/[^/]+/results/?\Z", re.IGNORECASE)
_ENDS = ("/content", "/results", "/content/", "/results/")


def is_batch_result(path: str) -> bool:
    """Return whether a GET of *path* may fetch the result of a batch; a cheap look."""
    return path.endswith(_ENDS) and _PATH.search(path) is not None


class BatchResult(Exchange):
    """The request for a result; it is no model call itself, and no budget is asked for it."""

    def __init__(self, observer: Observer, client: str, host: str, path: str) -> None:
        super().__init__(observer, client, host, path, {}, None)
        self.spans: list[SpanRecord] = []
        """The calls of its lines, once it was read."""

    @property
    def context(self) -> Context:
        """OpenTelemetry context of the code that fetched it."""
        return self._context

    def _make_reader(self) -> Any:
        # Of lines without a time of their own; by the day, so that fetching again counts once.
        at_ns = time.time_ns() // _DAY_NS * _DAY_NS
        is_ok = self._status is not None and self._status < 300
        encoded = None if self._is_decoded else self._response_headers.get("content-encoding")
        reader: Any = _LineReader(self.spans, at_ns, str(encoded or ""), is_ok=is_ok)
        self._reader = reader
        return reader

    def record(self) -> None:
        """Read what waits and hand the calls over; it has no record of its own."""
        with self._lock:
            self._read()
            if self._reader is not None:
                self._reader.end()
        if self.spans:
            self._observer.hand_over_result(self)


class _LineReader:
    output_characters = 0

    def __init__(self, spans: list[SpanRecord], at_ns: int, encoding: str, *, is_ok: bool) -> None:
        self._spans = spans
        self._at_ns = at_ns
        self._line = bytearray()
        self._is_too_long = False
        self._is_over = not is_ok
        try:
            self._decoder = decoder_for(encoding)
        except UndecodableError:
            self._is_over = True

    def feed(self, chunk: bytes) -> None:
        if self._is_over:
            return
        try:
            for piece in self._decoder.decode(chunk):
                *lines, rest = piece.split(b"\n")
                for line in lines:
                    self._add(line)
                    self._end_line()
                self._add(rest)
        except UndecodableError:
            self._is_over = True

    def end(self) -> Answer:
        self._end_line()
        return Answer()

    def _add(self, part: bytes) -> None:
        if not self._is_too_long:
            self._line += part
            self._is_too_long = len(self._line) > MOST_LINE_BYTES

    def _end_line(self) -> None:
        line, too_long = bytes(self._line).strip(), self._is_too_long
        self._line, self._is_too_long = bytearray(), False
        if not line or too_long or self._is_over:
            return
        try:
            said = loads(line.decode("utf-8", "replace"))
        except ValueError:
            said = None
        if not isinstance(said, dict) or not is_result(said):
            self._is_over = True  # some other file
        elif (span := span_of_result(said, self._at_ns)) is not None:
            self._spans.append(span)
            self._is_over = len(self._spans) >= MOST_CALLS
