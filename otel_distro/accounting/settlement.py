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
    from otel_pricing import BillingWindow, ModelCall, PriceBook, PricedCall

_MAX_QUEUED = 100_000
_LONGEST_PAUSE_S = 10.0
"""How long a fork waits for a call that is being priced: a third of a second where the processor is
free, but a child of an impatient fork could never price anything."""
_SLICE_S = 0.01

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
            self._settlement.settle()
        if not self.decided:
            return {}
        from otel_pricing import facts

        return facts(self.decided)


class Settlement:
    """Decides on calls in the order they ended, on whichever thread asks first.

    The first price takes a third of a second of importing. That is left to the thread which calls
    `take_decided`: others may have to leave before it is done. *hasten* hurries that thread, and
    returns what it sets when it has decided everything queued so far.
    """

    def __init__(
        self,
        open_book: Callable[[], PriceBook],
        faults: Faults,
        hasten: Callable[[], threading.Event],
    ) -> None:
        self._open_book = open_book
        self._hasten = hasten
        self._faults = faults
        self._book: PriceBook | None = None
        self._lock = threading.RLock()
        self._leaving = False
        self._paused_by: set[int] = set()
        self._queue: deque[Account] = deque(maxlen=_MAX_QUEUED)
        self._window: BillingWindow | None = None
        self._deciding: ModelCall | None = None
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

    def settle(self) -> None:
        """Have everything queued decided now, unless that is taking too long at the end."""
        if self._book is not None:
            self._decide_queued()
            return
        done = self._hasten()
        while not done.wait(_SLICE_S) and not self._leaving:
            pass

    def _decide_queued(self) -> None:
        """Price and decide everything queued so far; wait for another thread that is at it."""
        while not self._lock.acquire(timeout=_SLICE_S):
            if self._leaving:
                return
        try:
            self._decide_all()
        finally:
            self._lock.release()

    def stop_waiting(self) -> None:
        """Have nobody wait for calls that another thread is pricing: the process ends."""
        self._leaving = True

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
        self._decide_queued()
        with self._lock:
            new, self._new = self._new, {}
            revised, self._revised = self._revised, {}
        return list(new.values()), list(revised.values())

    def take_unpriced(self, reason: str) -> list[PricedCall]:
        """Take what is not decided yet, without prices; for the end of a process.

        It waits for nobody who is pricing.
        """
        from otel_pricing import BillingWindow, from_readable_span, read_call
        from otel_pricing.cost import unpriced

        calls = [self._deciding] if self._deciding is not None else []
        while self._queue:
            span = self._queue.popleft().span
            call = read_call(from_readable_span(span)) if span is not None else None
            if call is not None:
                calls.append(call)
        window = BillingWindow()
        taken: dict[Key, PricedCall] = {}
        for call in calls:
            for decided in window.offer(unpriced(call, reason)):
                taken[decided.call.trace_id, decided.call.span_id] = decided
        return list(taken.values())

    def _decide_all(self) -> None:
        while self._queue:
            account = self._queue.popleft()
            try:
                self._decide(account)
            except Exception as error:  # noqa: BLE001 - a bad span must not cost its neighbours
                self._faults.record("account", error)
            account.settled = True

    def _decide(self, account: Account) -> None:
        # Imported by programs that do call models, and under the lock: see `pause`.
        from otel_pricing import BillingWindow, from_readable_span, price_call, read_call

        # The account lets go of the span: its view, and so the exporter's queue, keeps it.
        span, account.span = account.span, None
        call = read_call(from_readable_span(span)) if span is not None else None
        self._deciding = call
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
        self._deciding = None
