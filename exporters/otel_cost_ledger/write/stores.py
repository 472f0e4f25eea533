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
        """The writing connection."""
        ...


class LedgerStore(Protocol):
    """The protocol between the writer and a ledger."""

    reopened: int
    """Number of times that the ledger was found replaced and reopened."""

    def opened(self) -> OpenStore:
        """Open the ledger unless it is open, and return it; raises the error that prevents it."""
        ...

    def apply(self, entries: Sequence[Entry]) -> Stored:
        """Store all *entries* in one transaction; none of them on an error."""
        ...

    def add_old_sums(self, sums: OldSums) -> int:
        """Store the sums of days without calls; return the number of new ones."""
        ...

    def set_busy_timeout(self, timeout_ms: int) -> None:
        """Set the timeout for locks of other processes to *timeout_ms*."""
        ...

    def set_aside(self) -> Path | None:
        """Quarantine a damaged ledger; return its new path, None if it stayed."""
        ...

    def close(self) -> None:
        """Close the connection; the next `apply` opens it again."""
        ...

    def release(self) -> None:
        """Close everything."""
        ...

    def start_anew(self) -> None:
        """Reset after fork: drop the parent's connection without closing it."""
        ...


def open_store(
    location: Location,
    *,
    synchronous: Synchronous = "NORMAL",
    busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
    max_names: int = DEFAULT_MAX_NAMES,
) -> LedgerStore:
    """Return the store at *location*, which is opened on first use.

    Raises `NotWrittenHereError` for ClickHouse.
    """
    location = written_here(location)
    if isinstance(location, PostgresUrl):
        from otel_cost_ledger.postgres.file import PostgresFile

        return PostgresFile(location, busy_timeout_ms=busy_timeout_ms, max_names=max_names)
    return LedgerFile(
        location, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms, max_names=max_names
    )
