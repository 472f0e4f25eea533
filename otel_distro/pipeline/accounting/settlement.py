"""Prices queued model calls and decides which of several spans of one call is billed."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from otel_budget.attributes import REFUSED
from otel_host.fork_pause import ForkPause
from otel_pricing.model.billing_reasons import CACHED, UNSENT
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.pipeline.accounting.wire_calls import WireCall
    from otel_pricing import BillingWindow, ModelCall, PriceBook, PricedCall

_MAX_QUEUED = 100_000
_LONGEST_PAUSE_S = 10.0
"""How long a fork waits for a call that is being priced, in seconds. A third of a second is usual;
a child forked during pricing could never price anything."""
_SLICE_S = 0.01

_LAZY_NS = 500_000_000
"""How long after a framework's span the request for its stream may still be sent."""

Key = tuple[int, int]
"""Trace id and span id."""


def _without_request(priced: PricedCall) -> PricedCall:
    reason = UNSENT if priced.call.failed else CACHED
    return replace(priced, billed=False, billing_reason=reason)


class Wire(Protocol):
    """Requests to model providers, as this process sends them."""

    def drain(self) -> None:
        """Read the responses that have ended since the last call."""

    def sent_between(self, since_ns: int, until_ns: int, *, and_is_open: bool) -> bool:
        """Whether a request was sent in that time; *and_is_open*: and is still open."""
        ...

    def show(self, account: Account, call: ModelCall) -> None:
        """Emit a span for a request, unless an instrumentation describes it."""


_DESCRIBED = "billed as the request on the wire that this span describes"
CONFIRM_S = 1.0
"""How long a framework's span waits for its request."""
_SLACK_NS = 5_000_000
_MOST_REFUSED = 4096


class Account:
    """One model call, a span or a request on the wire, and the decision about it."""

    __slots__ = ("__weakref__", "_settlement", "decided", "request", "settled", "span", "wire")

    def __init__(
        self, settlement: Settlement, span: ReadableSpan | None, wire: WireCall | None = None
    ) -> None:
        self.span = span
        self.wire = wire
        self.decided: PricedCall | None = None
        self.request: PricedCall | None = None
        """The request on the wire that the span describes; it is billed in the span's place."""
        self.settled = False
        self._settlement = settlement

    def facts(self) -> Mapping[str, Any]:
        """Return the cost attributes, settling the call now if it is still queued."""
        if not self.settled:
            self._settlement.settle()
        if not self.decided:
            return {}
        from otel_pricing import facts

        request = self.request
        if request is not None and request.billed and not self.decided.billed:
            # The request has no span, so this one carries its cost.
            return facts(replace(request, billing_reason=_DESCRIBED))
        return facts(self.decided)


class Settlement:
    """Settles calls in the order they ended, on the first thread that needs a result.

    Pricing the first call imports modules for a third of a second. The thread that calls
    `take_decided` does that: others may have to return sooner. *flush_soon* wakes that thread and
    returns the event that it sets when everything queued so far is settled.
    """

    def __init__(
        self,
        load_prices: Callable[[], PriceBook],
        internal_errors: InternalErrors,
        flush_soon: Callable[[], threading.Event],
        wire: Wire | None = None,
    ) -> None:
        self._load_prices = load_prices
        self._flush_soon = flush_soon
        self._internal_errors = internal_errors
        self._wire = wire
        self._providers_on_the_wire: set[str] = set()
        self._unconfirmed: dict[Key, float] = {}
        self._refused: dict[Key, None] = {}
        """The latest spans of calls refused by a budget."""
        self._book: PriceBook | None = None
        self._lock = threading.RLock()
        self._pause = ForkPause(self._lock, _LONGEST_PAUSE_S)
        self._leaving = False
        self._queue: deque[Account] = deque(maxlen=_MAX_QUEUED)
        self._requests: deque[Account] = deque(maxlen=_MAX_QUEUED)
        self._window: BillingWindow | None = None
        self._deciding: ModelCall | None = None
        self._accounts: WeakValueDictionary[Key, Account] = WeakValueDictionary()
        self._new: dict[Key, PricedCall] = {}
        self._revised: dict[Key, PricedCall] = {}

    def put(self, span: ReadableSpan) -> Account:
        """Queue *span*; allocates one small object on the app's thread."""
        account = Account(self, span)
        self._queue.append(account)
        return account

    def put_request(self, wire: WireCall) -> None:
        """Queue a request observed on the wire."""
        self._requests.append(Account(self, None, wire))

    def account_of(self, key: Key) -> Account | None:
        """Return the account of a call while it is referenced; None afterwards."""
        return self._accounts.get(key)

    def is_described(self, wire: WireCall) -> bool:
        """Whether a span of an instrumentation describes the request, or it is not billed."""
        account = self._accounts.get(wire.key)
        window = self._window
        if account is None or window is None or account.decided is None:
            return True
        return not account.decided.billed or window.described_by(wire.key) is not None

    def __len__(self) -> int:
        return len(self._queue) + len(self._requests)

    def settle(self) -> None:
        """Settle everything queued now, unless that takes too long at exit."""
        if self._book is not None:
            self._decide_queued()
            return
        done = self._flush_soon()
        while not done.wait(_SLICE_S) and not self._leaving:
            pass

    def settle_on_caller(self) -> None:
        """Settle everything queued so far, on this thread."""
        self._decide_queued()

    def _decide_queued(self) -> None:
        """Price and settle everything queued so far; wait if another thread is doing so."""
        while not self._lock.acquire(timeout=_SLICE_S):
            if self._leaving:
                return
        try:
            self._decide_all()
        finally:
            self._lock.release()

    def stop_waiting(self) -> None:
        """Stop waiting for calls that another thread is pricing: the process ends."""
        self._leaving = True

    def pause(self) -> None:
        """Keep other threads from pricing until `resume`, so that this one may fork.

        Pricing the first call imports modules for a third of a second. A child forked during an
        import has incomplete modules, and waits forever for the importing thread.
        """
        self._pause.begin()

    def resume(self) -> None:
        """End the pause of this thread."""
        self._pause.end()

    def take_decided(self) -> tuple[list[PricedCall], list[PricedCall]]:
        """Return the new calls and the revised earlier ones since the last call."""
        self._decide_queued()
        with self._lock:
            new, self._new = self._new, {}
            revised, self._revised = self._revised, {}
            return [self._with_context(priced) for priced in new.values()], list(revised.values())

    def _with_context(self, priced: PricedCall) -> PricedCall:
        """Return a request with the inherited attributes that only an enclosing span has."""
        from otel_distro.pipeline.accounting.wire_calls import with_context_of

        call = priced.call
        if call.scope != WIRE_SCOPE or self._window is None:
            return priced
        around = self._window.around((call.trace_id, call.span_id))
        known = with_context_of(call, [other.call for other in around])
        return priced if known is call else replace(priced, call=known)

    def take_unpriced(self, reason: str) -> list[PricedCall]:
        """Take the calls not settled yet, without prices; for the end of a process.

        Does not wait for a thread that is pricing.
        """
        from otel_pricing import BillingWindow, from_readable_span, read_call
        from otel_pricing.costing.cost import unpriced

        calls = [self._deciding] if self._deciding is not None else []
        while account := self._next():
            span = account.span
            call = read_call(from_readable_span(span)) if span is not None else None
            if account.wire is not None:
                call = account.wire.model_call()
            if call is not None:
                calls.append(call)
        window = BillingWindow()
        taken: dict[Key, PricedCall] = {}
        for call in calls:
            for decided in window.offer(unpriced(call, reason)):
                taken[decided.call.trace_id, decided.call.span_id] = decided
        return list(taken.values())

    def _next(self) -> Account | None:
        # Requests come first: the cost of a span is read from the request inside it.
        for queue in (self._requests, self._queue):
            if queue:
                return queue.popleft()
        return None

    def _decide_all(self) -> None:
        if self._wire is not None:
            self._wire.drain()
        while account := self._next():
            try:
                self._decide(account)
            except Exception as error:  # a bad span must not affect the others
                self._internal_errors.record("account", error)
            account.settled = True

    def _decide(self, account: Account) -> None:
        # Imported by programs that do call models, and under the lock: see `pause`.
        from otel_pricing import BillingWindow, from_readable_span, price_call, read_call

        # The account drops the span: its view, and so the exporter's queue, keeps the account.
        span, account.span = account.span, None
        call = read_call(from_readable_span(span)) if span is not None else None
        if account.wire is not None:
            call = account.wire.model_call()
            self._providers_on_the_wire.add(call.provider)
        self._deciding = call
        if call is None:
            return
        if self._book is None or self._window is None:
            self._book, self._window = self._load_prices(), BillingWindow()
        priced = price_call(call, self._book)
        key = call.trace_id, call.span_id
        self._accounts[key] = account
        if account.wire is None and self._may_be_cached(call):
            if not self._was_sent(call):
                account.decided = self._new[key] = _without_request(priced)
                self._deciding = None
                return
            self._unconfirmed[key] = time.monotonic() + CONFIRM_S
        elif account.wire is None and self._wire is not None and call.failed and not call.usage:
            self._unconfirmed[key] = time.monotonic() + CONFIRM_S
            if span is not None and (span.attributes or {}).get(REFUSED):
                self._note_refused(key)
        for decided in self._window.offer(priced):
            decided_key = decided.call.trace_id, decided.call.span_id
            is_new = decided_key == key or decided_key in self._new
            (self._new if is_new else self._revised)[decided_key] = decided
            known = self._accounts.get(decided_key)
            if known is not None:
                known.decided = decided
            self._link_request(decided, is_request=decided.call.scope == WIRE_SCOPE)
        if account.wire is not None and self._wire is not None:
            self._wire.show(account, call)
        self._deciding = None

    def _link_request(self, decided: PricedCall, *, is_request: bool) -> None:
        """Link a request to the span that describes it."""
        window = self._window
        key = decided.call.trace_id, decided.call.span_id
        if window is None:
            return
        span = window.described_by(key) if is_request else decided
        if span is None:
            return
        span_key = span.call.trace_id, span.call.span_id
        account = self._accounts.get(span_key)
        if account is not None:
            account.request = window.request_of(span_key)

    def _may_be_cached(self, call: ModelCall) -> bool:
        """Whether a framework reports a response of a provider that is called over the wire."""
        from otel_pricing.model.layers import CLIENT, layer

        return (
            self._wire is not None
            and not call.failed
            and layer(call.scope) > CLIENT
            and call.provider in self._providers_on_the_wire
        )

    def _note_refused(self, key: Key) -> None:
        self._refused[key] = None
        if len(self._refused) > _MOST_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _failed_unsent(self, call: ModelCall, others: Sequence[PricedCall]) -> bool:
        """Whether a failed call, whose other spans are *others*, has sent nothing.

        A budget refused it, or its provider is called over the wire and no request was observed at
        that time.
        """
        keys = [(call.trace_id, call.span_id), *((o.call.trace_id, o.call.span_id) for o in others)]
        refused = any(key in self._refused for key in keys)
        if not refused and (
            call.provider not in self._providers_on_the_wire or self._was_sent(call)
        ):
            return False
        return all(other.call.scope != WIRE_SCOPE for other in others)

    def _was_sent(self, call: ModelCall, *, and_is_open: bool = False) -> bool:
        # Nothing is sent for a stream that was never returned to the app.
        lazy_ns = 0 if call.failed else _LAZY_NS
        since_ns, until_ns = call.start_ns - _SLACK_NS, call.end_ns + lazy_ns
        return self._wire is not None and self._wire.sent_between(
            since_ns, until_ns, and_is_open=and_is_open
        )

    def due_in(self) -> float | None:
        """Return the seconds until `confirm_due` has work; None if there is none."""
        until = next(iter(self._unconfirmed.values()), None)
        return None if until is None else max(0.0, until - time.monotonic())

    def confirm_due(self, *, all_of_them: bool = False) -> None:
        """Treat framework responses without a request as cached responses.

        Requests of other calls may have been in flight at that time; by now they are matched with
        the spans that describe them.
        """
        now = time.monotonic()
        with self._lock:
            for key, until in list(self._unconfirmed.items()):
                if until > now and not all_of_them:
                    return
                del self._unconfirmed[key]
                self._confirm(key)

    def _confirm(self, key: Key) -> None:
        window = self._window
        decided = window.decided(key) if window is not None else None
        if decided is None or window is None or not decided.billed:
            return
        if decided.call.failed:
            if not self._failed_unsent(decided.call, window.around(key)):
                return
        elif window.around(key) or self._was_sent(decided.call, and_is_open=True):
            return
        cached = _without_request(decided)
        (self._new if key in self._new else self._revised)[key] = cached
        account = self._accounts.get(key)
        if account is not None:
            account.decided = cached
