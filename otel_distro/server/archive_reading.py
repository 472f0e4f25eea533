"""Reads archives for an import, from where an interrupted one stopped."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from otel_distro.server.import_progress import FilePlace
from otel_pricing import read_records
from otel_pricing.reading.archive_lines import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_distro.server.import_progress import ImportProgress
    from otel_distro.server.unstored_calls import UnstoredCalls
    from otel_pricing import LineProblem, LogRecord, PricedCall, SpanRecord
    from otel_pricing.reading.archive_lines import Place

_PROGRESS_BYTES = 2**18
_MOST_REPORTS = 20
"""Problems of one file that are reported individually; the rest is counted."""


class ArchiveReading:
    """Reads files one after the other, and remembers how far their calls are stored."""

    def __init__(
        self,
        archive: UnstoredCalls,
        report: Callable[[str], None],
        progress: Callable[[int], object],
        places: ImportProgress,
    ) -> None:
        self._archive = archive
        self._report = report
        self._progress = progress
        self._places = places
        self._stream: IO[bytes] | None = None
        self._reported = self._report_at = 0
        self._here: FilePlace | None = None
        self._batch_began: FilePlace | None = None

    def records(self, file: Path) -> Iterator[SpanRecord | LogRecord]:
        """Yield the records of *file* that may be calls, from where the last import stopped."""
        archive, before = self._archive, self._archive.problems

        def problem(line_problem: LineProblem) -> None:
            archive.problems += 1
            if archive.problems - before <= _MOST_REPORTS:
                self._report(f"{file}: {line_problem}")

        start_at = self._places.place(file) or BEGINNING
        if start_at.offset:
            self._report(f"{file}: continues at line {start_at.number:,}, as it was interrupted")
        self._reported = self._report_at = 0
        yield from read_records(
            file,
            report=problem,
            passed=archive.passed,
            on_open=self._opened,
            on_line=lambda place: self._at_line(file, place),
            on_other=archive.pass_by,
            start_at=start_at,
        )
        more = archive.problems - before - _MOST_REPORTS
        if more > 0:
            self._report(f"{file}: {more:,} more lines or records could not be read")

    def _opened(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def _at_line(self, file: Path, place: Place) -> None:
        self._here = FilePlace(file, place)
        if self._batch_began is None:
            self._batch_began = self._here
        if place.offset >= self._report_at and self._stream is not None:
            self._report_at = place.offset + _PROGRESS_BYTES
            position = self._stream.tell()
            self._progress(position - self._reported)
            self._reported = position

    def stored(self, last: PricedCall | None) -> None:
        """Remember where the batch began whose *last* call is stored now.

        The next import reads this batch again: its spans are the parents of calls that follow.
        """
        if self._batch_began is not None and last is not None:
            self._places.save(self._batch_began, last)
        self._batch_began = self._here
