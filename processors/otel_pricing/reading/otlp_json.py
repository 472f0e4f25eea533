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
from otel_pricing.reading.archive_lines import LONGEST_LINE, lines_of, open_archive
from otel_pricing.reading.other_formats import OTLP_KEYS, name_of, not_otlp
from otel_pricing.reading.otlp_records import LineProblem, logs_of, spans_of

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
) -> Iterator[SpanRecord | LogRecord]:
    """Yield every span and every log record of *source* in the file's order, lazily.

    *source* is a path or a binary stream, plain or gzip. *on_open* receives the stream of a path,
    whose position shows the progress. *passed* counts other lines, such as metrics. Anything
    malformed is passed to *report* and skipped. Memory is bounded by the maximum length of a line,
    32 MiB.
    """
    number = read = unreadable = 0
    at_ns = _time_of(source)
    with open_archive(source, on_open) as stream:
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
    """Return the modification time of *source*, now for a stream, for results without a time."""
    if isinstance(source, str | Path):
        with suppress(OSError):
            return Path(source).stat().st_mtime_ns
    return time.time_ns()


_HOLDS_RECORDS = frozenset({"resourceSpans", "resource_spans", "resourceLogs", "resource_logs"})
_MOST_UNREADABLE = 1000
"""Number of unreadable lines after which a file is no archive."""
_HEAD_LINES, _HEAD_BYTES = 200, 65_536


def _head(lines: Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return the first lines: only the first if readable, else enough to identify a format."""
    head = list(islice(lines, 1))
    if head and isinstance(_request(head[0][1]), str):
        size = len(head[0][1])
        while size < _HEAD_BYTES and len(head) < _HEAD_LINES and (more := next(lines, None)):
            head.append(more)
            size += len(more[1])
    return head


def _foreign(head: list[tuple[int, bytes]]) -> str | None:
    """Return the name of another format of a file that begins with *head*."""
    if not head or not head[0][1].lstrip().startswith((b"{", b"[")):
        return None
    if any(not isinstance(_request(line), str) for _, line in head):
        return None
    return name_of(b"\n".join(line[:_HEAD_BYTES] for _, line in head))


def _request(line: bytes) -> Mapping[str, object] | str:
    """Return the OTLP request in *line*, or the reason without one."""
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
