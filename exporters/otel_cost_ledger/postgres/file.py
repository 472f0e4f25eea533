"""The PostgreSQL ledger of one process: connected on demand, abandoned after a fork."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_cost_ledger.postgres.connection import WRITERS, open_for_writing
from otel_cost_ledger.postgres.store import PostgresStore
from otel_cost_ledger.sqlite.old_sums import write_old_sums

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.model.location import PostgresUrl
    from otel_cost_ledger.sqlite.old_sums import OldSums
    from otel_cost_ledger.sqlite.store import Stored


class PostgresFile:
    """A ledger in PostgreSQL for the writer: connected on demand, abandoned after a fork."""

    _inherited: Final[list[PostgresStore]] = []

    def __init__(self, url: PostgresUrl, *, busy_timeout_ms: int, max_names: int) -> None:
        self._url = url
        self._timeout_ms = busy_timeout_ms
        self._max_names = max_names
        self._store: PostgresStore | None = None
        self.reopened = 0

    def apply(self, entries: Sequence[Entry]) -> Stored:
        """Store *entries* in one transaction."""
        store = self.opened()
        try:
            return store.apply(entries)
        except BaseException:
            store.forget()
            raise

    def opened(self) -> PostgresStore:
        """Return the store, connecting if necessary."""
        if self._store is None:
            connection = open_for_writing(self._url, timeout_ms=self._timeout_ms)
            try:
                self._store = PostgresStore(connection, self._max_names)
            except BaseException:
                connection.close()
                raise
        return self._store

    def add_old_sums(self, sums: OldSums) -> int:
        """Store the sums of days without calls; return the number of new ones."""
        store = self.opened()
        try:
            with store.connection.transaction():
                store.connection.execute("SELECT pg_advisory_xact_lock(?)", [WRITERS])
                return write_old_sums(store.connection, store.names, sums)
        except BaseException:
            store.forget()
            raise

    def set_busy_timeout(self, timeout_ms: int) -> None:
        """Set the timeout for locks of other processes to *timeout_ms*."""
        self._timeout_ms = min(self._timeout_ms, timeout_ms)
        if self._store is not None:
            self._store.connection.set_timeout(self._timeout_ms)

    def set_aside(self) -> Path | None:
        """Return None and do nothing: a server repairs its own files."""
        return None

    def close(self) -> None:
        """Close the connection; the next `apply` connects again."""
        store, self._store = self._store, None
        if store is not None:
            store.connection.close()

    release = close

    def start_anew(self) -> None:
        """Reset after fork: never close the parent's connection."""
        if self._store is not None:
            self._inherited.append(self._store)
        self._store = None
