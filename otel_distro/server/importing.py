"""Fills a ledger from archived spans and log records, by the rules of live ones."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from otel_distro.base.errors import OtelDistroError
from otel_distro.base.installation_key import installation_key
from otel_distro.pipeline.accounting.claimed_results import ClaimedResults, remember_imported
from otel_distro.server.archive_reading import ArchiveReading
from otel_distro.server.import_progress import ImportProgress
from otel_distro.server.unstored_calls import UnstoredCalls
from otel_distro.settings import load, process_environment
from otel_pricing import (
    PriceBook,
    PricedCall,
    decide,
    read_price_file,
)
from otel_pricing.reading.tools import tools_of_provider
from otel_redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
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


_BATCH = 2_000
"""Calls settled and stored together; limits the memory of an import."""
_STORE_EVERY_S = 30.0
"""Seconds of reading after which the calls so far are stored, so that little is read again."""


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
    the ledger's calls around it. A failed or interrupted import may be repeated; it continues at
    about the last calls that were stored. *progress* receives the bytes read since its last call,
    every quarter of a megabyte.

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
    files = tuple(files)
    archive = UnstoredCalls()
    claims = ClaimedResults(settings.state_dir, ledger)
    places = ImportProgress(settings.state_dir, ledger)
    reading = ArchiveReading(archive, report, progress, places)
    calls = written = known = 0
    store_at = time.monotonic() + _STORE_EVERY_S
    try:
        for record in chain.from_iterable(map(reading.records, files)):
            archive.take(record, book)
            waiting = len(archive.calls) + len(archive.tools)
            if waiting >= _BATCH or time.monotonic() > store_at:
                calls += len(archive.calls)
                new, old, last = _store(writer, ledger, archive, claims)
                written, known = written + new, known + old
                reading.stored(last)
                store_at = time.monotonic() + _STORE_EVERY_S
        calls += len(archive.calls)
        new, old, _ = _store(writer, ledger, archive, claims)
        places.forget(files)
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
) -> tuple[int, int, PricedCall | None]:
    """Settle, store and forget the calls of *archive*.

    Returns how many were new, how many known, and one of those stored last.
    """
    if archive.tools:
        _checked(writer.record_tools(archive.tools), ledger)
        archive.tools.clear()
    if not archive.calls:
        return 0, 0, None
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
    return written, known, decided[-1] if decided else None


def _checked(result: WriteResult, ledger: Location) -> None:
    if result.fault is not None or result.waiting:
        raise ImportFailedError(f"cannot write cost ledger {ledger}: {result.fault}")
