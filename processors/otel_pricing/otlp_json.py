"""Read spans from OTLP/JSON Lines, as the Collector's file exporter writes them.

An archive is read line by line, so its size does not matter, and what cannot be read is reported
and skipped: one torn line at the end of a file must not cost the other million.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from otel_pricing.otlp_values import attributes_of, either, object_of, objects_of, text_of
from otel_pricing.record import ERROR_CODE, SpanEvent, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

GZIP_MAGIC = b"\x1f\x8b"
_ERROR_NAMES = frozenset({ERROR_CODE, str(ERROR_CODE), "STATUS_CODE_ERROR"})
_KINDS = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line, or one span of it, that could not be read."""

    line: int
    """Number of the line, counted from 1; 0 when the file itself cannot be read further."""
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def ignore(problem: LineProblem) -> None:
    """Drop *problem*: the report of a caller who only wants what can be read."""


def read_spans(
    source: Path | str | IO[bytes], *, report: Callable[[LineProblem], None] = ignore
) -> Iterator[SpanRecord]:
    """Yield every span of *source* in the file's order, lazily.

    *source* is a path or a binary stream, plain or gzip. Lines of metrics and logs hold no spans
    and are passed over in silence; anything malformed goes to *report* and is skipped.
    """
    number = 0
    with _open(source) as stream:
        try:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield from _spans_of_line(line, number, report)
        except (EOFError, OSError, zlib.error) as exc:
            report(LineProblem(number + 1, f"the file ends early or is damaged: {exc}"))


def spans_of(request: Mapping[str, object], *, line: int = 0) -> Iterator[SpanRecord | LineProblem]:
    """Yield the spans of one decoded OTLP trace request, or what is wrong with each."""
    for resource_spans in objects_of(either(request, "resourceSpans", "resource_spans")):
        resource = attributes_of(object_of(resource_spans.get("resource")).get("attributes"))
        groups = either(resource_spans, "scopeSpans", "scope_spans") or either(
            # The name before OTLP 0.15; old archives still hold it.
            resource_spans,
            "instrumentationLibrarySpans",
            "instrumentation_library_spans",
        )
        for scope_spans in objects_of(groups):
            scope = object_of(scope_spans.get("scope") or scope_spans.get("instrumentationLibrary"))
            for span in objects_of(scope_spans.get("spans")):
                try:
                    yield _span(span, scope, resource)
                except (ValueError, TypeError, OverflowError) as exc:
                    yield LineProblem(line, f"span skipped: {exc}")


@contextmanager
def _open(source: Path | str | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream, _unzipped(stream) as plain:
            yield plain
    else:
        with _unzipped(source) as plain:
            yield plain


@contextmanager
def _unzipped(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    buffered = io.BufferedReader(cast("io.RawIOBase", stream))
    try:
        if buffered.peek(2).startswith(GZIP_MAGIC):
            # Members written one after another (a rotated archive) read as one file.
            with gzip.open(buffered, "rb") as plain:
                yield cast("IO[bytes]", plain)
        else:
            yield buffered
    finally:
        # The stream belongs to the caller: closing the buffer would close it too.
        buffered.detach()


def _spans_of_line(
    line: bytes, number: int, report: Callable[[LineProblem], None]
) -> Iterator[SpanRecord]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as exc:
        report(LineProblem(number, f"not JSON: {exc}"))
        return
    if not isinstance(request, dict):
        report(LineProblem(number, f"expected a JSON object, got {type(request).__name__}"))
        return
    for span in spans_of(cast("dict[str, object]", request), line=number):
        if isinstance(span, LineProblem):
            report(span)
        else:
            yield span


def _span(
    span: Mapping[str, object], scope: Mapping[str, object], resource: Mapping[str, object]
) -> SpanRecord:
    status = object_of(span.get("status"))
    return SpanRecord(
        trace_id=_id(either(span, "traceId", "trace_id"), 16),
        span_id=_id(either(span, "spanId", "span_id"), 8),
        parent_span_id=_optional_id(either(span, "parentSpanId", "parent_span_id")),
        name=text_of(span.get("name")),
        start_ns=_nanoseconds(either(span, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=_nanoseconds(either(span, "endTimeUnixNano", "end_time_unix_nano")),
        kind=_kind(span.get("kind")),
        status_is_error=status.get("code") in _ERROR_NAMES,
        status_message=text_of(status.get("message")),
        scope_name=text_of(scope.get("name")),
        scope_version=text_of(scope.get("version")),
        attributes=attributes_of(span.get("attributes")),
        resource_attributes=resource,
        events=tuple(
            SpanEvent(
                name=text_of(event.get("name")),
                time_ns=_nanoseconds(either(event, "timeUnixNano", "time_unix_nano")),
                attributes=attributes_of(event.get("attributes")),
            )
            for event in objects_of(span.get("events"))
        ),
    )


def _id(value: object, size: int) -> int:
    """Return an id of *size* bytes: hex as OTLP/JSON says, or base64 as plain protobuf JSON."""
    if not isinstance(value, str):
        raise TypeError(f"expected an id of {size} bytes, got {value!r:.40}")
    if len(value) == 2 * size:
        number = int(value, 16)
    else:
        raw = base64.b64decode(value, validate=True)
        if len(raw) != size:
            raise ValueError(f"expected an id of {size} bytes, got {value!r:.40}")
        number = int.from_bytes(raw, "big")
    if number == 0:
        raise ValueError("an id of zeros means no id")
    return number


def _optional_id(value: object) -> int | None:
    try:
        return _id(value, 8)
    except (ValueError, TypeError):
        return None


def _nanoseconds(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, str | int) and not isinstance(value, bool):
        number = int(value)
        if 0 <= number < 2**63:
            return number
    raise ValueError(f"expected nanoseconds since 1970, got {value!r:.40}")


def _kind(value: object) -> int:
    if isinstance(value, str):
        return _KINDS.get(value, 0)
    return value if isinstance(value, int) else 0
