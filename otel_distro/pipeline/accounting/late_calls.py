"""Calls that a program could not store or price before it ended.

The next program that calls a model stores them, and so does a command that reads the ledger, so
reports on ended programs are complete. A command also prices calls left unpriced when the exit
timeout expired.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_distro.pipeline.accounting.open_requests import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_cost_ledger.model.location import Location
    from otel_distro.settings import Settings
    from otel_pricing import PricedCall

NOT_PRICED: Final = "not priced before the exit"
"""Reason of calls that are unpriced only because their process ended too early."""


def collect(settings: Settings, warn: Callable[[str], None]) -> None:
    """Store and price the calls that ended programs left for the ledger of *settings*.

    Does nothing without such calls, or without consent to store. *warn* receives warnings. Never
    raises: calls that cannot be stored now are kept for a later attempt.
    """
    from otel_cost_ledger.model.location import ClickHouseUrl, spill_path
    from otel_cost_ledger.write.spill import first_start_ns
    from otel_distro.pipeline.accounting.killed_requests import left_calls
    from otel_distro.privacy.consent_gate import ConsentGate

    ledger = settings.ledger
    if ledger is None or isinstance(ledger, ClickHouseUrl) or not ConsentGate(settings).is_open():
        return
    try:
        spill = spill_path(ledger, settings.state_dir)
        since_ns = first_start_ns(spill)
        folder = settings.state_dir / FOLDER
        if since_ns is None and not left_calls(folder):
            return
        _store(settings, ledger, spill, folder, warn)
        if since_ns is not None:
            _price(settings, ledger, since_ns, warn)
    except Exception as error:  # a command reads the ledger as it is
        warn(f"calls of ended programs could not be stored: {type(error).__name__}: {error}")


def _store(
    settings: Settings, ledger: Location, spill: Path, folder: Path, warn: Callable[[str], None]
) -> None:
    from otel_cost_ledger.write.writer import LedgerWriter
    from otel_distro.base.installation_key import installation_key
    from otel_distro.pipeline.accounting.killed_requests import recover
    from otel_redaction import redact

    writer = LedgerWriter(
        ledger,
        clean=redact,
        pseudonym_key=installation_key(settings.state_dir),
        busy_timeout_ms=_BUSY_TIMEOUT_MS,
        spill_to=spill,
        say=warn,
    )

    def store(calls: list[PricedCall]) -> bool:
        return writer.write(calls).fault is None

    try:
        if writer.force_flush().fault is None:
            recover(folder, store)
    finally:
        writer.shutdown()


def _price(
    settings: Settings, ledger: Location, since_ns: int, warn: Callable[[str], None]
) -> None:
    from otel_cost_ledger.model.filters import Filters
    from otel_distro.reports.analysis.repricing import reprice
    from otel_pricing import PriceBook, read_price_file

    book = PriceBook(read_price_file(settings.prices)) if settings.prices else PriceBook()
    reprice(
        ledger,
        datetime.fromtimestamp(since_ns // 1_000_000_000, UTC),
        book,
        write=True,
        report=warn,
        filters=Filters(status="unpriced"),
        reason=NOT_PRICED,
    )


_BUSY_TIMEOUT_MS: Final = 1_000
"""How long a command waits for a program that is writing, in milliseconds."""
