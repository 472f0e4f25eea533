"""Fills a ledger from archived spans and log records, by the rules of live ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from otel_distro.base.errors import OtelDistroError
from otel_distro.base.installation_key import installation_key
from otel_distro.pipeline.accounting.claimed_results import ClaimedResults, remember_imported
from otel_distro.server.unstored_calls import UnstoredCalls
from otel_distro.settings import load, process_environment
from otel_pricing import (
    LineProblem,
    LogRecord,
    PriceBook,
    PricedCall,
    SpanRecord,
    decide,
    read_price_file,
    read_records,
)
from otel_pricing.reading.tools import tools_of_provider
from otel_redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.write.health import WriteResult
    from otel_cost_ledger.write.writer import LedgerWriter


class ImportFailedError(OtelDistroError):
    """The ledger could not be written."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """The result of an import."""

    spans: int
    calls: int
    written: int
    known: int
    """Calls that were already in the ledger."""
    problems: int
    """Lines, spans or log records that could not be read."""
    log_records: int = 0
    passed: Mapping[str, int] = field(default_factory=dict)
    """Records without a model call, by kind; only kinds that occur."""
    tool_calls: int = 0
    """Executions of tools among the spans, including those already in the ledger."""


_BATCH = 5_000
"""Calls settled and stored together; limits the memory of an import."""
_PROGRESS_EVERY = 1000
_MOST_REPORTS = 20
"""Problems of one file that are reported individually; the rest is counted."""


def import_files(
    files: Iterable[Path],
    ledger: Location,
    prices: Path | None = None,
    *,
    report: Callable[[str], None],
    progress: Callable[[int], object] = lambda _bytes: None,
) -> ImportSummary:
    """Read spans and log records of *files*, price and settle their calls, store them in *ledger*.

    Memory is bounded: calls are stored some thousand at a time, each batch settled together with
    the ledger's calls around it. A failed import may be repeated. *progress* receives the bytes
    read since its last call, every thousand records.

    Raises ImportFailedError if the ledger cannot be written, PriceBookError for bad prices.
    """
    settings = load(process_environment()).settings
    prices = prices or settings.prices
    book = PriceBook(read_price_file(prices)) if prices else PriceBook()

    from otel_cost_ledger.model.location import spill_path
    from otel_cost_ledger.write.writer import LedgerWriter

    writer = LedgerWriter(
        ledger,
        clean=redact,
        pseudonym_key=installation_key(settings.state_dir),
        spill_to=spill_path(ledger, settings.state_dir),
        say=report,
        # Rows wait in memory for the transactions that store them.
        ring_calls=2 * _BATCH,
    )
    archive = UnstoredCalls()
    claims = ClaimedResults(settings.state_dir, ledger)
    calls = written = known = 0
    try:
        for record in _records(files, archive, report, progress):
            archive.take(record, book)
            if len(archive.calls) + len(archive.tools) >= _BATCH:
                calls += len(archive.calls)
                new, old = _store(writer, ledger, archive, claims)
                written, known = written + new, known + old
        calls += len(archive.calls)
        new, old = _store(writer, ledger, archive, claims)
    finally:
        writer.shutdown()
    return ImportSummary(
        archive.spans,
        calls,
        written + new,
        known + old + archive.known,
        archive.problems,
        archive.log_records,
        +archive.passed,
        archive.tool_calls,
    )


def _records(
    files: Iterable[Path],
    archive: UnstoredCalls,
    report: Callable[[str], None],
    progress: Callable[[int], object],
) -> Iterator[SpanRecord | LogRecord]:
    for file in files:
        before = archive.problems
        position = _Position(progress)

        def problem(line_problem: LineProblem, file: Path = file, before: int = before) -> None:
            archive.problems += 1
            if archive.problems - before <= _MOST_REPORTS:
                report(f"{file}: {line_problem}")

        records = read_records(file, report=problem, passed=archive.passed, on_open=position.opened)
        for number, record in enumerate(records):
            if number % _PROGRESS_EVERY == 0:
                position.tell()
            yield record
        more = archive.problems - before - _MOST_REPORTS
        if more > 0:
            report(f"{file}: {more:,} more lines or records could not be read")


class _Position:
    """Reports the progress of reading a file to *progress*."""

    def __init__(self, progress: Callable[[int], object]) -> None:
        self._progress = progress
        self._stream: IO[bytes] | None = None
        self._reported = 0

    def opened(self, stream: IO[bytes]) -> None:
        """Watch *stream*."""
        self._stream = stream

    def tell(self) -> None:
        """Report the bytes read since the last report."""
        if self._stream is not None:
            position = self._stream.tell()
            self._progress(position - self._reported)
            self._reported = position


def _decide(archive: UnstoredCalls, ledger: Location) -> tuple[list[PricedCall], list[PricedCall]]:
    """Return the archive's settled calls, and calls of the ledger whose decision changed.

    Two spans of one provider call may have been archived in different files.
    """
    from otel_cost_ledger.query.duplicates import duplicate_candidates
    from otel_cost_ledger.query.ledger import open_ledger

    with open_ledger(ledger, missing_ok=True) as opened:
        archive.forget_known_results(opened)
        batch = list(archive.calls.values())
        stored = duplicate_candidates(opened, batch)
    decided = decide([*stored, *batch], parents=archive.parents)
    before = {(p.call.trace_id, p.call.span_id): p.billed for p in stored}
    revised = [
        priced
        for priced in decided[: len(stored)]
        if priced.billed != before[priced.call.trace_id, priced.call.span_id]
    ]
    return decided[len(stored) :], revised


def _store(
    writer: LedgerWriter, ledger: Location, archive: UnstoredCalls, claims: ClaimedResults
) -> tuple[int, int]:
    """Settle, store and forget the calls of *archive*; return how many were new."""
    if archive.tools:
        _checked(writer.record_tools(archive.tools), ledger)
        archive.tools.clear()
    if not archive.calls:
        return 0, 0
    decided, revised = _decide(archive, ledger)
    archive.calls.clear()
    written = known = 0
    for start in range(0, len(decided), _BATCH):
        result = writer.write(decided[start : start + _BATCH])
        written, known = written + result.written, known + result.already_known
        _checked(result, ledger)
    by_provider = [tool for priced in decided for tool in tools_of_provider(priced)]
    if by_provider:
        _checked(writer.record_tools(by_provider), ledger)
    remember_imported(decided, claims)
    for start in range(0, len(revised), _BATCH):
        _checked(writer.revise(revised[start : start + _BATCH]), ledger)
    return written, known


def _checked(result: WriteResult, ledger: Location) -> None:
    if result.fault is not None or result.waiting:
        raise ImportFailedError(f"cannot write cost ledger {ledger}: {result.fault}")
