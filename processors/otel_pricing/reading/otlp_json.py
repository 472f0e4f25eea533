"""Reads spans and log records from OTLP/JSON Lines, as the Collector's file exporter writes them.

Lines of batch results are read as spans, too.

An archive is read line by line, so its size does not matter, and unreadable input is reported
and skipped: one torn line at the end of a file must not cost the other million.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from otel_pricing.model.record import ERROR_CODE, SpanEvent, SpanRecord
from otel_pricing.reading import batch_results
from otel_pricing.reading.archive_lines import LONGEST_LINE, lines_of, open_archive
from otel_pricing.reading.log_events import LogRecord
from otel_pricing.reading.other_formats import OTLP_KEYS, name_of, not_otlp
from otel_pricing.reading.otlp_values import attributes_of, either, object_of, objects_of, text_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

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
    """Drop *problem*, for callers that ignore unreadable input."""


def read_spans(
    source: Path | str | IO[bytes], *, report: Callable[[LineProblem], None] = ignore
) -> Iterator[SpanRecord]:
    """Yield every span of *source* in the file's order, lazily.

    *source* is a path or a binary stream, plain or gzip. Lines of metrics and logs hold no spans
    and are passed over in silence; anything malformed goes to *report* and is skipped.
    """
    for record in read_records(source, report=report):
        if isinstance(record, SpanRecord):
            yield record


def read_records(
    source: Path | str | IO[bytes],
    *,
    report: Callable[[LineProblem], None] = ignore,
    passed: Counter[str] | None = None,
) -> Iterator[SpanRecord | LogRecord]:
    """Yield every span and every log record of *source* in the file's order, lazily.

    *source* is a path or a binary stream, plain or gzip. *passed* counts what holds neither, such
    as lines of metrics. Anything malformed goes to *report* and is skipped. Memory stays bounded
    by the longest line that is read, 32 MiB.
    """
    number = read = unreadable = 0
    at_ns = _time_of(source)
    with open_archive(source) as stream:
        lines = lines_of(stream)
        try:
            head = _head(lines)
            if format_name := _foreign(head):
                report(LineProblem(head[0][0], format_name))
                return
            for number, line in chain(head, lines):
                request = _request(line)
                if isinstance(request, str):
                    unreadable += 1
                    report(LineProblem(number, request))
                    if not read and unreadable >= _MOST_UNREADABLE:
                        report(LineProblem(number, "nothing could be read so far; stopped"))
                        return
                    continue
                read += 1
                if batch_results.is_result(request):
                    record = batch_results.span_of_result(request, at_ns)
                    if record is not None:
                        yield record
                    elif passed is not None:
                        passed[batch_results.NOT_RUN] += 1
                    continue
                yield from _records_of(request, number, report)
                if passed is not None and not _HOLDS_RECORDS.isdisjoint(request):
                    passed["lines of metrics"] += "resourceMetrics" in request
                elif passed is not None:
                    passed["lines of metrics"] += 1
        except (EOFError, OSError, zlib.error) as exc:
            report(LineProblem(number + 1, f"the file ends early or is damaged: {exc}"))


def _time_of(source: Path | str | IO[bytes]) -> int:
    """Return when *source* was written, for results of batches that have no time of their own."""
    if isinstance(source, str | Path):
        with suppress(OSError):
            return Path(source).stat().st_mtime_ns
    return time.time_ns()


_HOLDS_RECORDS = frozenset({"resourceSpans", "resource_spans", "resourceLogs", "resource_logs"})
_MOST_UNREADABLE = 1000
"""Lines without anything readable after which a file is no archive."""
_HEAD_LINES, _HEAD_BYTES = 200, 65_536


def _head(lines: Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return the first lines: the first alone if it can be read, else enough to tell a format."""
    head = list(islice(lines, 1))
    if head and isinstance(_request(head[0][1]), str):
        size = len(head[0][1])
        while size < _HEAD_BYTES and len(head) < _HEAD_LINES and (more := next(lines, None)):
            head.append(more)
            size += len(more[1])
    return head


def _foreign(head: list[tuple[int, bytes]]) -> str | None:
    """Return the name of the other format that a file is in that begins with *head*."""
    if not head or not head[0][1].lstrip().startswith((b"{", b"[")):
        return None
    if any(not isinstance(_request(line), str) for _, line in head):
        return None
    return name_of(b"\n".join(line[:_HEAD_BYTES] for _, line in head))


def _request(line: bytes) -> Mapping[str, object] | str:
    """Return the OTLP request in *line*, or why there is none."""
    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE // 2**20} MiB; skipped"
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return f"not JSON: {exc}"
    if not isinstance(request, dict):
        return f"expected a JSON object, got {type(request).__name__}"
    if OTLP_KEYS.isdisjoint(request) and not batch_results.is_result(request):
        return not_otlp()
    return cast("dict[str, object]", request)


def _records_of(
    request: Mapping[str, object], number: int, report: Callable[[LineProblem], None]
) -> Iterator[SpanRecord | LogRecord]:
    for records in (spans_of(request, line=number), logs_of(request, line=number)):
        for record in records:
            if isinstance(record, LineProblem):
                report(record)
            else:
                yield record


def spans_of(request: Mapping[str, object], *, line: int = 0) -> Iterator[SpanRecord | LineProblem]:
    """Yield the spans of one decoded OTLP trace request, or the problem of each."""
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


def logs_of(request: Mapping[str, object], *, line: int = 0) -> Iterator[LogRecord | LineProblem]:
    """Yield the log records of one decoded OTLP logs request, or the problem of each."""
    for resource_logs in objects_of(either(request, "resourceLogs", "resource_logs")):
        resource = attributes_of(object_of(resource_logs.get("resource")).get("attributes"))
        for scope_logs in objects_of(either(resource_logs, "scopeLogs", "scope_logs")):
            scope = text_of(object_of(scope_logs.get("scope")).get("name"))
            for record in objects_of(either(scope_logs, "logRecords", "log_records")):
                try:
                    yield _log_record(record, scope, resource)
                except (ValueError, TypeError, OverflowError) as exc:
                    yield LineProblem(line, f"log record skipped: {exc}")


def _log_record(
    record: Mapping[str, object], scope: str, resource: Mapping[str, object]
) -> LogRecord:
    observed = either(record, "observedTimeUnixNano", "observed_time_unix_nano")
    return LogRecord(
        time_ns=_nanoseconds(either(record, "timeUnixNano", "time_unix_nano"))
        or _nanoseconds(observed),
        event_name=text_of(either(record, "eventName", "event_name")),
        trace_id=_optional_id(either(record, "traceId", "trace_id"), 16),
        span_id=_optional_id(either(record, "spanId", "span_id"), 8),
        scope_name=scope,
        attributes=attributes_of(record.get("attributes")),
        resource_attributes=resource,
    )


def _span(
    span: Mapping[str, object], scope: Mapping[str, object], resource: Mapping[str, object]
) -> SpanRecord:
    status = object_of(span.get("status"))
    return SpanRecord(
        trace_id=_id(either(span, "traceId", "trace_id"), 16),
        span_id=_id(either(span, "spanId", "span_id"), 8),
        parent_span_id=_optional_id(either(span, "parentSpanId", "parent_span_id"), 8),
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
    """Return an id of *size* bytes: hex as in OTLP/JSON, or base64 as plain protobuf JSON."""
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


def _optional_id(value: object, size: int) -> int | None:
    try:
        return _id(value, size)
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
