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
    ledger: Path,
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
    decided = decide(list(archive.calls.values()), parents=archive.parents)

    from otel_cost_ledger.writer import LedgerWriter

    writer = LedgerWriter(
        ledger,
        clean=redact,
        pseudonym_key=installation_key(settings.state_dir),
        say=report,
        # Rows wait in memory for the one transaction after another that stores them.
        ring_calls=max(len(decided), 1),
    )
    try:
        written, known = _store(writer, ledger, decided)
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


def _store(writer: LedgerWriter, ledger: Path, decided: Sequence[PricedCall]) -> tuple[int, int]:
    if not decided:
        return 0, 0
    result = writer.write(decided)
    if result.fault is not None or result.waiting:
        raise ImportFailedError(f"cannot write cost ledger {ledger}: {result.fault}")
    return result.written, result.already_known
