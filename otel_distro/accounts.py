"""What spans cost and whether they kept their budgets, worked out on one thread of its own.

The application's thread only recognises a span and queues it (`take`). Pricing, settling budgets
and storing happen on the accounting thread, in batches. An exporter that reads a span before its
turn has come makes the account price it there and then, so nobody waits for anybody.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_pricing import (
    BillingWindow,
    PricedCall,
    from_readable_span,
    is_model_call,
    price_call,
    read_call,
)
from otel_pricing import attributes as pricing_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_budget.latency import LatencyBudgets
    from otel_budget.records import LatencyRecord
    from otel_distro.faults import Faults
    from otel_pricing import PriceBook

_GATHER_SECONDS = 0.2
"""How long the thread lets spans gather before it writes them in one transaction."""
_SLICE_SECONDS = 0.02
_MAX_QUEUED = 100_000


class CallSink(Protocol):
    """Something that wants every priced call: the ledger, the metrics, the budgets."""

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Take calls that are new, and earlier ones whose billing decision changed."""

    def flush(self) -> None:
        """Finish what was held back; somebody waits for it."""


class ViolationSink(Protocol):
    """Something that wants to hear how spans stand against their latency budgets."""

    def judged(self, records: Sequence[LatencyRecord]) -> None:
        """Take verdicts on spans that ended."""


class Account:
    """One ended model call: the span as it came, and its price once somebody asked."""

    __slots__ = ("_accounts", "_priced", "_read", "span")

    def __init__(self, span: ReadableSpan, accounts: Accounts) -> None:
        self.span = span
        self._accounts = accounts
        self._read = False
        self._priced: PricedCall | None = None

    def priced(self) -> PricedCall | None:
        """Return the priced call, working it out at the first question; None if it is not one."""
        if not self._read:
            self._priced = self._accounts.price(self.span)
            self._read = True
        return self._priced


class Accounts:
    """Recognises, prices and settles; thread-safe, restarted in a forked child."""

    def __init__(
        self,
        *,
        open_book: Callable[[], PriceBook],
        latency: LatencyBudgets,
        faults: Faults,
        call_sinks: Sequence[CallSink] = (),
        violation_sinks: Sequence[ViolationSink] = (),
    ) -> None:
        self._open_book = open_book
        self._latency = latency
        self._faults = faults
        self._call_sinks = call_sinks
        self._violation_sinks = violation_sinks
        self._book: PriceBook | None = None
        self._reset()

    def _reset(self) -> None:
        self._calls: deque[Account] = deque(maxlen=_MAX_QUEUED)
        self._verdicts: deque[LatencyRecord] = deque(maxlen=_MAX_QUEUED)
        self._window = BillingWindow()
        self._price_lock = threading.RLock()
        self._start_lock = threading.Lock()
        self._awake = threading.Event()
        self._waiting: deque[threading.Event] = deque()
        self._thread: threading.Thread | None = None

    def take(self, span: ReadableSpan) -> Callable[[], Mapping[str, Any]] | None:
        """Recognise and queue *span* on the app's thread; return where its facts come from."""
        scope = span.instrumentation_scope
        account = None
        if is_model_call(span.attributes or {}, scope.name if scope else ""):
            account = Account(span, self)
            self._calls.append(account)
        record = self._judge(span) if self._latency.for_name(span.name) else None
        if account is None and record is None:
            return None
        self._wake()
        return _Facts(account, record, self)

    def _judge(self, span: ReadableSpan) -> LatencyRecord | None:
        from otel_budget.records import LatencyRecord

        record = LatencyRecord.of(span, self._latency)
        if record is not None:
            self._verdicts.append(record)
        return record

    def price(self, span: ReadableSpan) -> PricedCall | None:
        """Return what *span* cost, or None if it is not a model call after all."""
        call = read_call(from_readable_span(span))
        if call is None:
            return None
        with self._price_lock:
            if self._book is None:
                self._book = self._open_book()
            return price_call(call, self._book)

    def failed(self, error: BaseException) -> None:
        """Count an error met while working out a span's facts."""
        self._faults.record("account", error)

    def pending(self) -> bool:
        """Whether anything waits to be settled."""
        return bool(self._calls or self._verdicts)

    def flush(self, timeout: float) -> bool:
        """Settle everything taken so far; return whether that was done within *timeout* seconds."""
        if self._thread is None:  # whatever is taken starts it, so nothing was
            return True
        done = threading.Event()
        self._waiting.append(done)
        self._awake.set()
        return done.wait(timeout)

    def at_fork(self) -> None:
        """Start anew in a forked child: what was queued belongs to the parent."""
        self._reset()

    def _wake(self) -> None:
        if self._thread is None:
            with self._start_lock:
                if self._thread is None:
                    thread = threading.Thread(
                        target=self._run, name="otel_distro-accounts", daemon=True
                    )
                    thread.start()
                    self._thread = thread
        if not self._awake.is_set():
            self._awake.set()

    def _run(self) -> None:
        awake = self._awake
        with suppress_instrumentation():
            while True:
                awake.wait()
                if not self._waiting:
                    self._pause()
                awake.clear()
                waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
                self._settle()
                if waiting:
                    self._flush_sinks()
                for done in waiting:
                    done.set()

    def _pause(self) -> None:
        # In slices, so that somebody who waits for a flush is not kept waiting.
        until = time.monotonic() + _GATHER_SECONDS
        while not self._waiting and time.monotonic() < until:
            time.sleep(_SLICE_SECONDS)

    def _settle(self) -> None:
        new: dict[tuple[int, int], PricedCall] = {}
        revised: dict[tuple[int, int], PricedCall] = {}
        for account in [self._calls.popleft() for _ in range(len(self._calls))]:
            try:
                self._decide(account, new, revised)
            except Exception as error:  # noqa: BLE001 - one bad span must not cost its neighbours
                self._faults.record("account", error)
        records = [self._verdicts.popleft() for _ in range(len(self._verdicts))]
        if new or revised:
            for sink in self._call_sinks:
                self._guarded(sink.settle, list(new.values()), list(revised.values()))
        if records:
            for violation_sink in self._violation_sinks:
                self._guarded(violation_sink.judged, records)

    def _decide(
        self,
        account: Account,
        new: dict[tuple[int, int], PricedCall],
        revised: dict[tuple[int, int], PricedCall],
    ) -> None:
        priced = account.priced()
        if priced is None:
            return
        key = priced.call.trace_id, priced.call.span_id
        for decided in self._window.offer(priced):
            decided_key = decided.call.trace_id, decided.call.span_id
            is_new = decided_key == key or decided_key in new
            (new if is_new else revised)[decided_key] = decided

    def _flush_sinks(self) -> None:
        for sink in self._call_sinks:
            self._guarded(sink.flush)

    def _guarded(self, action: Callable[..., None], *items: Any) -> None:
        try:
            action(*items)
        except Exception as error:  # noqa: BLE001 - one sink's fault is not the others'
            self._faults.record("account", error)


class _Facts:
    """The attributes to add to a span's view, asked for when it is first read."""

    __slots__ = ("_account", "_accounts", "_record")

    def __init__(
        self, account: Account | None, record: LatencyRecord | None, accounts: Accounts
    ) -> None:
        self._account = account
        self._record = record
        self._accounts = accounts

    def __call__(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {}
        try:
            if self._record is not None:
                facts.update(self._record.attributes())
            if self._account is not None:
                priced = self._account.priced()
                if priced is not None:
                    facts.update(pricing_attributes.facts(priced))
        except Exception as error:  # noqa: BLE001 - a span without cost beats no span
            self._accounts.failed(error)
        return facts
