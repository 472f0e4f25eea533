"""Stores of calls: a file or a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from otel_cost_ledger.model.location import PostgresUrl, written_here
from otel_cost_ledger.sqlite.connection import DEFAULT_BUSY_TIMEOUT_MS
from otel_cost_ledger.sqlite.interning import DEFAULT_MAX_NAMES
from otel_cost_ledger.sqlite.ledger_file import LedgerFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.model.sql import Connection
    from otel_cost_ledger.sqlite.connection import Synchronous
    from otel_cost_ledger.sqlite.old_sums import OldSums
    from otel_cost_ledger.sqlite.store import Stored


class OpenStore(Protocol):
    """A ledger that is open for writing."""

    @property
    def connection(self) -> Connection:
        """The connection that writes."""
        ...


class LedgerStore(Protocol):
    """The protocol between the writer and every kind of ledger."""

    reopened: int
    """How often the ledger was found to be another one and opened again."""

    def opened(self) -> OpenStore:
        """Open the ledger unless it is open, and return it; raises what prevents it."""
        ...

    def apply(self, entries: Sequence[Entry]) -> Stored:
        """Store *entries*, all of them or, when this raises, none."""
        ...

    def add_old_sums(self, sums: OldSums) -> int:
        """Store the sums of days whose calls are gone; return how many were new."""
        ...

    def hurry(self, timeout_ms: int) -> None:
        """Wait at most *timeout_ms* for other processes from now on."""
        ...

    def set_aside(self) -> Path | None:
        """Put a damaged ledger out of the way; return where it is now, None if it stayed."""
        ...

    def close(self) -> None:
        """Close the connection; the next `apply` opens it again."""
        ...

    def release(self) -> None:
        """Close everything."""
        ...

    def start_anew(self) -> None:
        """In a forked child: drop the parent's connection without closing it."""
        ...


def open_store(
    location: Location,
    *,
    synchronous: Synchronous = "NORMAL",
    busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
    max_names: int = DEFAULT_MAX_NAMES,
) -> LedgerStore:
    """Return the store at *location*; nothing is opened before it is used.

    Raises `NotWrittenHereError` for ClickHouse.
    """
    location = written_here(location)
    if isinstance(location, PostgresUrl):
        from otel_cost_ledger.postgres.file import PostgresFile

        return PostgresFile(location, busy_timeout_ms=busy_timeout_ms, max_names=max_names)
    return LedgerFile(
        location, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms, max_names=max_names
    )
