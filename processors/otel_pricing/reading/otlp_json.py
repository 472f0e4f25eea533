"""Reader of spans and log records in OTLP/JSON Lines, the format of the Collector's file exporter.

Lines of batch results are read as spans as well.

An archive is read line by line, so its size does not matter, and unreadable input is reported and
skipped: one truncated line at the end must not affect the other million.
"""

from __future__ import annotations

import json
import time
import zlib
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from otel_pricing.model.record import SpanRecord
from otel_pricing.reading import batch_results
from otel_pricing.reading.archive_lines import (
    BEGINNING,
    LONGEST_LINE,
    Line,
    Place,
    lines_of,
    open_archive,
)
from otel_pricing.reading.large_lines import is_large_request, pieces_of
from otel_pricing.reading.other_formats import OTLP_KEYS, name_of, not_otlp
from otel_pricing.reading.otlp_records import LineProblem, SpanLink, logs_of, spans_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

    from otel_pricing.reading.log_events import LogRecord


def ignore(problem: LineProblem) -> None:
    """Ignore *problem*."""


def read_spans(
    source: Path | str | IO[bytes], *, report: Callable[[LineProblem], None] = ignore
) -> Iterator[SpanRecord]:
    """Yield every span of *source* in the file's order, lazily.

    *source* is a path or a binary stream, plain or gzip. Lines of metrics and logs are skipped
    silently; anything malformed is passed to *report* and skipped.
    """
    for record in read_records(source, report=report):
        if isinstance(record, SpanRecord):
            yield record


def read_records(
    source: Path | str | IO[bytes],
    *,
    report: Callable[[LineProblem], None] = ignore,
    passed: Counter[str] | None = None,
    on_open: Callable[[IO[bytes]], object] = lambda _stream: None,
    on_line: Callable[[Place], object] = lambda _place: None,
    on_other: Callable[[SpanLink], object] | None = None,
    start_at: Place = BEGINNING,
) -> Iterator[SpanRecord | LogRecord]:
    """Yield every span and every log record of *source* in the file's order, lazily.

    *source* is a path or a binary stream, plain or gzip. *on_open* receives the stream of a path,
    whose position shows the progress, *on_line* the place of each line. *passed* counts other
    lines, such as metrics. Anything malformed is passed to *report* and skipped. Memory is bounded
    by the maximum length of a line, 32 MiB.

    *on_other*, if given, receives the ids of each span that is neither a model call nor a tool's
    execution; these are not yielded then. Reading begins at *start_at*, a place of *on_line*.
    """
    number = read = unreadable = 0
    at_ns = _time_of(source)
    with open_archive(source, on_open) as stream:
        lines = lines_of(stream, start_at=start_at)
        try:
            head = [] if start_at.offset else _head(lines)
            if format_name := _foreign(head):
                report(LineProblem(head[0].number, format_name))
                return
            while head:
                lines = chain([head.pop()], lines)
            for number, offset, line in lines:
                on_line(Place(number, offset))
                if is_large_request(line):
                    read += 1
                    yield from _records_of_large(line, number, report, on_other)
                    continue
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
                yield from _records_of(request, number, report, on_other)
                if passed is not None and not _HOLDS_RECORDS.isdisjoint(request):
                    passed["lines of metrics"] += "resourceMetrics" in request
                elif passed is not None:
                    passed["lines of metrics"] += 1
        except (EOFError, OSError, zlib.error) as exc:
            report(LineProblem(number + 1, f"the file ends early or is damaged: {exc}"))


def _time_of(source: Path | str | IO[bytes]) -> int:
    """Return the modification time of *source*, now for a stream, for results without a time."""
    if isinstance(source, str | Path):
        with suppress(OSError):
            return Path(source).stat().st_mtime_ns
    return time.time_ns()


_HOLDS_RECORDS = frozenset({"resourceSpans", "resource_spans", "resourceLogs", "resource_logs"})
_MOST_UNREADABLE = 1000
"""Number of unreadable lines after which a file is no archive."""
_TOO_LONG = f"longer than {LONGEST_LINE // 2**20} MiB; skipped"
_HEAD_LINES, _HEAD_BYTES = 200, 65_536


def _head(lines: Iterator[Line]) -> list[Line]:
    """Return the first lines: only the first if readable, else enough to identify a format."""
    head = list(islice(lines, 1))
    if head and not _is_readable(head[0].content):
        size = len(head[0].content)
        while size < _HEAD_BYTES and len(head) < _HEAD_LINES and (more := next(lines, None)):
            head.append(more)
            size += len(more.content)
    return head


def _is_readable(line: bytes) -> bool:
    return is_large_request(line) or not isinstance(_request(line), str)


def _foreign(head: list[Line]) -> str | None:
    """Return the name of another format of a file that begins with *head*."""
    if not head or not head[0].content.lstrip().startswith((b"{", b"[")):
        return None
    if any(_is_readable(line.content) for line in head):
        return None
    return name_of(b"\n".join(line.content[:_HEAD_BYTES] for line in head))


def _request(line: bytes) -> Mapping[str, object] | str:
    """Return the OTLP request in *line*, or the reason without one."""
    if len(line) > LONGEST_LINE:
        return _TOO_LONG
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return f"not JSON: {exc}"
    if not isinstance(request, dict):
        return f"expected a JSON object, got {type(request).__name__}"
    if OTLP_KEYS.isdisjoint(request) and not batch_results.is_result(request):
        return not_otlp()
    return cast("dict[str, object]", request)


def _records_of_large(
    line: bytes,
    number: int,
    report: Callable[[LineProblem], None],
    on_other: Callable[[SpanLink], object] | None,
) -> Iterator[SpanRecord | LogRecord]:
    """Yield the records of a large line, those before a damage included."""
    if len(line) > LONGEST_LINE:
        report(LineProblem(number, _TOO_LONG))
        return
    try:
        for request in pieces_of(line):
            yield from _records_of(request, number, report, on_other)
    except (ValueError, RecursionError) as exc:
        report(LineProblem(number, f"not JSON: {exc}"))


def _records_of(
    request: Mapping[str, object],
    number: int,
    report: Callable[[LineProblem], None],
    on_other: Callable[[SpanLink], object] | None,
) -> Iterator[SpanRecord | LogRecord]:
    spans = spans_of(request, line=number, on_other=on_other)
    for records in (spans, logs_of(request, line=number)):
        for record in records:
            if isinstance(record, LineProblem):
                report(record)
            else:
                yield record
