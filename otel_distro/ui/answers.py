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
_KEPT: Final = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
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


class Answers:
    """The result cache of one server, for the ledger at *location*; thread-safe.

    *patience* is how many seconds a page waits for its results in total; None waits forever.
    """

    def __init__(self, location: Location, *, patience: float | None = PATIENCE_SECONDS) -> None:
        self._location = location
        self._patience = patience
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[str, Any]] = OrderedDict()
        self._asked: dict[Hashable, Future[None]] = {}
        self._asking: dict[Hashable, threading.Lock] = {}
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="otel_distro-ui")

    def patience(self) -> Patience:
        """Return the patience of one page."""
        return Patience(self._patience)

    def ask(
        self,
        ledger: Ledger,
        mark: str,
        key: Hashable,
        question: Callable[[Ledger], T],
        *,
        rows: Callable[[], int] = int,
        patience: Patience | None = None,
    ) -> Answer[T]:
        """Return the result of *question*, which reads about *rows* single calls.

        *mark* is the ledger's current one (`timeline.extent`); *key* identifies the query and all
        its parameters.
        """
        kept = self._find(key)
        if kept is not None and kept[0] == mark:
            return Answer(kept[1], current=True)
        if rows() <= ROWS_AT_ONCE:
            return Answer(self._ask_now(ledger, mark, key, question), current=True)
        asked = self._ask_aside(key, question)
        if wait([asked], (patience or self.patience()).left).done:
            asked.result()  # raises the error of the query
        kept = self._find(key)
        if kept is None:
            return Answer(None, current=False)
        return Answer(kept[1], current=kept[0] == mark)

    def _ask_now(
        self, ledger: Ledger, mark: str, key: Hashable, question: Callable[[Ledger], T]
    ) -> T:
        with self._lock:
            asking = self._asking.setdefault(key, threading.Lock())
        # Running two queries at once would only slow both down.
        with asking:
            kept = self._find(key)
            if kept is not None and kept[0] == mark:
                value: T = kept[1]
                return value
            value = question(ledger)
            self._keep(key, mark, value)
        with self._lock:
            self._asking.pop(key, None)
        return value

    def _find(self, key: Hashable) -> tuple[str, Any] | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, key: Hashable, mark: str, value: object) -> None:
        with self._lock:
            self._kept[key] = mark, value
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _ask_aside(self, key: Hashable, question: Callable[[Ledger], Any]) -> Future[None]:
        def work() -> None:
            try:
                with open_ledger(self._location, missing_ok=True) as ledger:
                    mark = extent(ledger).mark
                    self._keep(key, mark, question(ledger))
            finally:
                with self._lock:
                    self._asked.pop(key, None)

        with self._lock:
            asked = self._asked.get(key)
            if asked is None:
                asked = self._asked[key] = self._aside.submit(work)
            return asked

    def close(self) -> None:
        """Stop counting."""
        self._aside.shutdown(wait=False, cancel_futures=True)
