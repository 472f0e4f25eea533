"""Cache of query results, valid while the ledger does not change; slow queries run in background.

Queries of the sums are fast. Queries of single calls (time to first token, most expensive calls)
take half a second per million calls: they run on a background thread, and the page shows the last
result, or that it is being counted, meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.query.timeline import extent

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from concurrent.futures import Future

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.ledger import Ledger

ROWS_AT_ONCE: Final = 60_000
"""Queries that read no more rows than this run within the request."""
PATIENCE_SECONDS: Final = 0.08
"""Seconds that one page waits, in total, for pending results."""
_MOST_RESULTS: Final = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QueryResult(Generic[T]):
    """The current result."""

    value: T | None
    """None while it is still being counted."""
    current: bool
    """False while a newer result is being counted."""


class Patience:
    """The remaining wait time of one page."""

    def __init__(self, seconds: float | None) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """In seconds; None waits forever."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())


class QueryCache:
    """The result cache of one server, for the ledger at *location*; thread-safe.

    *patience* is how many seconds a page waits for its results in total; None waits forever.
    """

    def __init__(self, location: Location, *, patience: float | None = PATIENCE_SECONDS) -> None:
        self._location = location
        self._patience = patience
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, tuple[str, Any]] = OrderedDict()
        self._running: dict[Hashable, Future[None]] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._background = ThreadPoolExecutor(1, thread_name_prefix="otel_distro-ui")

    def patience(self) -> Patience:
        """Return the patience of one page."""
        return Patience(self._patience)

    def run(
        self,
        ledger: Ledger,
        mark: str,
        key: Hashable,
        query: Callable[[Ledger], T],
        *,
        rows: Callable[[], int] = int,
        patience: Patience | None = None,
    ) -> QueryResult[T]:
        """Return the result of *query*, which reads about *rows* single calls.

        *mark* is the ledger's current one (`timeline.extent`); *key* identifies the query and all
        its parameters.
        """
        cached = self._find(key)
        if cached is not None and cached[0] == mark:
            return QueryResult(cached[1], current=True)
        if rows() <= ROWS_AT_ONCE:
            return QueryResult(self._query_now(ledger, mark, key, query), current=True)
        running = self._query_in_background(key, query)
        if wait([running], (patience or self.patience()).left).done:
            running.result()  # raises the error of the query
        cached = self._find(key)
        if cached is None:
            return QueryResult(None, current=False)
        return QueryResult(cached[1], current=cached[0] == mark)

    def _query_now(
        self, ledger: Ledger, mark: str, key: Hashable, query: Callable[[Ledger], T]
    ) -> T:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        # Running two queries at once would only slow both down.
        with lock:
            cached = self._find(key)
            if cached is not None and cached[0] == mark:
                value: T = cached[1]
                return value
            value = query(ledger)
            self._store(key, mark, value)
        with self._lock:
            self._locks.pop(key, None)
        return value

    def _find(self, key: Hashable) -> tuple[str, Any] | None:
        with self._lock:
            cached = self._results.get(key)
            if cached is not None:
                self._results.move_to_end(key)
            return cached

    def _store(self, key: Hashable, mark: str, value: object) -> None:
        with self._lock:
            self._results[key] = mark, value
            self._results.move_to_end(key)
            while len(self._results) > _MOST_RESULTS:
                self._results.popitem(last=False)

    def _query_in_background(self, key: Hashable, query: Callable[[Ledger], Any]) -> Future[None]:
        def work() -> None:
            try:
                with open_ledger(self._location, missing_ok=True) as ledger:
                    mark = extent(ledger).mark
                    self._store(key, mark, query(ledger))
            finally:
                with self._lock:
                    self._running.pop(key, None)

        with self._lock:
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = self._background.submit(work)
            return running

    def close(self) -> None:
        """Stop counting."""
        self._background.shutdown(wait=False, cancel_futures=True)
