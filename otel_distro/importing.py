"""Fills a ledger from archived spans, by the same rules as live ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_distro.errors import OtelDistroError
from otel_distro.installation_key import installation_key
from otel_distro.settings import load, process_environment
from otel_pricing import (
    LineProblem,
    PriceBook,
    PricedCall,
    decide,
    price_call,
    read_call,
    read_price_file,
    read_spans,
)
from otel_redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from otel_cost_ledger.location import Location
    from otel_cost_ledger.writer import LedgerWriter


class ImportFailedError(OtelDistroError):
    """The ledger could not take what was read."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did."""

    spans: int
    calls: int
    written: int
    known: int
    """Calls that the ledger had already."""
    problems: int
    """Lines or spans that could not be read."""


@dataclass(slots=True)
class _Archive:
    """What was read from the files."""

    spans: int
    calls: dict[tuple[int, int], PricedCall]
    parents: dict[tuple[int, int], int | None]
    problems: int


def import_files(
    files: Iterable[Path],
    ledger: Location,
    prices: Path | None = None,
    *,
    report: Callable[[str], None],
) -> ImportSummary:
    """Read *files*, price and decide all their calls together, and store them in *ledger*.

    Raises ImportFailedError where the ledger cannot be written, PriceBookError for bad prices.
    """
    settings = load(process_environment()).settings
    prices = prices or settings.prices
    book = PriceBook(read_price_file(prices)) if prices else PriceBook()
    archive = _read(files, book, report)
    decided, revised = _decide(archive, ledger)

    from otel_cost_ledger.location import spill_path
    from otel_cost_ledger.writer import LedgerWriter

    writer = LedgerWriter(
        ledger,
        clean=redact,
        pseudonym_key=installation_key(settings.state_dir),
        spill_to=spill_path(ledger, settings.state_dir),
        say=report,
        # Rows wait in memory for the one transaction after another that stores them.
        ring_calls=max(len(decided), len(revised), 1),
    )
    try:
        written, known = _store(writer, ledger, decided, revised)
    finally:
        writer.shutdown()
    return ImportSummary(archive.spans, len(decided), written, known, archive.problems)


def _read(files: Iterable[Path], book: PriceBook, report: Callable[[str], None]) -> _Archive:
    archive = _Archive(0, {}, {}, 0)
    for file in files:

        def tell(problem: LineProblem, file: Path = file) -> None:
            archive.problems += 1
            report(f"{file}: {problem}")

        for span in read_spans(file, report=tell):
            archive.spans += 1
            key = span.trace_id, span.span_id
            archive.parents[key] = span.parent_span_id
            call = read_call(span)
            if call is not None:
                archive.calls[key] = price_call(call, book)
    return archive


def _decide(archive: _Archive, ledger: Location) -> tuple[list[PricedCall], list[PricedCall]]:
    """Return the archive's calls decided, and calls of the ledger that are decided otherwise now.

    Two spans of one provider call may have been archived in different files.
    """
    from otel_cost_ledger.ledger import open_ledger
    from otel_cost_ledger.twins import twin_candidates

    batch = list(archive.calls.values())
    with open_ledger(ledger, missing_ok=True) as opened:
        stored = twin_candidates(opened, batch)
    decided = decide([*stored, *batch], parents=archive.parents)
    before = {(p.call.trace_id, p.call.span_id): p.billed for p in stored}
    revised = [
        priced
        for priced in decided[: len(stored)]
        if priced.billed != before[priced.call.trace_id, priced.call.span_id]
    ]
    return decided[len(stored) :], revised


def _store(
    writer: LedgerWriter,
    ledger: Location,
    decided: Sequence[PricedCall],
    revised: Sequence[PricedCall],
) -> tuple[int, int]:
    if not decided:
        return 0, 0
    result = writer.write(decided)
    last = writer.revise(revised) if revised else result
    fault = result.fault or last.fault
    if fault is not None or last.waiting:
        raise ImportFailedError(f"cannot write cost ledger {ledger}: {fault}")
    return result.written, result.already_known
