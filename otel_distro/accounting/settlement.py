"""Works out what queued model calls cost and which of several spans of one call is billed."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.faults import Faults
    from otel_pricing import BillingWindow, PriceBook, PricedCall

_MAX_QUEUED = 100_000
_LONGEST_PAUSE_S = 1.0
"""How long a fork waits for a call that is being priced."""

Key = tuple[int, int]
"""Trace id and span id."""


class Account:
    """One ended model call: the span as it came, and what was decided about it."""

    __slots__ = ("__weakref__", "_settlement", "decided", "settled", "span")

    def __init__(self, span: ReadableSpan, settlement: Settlement) -> None:
        self.span: ReadableSpan | None = span
        self.decided: PricedCall | None = None
        self.settled = False
        self._settlement = settlement

    def facts(self) -> Mapping[str, Any]:
        """Return the attributes of cost, working them out now if their turn has not come."""
        if not self.settled:
            # Another thread may be at it this moment; this waits for it to be done.
            self._settlement.decide_queued()
        if not self.decided:
            return {}
        from otel_pricing import facts

        return facts(self.decided)


class Settlement:
    """Decides on calls in the order they ended, on whichever thread asks first."""

    def __init__(self, open_book: Callable[[], PriceBook], faults: Faults) -> None:
        self._open_book = open_book
        self._faults = faults
        self._book: PriceBook | None = None
        self._lock = threading.RLock()
        self._paused_by: set[int] = set()
        self._queue: deque[Account] = deque(maxlen=_MAX_QUEUED)
        self._window: BillingWindow | None = None
        self._accounts: WeakValueDictionary[Key, Account] = WeakValueDictionary()
        self._new: dict[Key, PricedCall] = {}
        self._revised: dict[Key, PricedCall] = {}

    def put(self, span: ReadableSpan) -> Account:
        """Queue *span*; costs the app's thread one small object."""
        account = Account(span, self)
        self._queue.append(account)
        return account

    def __len__(self) -> int:
        return len(self._queue)

    def decide_queued(self) -> None:
        """Price and decide everything queued so far."""
        with self._lock:
            while self._queue:
                account = self._queue.popleft()
                try:
                    self._decide(account)
                except Exception as error:  # noqa: BLE001 - a bad span must not cost its neighbours
                    self._faults.record("account", error)
                account.settled = True

    def pause(self) -> None:
        """Keep other threads from pricing until `go_on`, so that this one may fork.

        The first price takes a third of a second of importing. A child forked in the middle of
        that has modules that nobody completes, and waits for ever for whoever was at it.
        """
        if self._lock.acquire(timeout=_LONGEST_PAUSE_S):
            self._paused_by.add(threading.get_ident())

    def go_on(self) -> None:
        """End the pause of this thread."""
        if threading.get_ident() in self._paused_by:
            self._paused_by.discard(threading.get_ident())
            self._lock.release()

    def take_decided(self) -> tuple[list[PricedCall], list[PricedCall]]:
        """Return new calls and revised earlier ones since the last time."""
        self.decide_queued()
        with self._lock:
            new, self._new = self._new, {}
            revised, self._revised = self._revised, {}
        return list(new.values()), list(revised.values())

    def _decide(self, account: Account) -> None:
        # Imported by programs that do call models, and under the lock: see `pause`.
        from otel_pricing import BillingWindow, from_readable_span, price_call, read_call

        # The account lets go of the span: its view, and so the exporter's queue, keeps it.
        span, account.span = account.span, None
        call = read_call(from_readable_span(span)) if span is not None else None
        if call is None:
            return
        if self._book is None or self._window is None:
            self._book, self._window = self._open_book(), BillingWindow()
        priced = price_call(call, self._book)
        key = call.trace_id, call.span_id
        self._accounts[key] = account
        for decided in self._window.offer(priced):
            decided_key = decided.call.trace_id, decided.call.span_id
            is_new = decided_key == key or decided_key in self._new
            (self._new if is_new else self._revised)[decided_key] = decided
            known = self._accounts.get(decided_key)
            if known is not None:
                known.decided = decided
