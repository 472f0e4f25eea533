"""Fetched results of batch jobs: each executed line is one call.

    OpenAI, Azure, Groq, Mistral, Together   GET /v1/files/{id}/content
    Anthropic                                GET /v1/messages/batches/{id}/results
    Gemini                                   GET /v1beta/files/{id}:download, and
                                             GET /v1beta/batches/{id} of a job with inline requests
    Bedrock                                  GET of an S3 object {name}.jsonl.out
    Vertex AI                                GET of a Cloud Storage object predictions.jsonl

Other files are recognised by their first bytes and not read further. The calls of a result are
passed on in batches of some hundred, so that its size does not matter.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_wire.batch_lines import Calls, JobReader, LineReader, NoReader
from otel_wire.batch_parts import Part
from otel_wire.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_pricing.model.record import SpanRecord
    from otel_wire.observer import Observer

    ResultSink = Callable[["BatchResult", list[SpanRecord]], None]
    """Receives the next calls of a fetched result, on another thread than the app's."""

_JOB = re.compile(r"/v1(?:alpha|beta)\d*/batches/[^/:]+\Z")
_PATH = re.compile(
    r"/files/[^/]+/content/?\Z|/batches/[^/]+/results/?\Z|/files/[^/]+:download\Z"
    r"|\.jsonl\.out\Z|predictions\.jsonl\Z|" + _JOB.pattern,
    re.IGNORECASE,
)
_ENDS = (
    "/content", "/results", "/content/", "/results/", ":download", ".jsonl.out",
    "predictions.jsonl",
)  # fmt: skip


def is_batch_result(path: str) -> bool:
    """Return whether a GET of *path* may fetch the result of a batch; a cheap filter."""
    return (path.endswith(_ENDS) or "/batches/" in path) and _PATH.search(path) is not None


class BatchResult(Exchange):
    """The request for a result; it is no model call itself and needs no budget."""

    def __init__(self, observer: Observer, client: str, host: str, path: str) -> None:
        super().__init__(observer, client, host, path, {}, None)
        self._calls = Calls(self._take)

    @property
    def context(self) -> Context:
        """OpenTelemetry context of the code that fetched it."""
        return self._context

    def _make_reader(self) -> Any:
        sent = self._response_headers.get("content-encoding")
        encoding = "" if self._is_decoded else str(sent or "")
        reader: Any
        if self._status is None or self._status >= 300:
            reader = NoReader()
        elif _JOB.search(self._path):
            reader = JobReader(self._calls, encoding)
        else:
            place = f"{self.host}{self._path}"
            content_range = self._response_headers.get("content-range")
            # Offsets count the bytes that the app sees; a content encoding changes them.
            part = None if sent else Part.of(place, content_range)
            reader = LineReader(self._calls, encoding, part)
        self._reader = reader
        return reader

    def _take(self, spans: list[SpanRecord]) -> None:
        """Pass *spans* to the sinks on the observer's thread."""
        self._observer.worker.submit(partial(self._observer.deliver_result, self, spans))

    def record(self) -> None:
        """Read the queued chunks and pass on the calls; the request itself has no record."""
        with self._lock:
            self._read()
            if self._reader is not None:
                self._reader.end()
                self._reader = None
