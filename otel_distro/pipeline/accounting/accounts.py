"""Accounts for the cost and latency of spans on one background thread.

The application's thread only recognises a span and queues it (`take`). Pricing, settling budgets
and storing happen on the accounting thread, in batches. An exporter that reads a span earlier
settles it immediately, so no thread waits for another once the first price is known.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_budget.latency import LatencyRecord
from otel_distro.pipeline.accounting.settlement import Account, Settlement
from otel_distro.pipeline.accounting.sinks import CallSink, Storing, ToolSink, VerdictSink
from otel_distro.pipeline.span_errors import SpanErrors, attributes_of
from otel_host.fork_pause import ForkPause
from otel_pricing.model.instrumentations import WIRE_SCOPE
from otel_pricing.reading.recognise import ALL_MARKS, is_model_call, is_tool_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_budget import LatencyBudgets
    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.pipeline.accounting.wire_traffic import WireTraffic
    from otel_pricing import PriceBook, PricedCall

_GATHER_SECONDS = 0.2
"""Seconds that the thread collects spans before it writes them in one transaction."""
_SLICE_SECONDS = 0.02
_MAX_QUEUED = 100_000
_LONGEST_PAUSE_S = 2.0
"""How long a fork waits for the sinks, in seconds; a first call takes a third of a second."""


class Accounts:
    """Recognises spans and settles them; thread-safe, restarted after fork."""

    def __init__(
        self,
        *,
        load_prices: Callable[[], PriceBook],
        latency: LatencyBudgets,
        internal_errors: InternalErrors,
        call_sinks: Sequence[CallSink] = (),
        verdict_sinks: Sequence[VerdictSink] = (),
        wire: WireTraffic | None = None,
    ) -> None:
        self._load_prices = load_prices
        self._latency = latency
        self._internal_errors = internal_errors
        self._call_sinks = call_sinks
        self._storing = [sink for sink in call_sinks if isinstance(sink, Storing)]
        self._tool_sinks = [sink for sink in call_sinks if isinstance(sink, ToolSink)]
        self._verdict_sinks = verdict_sinks
        self._errors = SpanErrors()
        self._wire = wire
        self._reset()

    def _reset(self) -> None:
        self._settlement = Settlement(
            self._load_prices, self._internal_errors, self._flush_soon, self._wire
        )
        if self._wire is not None:
            self._wire.attach(self._settlement, self._wake)
        self._verdicts: deque[LatencyRecord] = deque(maxlen=_MAX_QUEUED)
        self._tools: deque[ReadableSpan] = deque(maxlen=_MAX_QUEUED)
        self._start_lock = threading.Lock()
        self._sinks_lock = threading.RLock()
        self._sinks_pause = ForkPause(self._sinks_lock, _LONGEST_PAUSE_S)
        self._awake = threading.Event()
        self._waiting: deque[threading.Event] = deque()
        self._thread: threading.Thread | None = None
        self._settling = False

    def take(self, span: ReadableSpan) -> Callable[[], Mapping[str, Any]] | None:
        """Recognise and queue *span* on the app's thread; return the source of its facts."""
        return self._errors.of(span, self._queue(span))

    def _queue(self, span: ReadableSpan) -> Callable[[], Mapping[str, Any]] | None:
        scope = span.instrumentation_scope
        account = record = None
        attributes = attributes_of(span)
        scope_name = scope.name if scope else ""
        if scope_name == WIRE_SCOPE and span.context is not None:
            # Our own span of a request, which has been accounted for.
            key = span.context.trace_id, span.context.span_id
            account = self._settlement.account_of(key)
        elif ALL_MARKS.isdisjoint(attributes):
            pass  # most spans are neither
        elif is_tool_call(attributes):
            if self._tool_sinks:
                self._tools.append(span)
                self._wake()
        elif is_model_call(attributes, scope_name):
            account = self._settlement.put(span)
        if self._latency.by_name[span.name] is not None:
            record = LatencyRecord.of(span, self._latency)
            if record is not None:
                self._verdicts.append(record)
        if account is None and record is None:
            return None
        self._wake()
        return _Facts(account, record, self._internal_errors)

    def pending(self) -> bool:
        """Whether any span is queued or being settled."""
        if self._wire is not None:
            self._wire.drain()  # queues finished requests
            if self._wire.is_open() or self._wire.due_in() is not None:
                return True
        return bool(self) or self._settling

    def flush(self, timeout: float) -> bool:
        """Settle everything taken so far within *timeout* seconds; return the success."""
        return self._flush_soon().wait(timeout)

    def _flush_soon(self) -> threading.Event:
        """Settle everything taken so far without delay; return an event that is set once done."""
        done = threading.Event()
        if self._wire is not None:
            self._wire.drain()  # queues finished requests, which starts the thread
        if self or self._start_lock.locked():  # or another thread is starting it
            self._wake()
        self._waiting.append(done)
        if self._thread is None and not self._start_lock.locked():
            self._settle_on_caller()
        else:
            self._awake.set()
        return done

    def __bool__(self) -> bool:
        """Whether anything is queued."""
        return bool(self._settlement or self._verdicts or self._tools)

    def _settle_on_caller(self) -> None:
        """Settle everything on this thread, at exit, when no other thread can start."""
        if self:
            with suppress_instrumentation():
                self._settle_for(all_of_them=True)
        else:
            self._release(self._take_waiting())

    def stop_waiting(self) -> None:
        """Export spans without a cost that is not known yet; for the end of the process."""
        self._settlement.stop_waiting()

    def take_unpriced(self, reason: str) -> list[PricedCall]:
        """Take the calls that are not priced yet as they are; for the end of the process."""
        return self._settlement.take_unpriced(reason)

    def before_fork(self) -> None:
        """Wait until no call is being priced or passed to a sink; see `Settlement.pause`.

        Sinks import modules at their first call as well.
        """
        self._sinks_pause.begin()
        self._settlement.pause()

    def after_fork_in_parent(self) -> None:
        """End the pause."""
        self._settlement.resume()
        self._sinks_pause.end()

    def at_fork(self) -> None:
        """Reset after fork: queued spans belong to the parent."""
        self._reset()

    def _wake(self) -> None:
        # A greenlet may be starting it already, and runs only if we do not wait.
        if self._thread is None and self._start_lock.acquire(blocking=False):
            try:
                if self._thread is None:
                    thread = threading.Thread(
                        target=self._run, name="otel_distro-accounts", daemon=True
                    )
                    thread.start()
                    self._thread = thread
            except RuntimeError:
                # From Python 3.12 on, no thread can start while the interpreter exits: `flush`
                # settles on the thread that calls it.
                pass
            finally:
                self._start_lock.release()
        if not self._awake.is_set():
            self._awake.set()

    def _run(self) -> None:
        with suppress_instrumentation():
            while True:
                self._awake.wait(self._pause())
                if not self._waiting:
                    self._gather()
                self._awake.clear()
                self._settle_for(all_of_them=False)

    def _settle_for(self, *, all_of_them: bool) -> None:
        """Settle the queue, for all waiting flushes."""
        waiting = self._take_waiting()
        flushes = all_of_them or bool(waiting)
        self._settling = True  # before taking anything off the queue
        self._settle(all_of_them=flushes)
        if flushes:
            for sink in self._call_sinks:
                self._guarded(sink.flush)
        self._settling = False
        self._release(waiting)

    def _take_waiting(self) -> list[threading.Event]:
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    @staticmethod
    def _release(waiting: list[threading.Event]) -> None:
        for done in waiting:
            done.set()

    def _pause(self) -> float | None:
        """Return the seconds until the next deferred work is due; None if there is none."""
        if self._wire is None:
            return None
        due = (self._wire.due_in(), self._settlement.due_in())
        return min((seconds for seconds in due if seconds is not None), default=None)

    def _gather(self) -> None:
        # In slices, so that a waiting flush is not delayed.
        until = time.monotonic() + _GATHER_SECONDS
        while not self._waiting and time.monotonic() < until:
            time.sleep(_SLICE_SECONDS)

    def _settle(self, *, all_of_them: bool) -> None:
        self._settlement.settle_on_caller()
        self._settlement.confirm_due(all_of_them=all_of_them)
        new, revised = self._settlement.take_decided()
        records = [self._verdicts.popleft() for _ in range(len(self._verdicts))]
        with self._sinks_lock:
            self._pass_to_sinks(new, revised, records, all_of_them=all_of_them)

    def _pass_to_sinks(
        self,
        new: Sequence[PricedCall],
        revised: Sequence[PricedCall],
        records: Sequence[LatencyRecord],
        *,
        all_of_them: bool,
    ) -> None:
        if new or revised:
            for sink in self._call_sinks:
                self._guarded(sink.settle, new, revised)
        if self._wire is not None and new:
            durable = all(sink.is_durable() for sink in self._storing)
            self._guarded(partial(self._wire.decided, [p.call for p in new], durable=durable))
        if self._wire is not None:
            self._guarded(partial(self._wire.end_due, all_of_them=all_of_them))
        if self._tools:
            self._guarded(self._store_tools)
        if records:
            for verdict_sink in self._verdict_sinks:
                self._guarded(verdict_sink.judged, records)

    def _store_tools(self) -> None:
        # Imported by programs that run tools.
        from otel_pricing import from_readable_span
        from otel_pricing.reading.tools import read_tool_call

        spans = [self._tools.popleft() for _ in range(len(self._tools))]
        read = [read_tool_call(from_readable_span(span)) for span in spans]
        tools = [tool for tool in read if tool is not None]
        for sink in self._tool_sinks:
            sink.executed(tools)

    def _guarded(self, action: Callable[..., None], *items: Any) -> None:
        try:
            action(*items)
        except Exception as error:  # an error in one sink must not affect the others
            self._internal_errors.record("account", error)


class _Facts:
    """The attributes to add to a span's view, computed when it is first read."""

    __slots__ = ("_account", "_internal_errors", "_record")

    def __init__(
        self, account: Account | None, record: LatencyRecord | None, internal_errors: InternalErrors
    ) -> None:
        self._account = account
        self._record = record
        self._internal_errors = internal_errors

    def __call__(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {}
        try:
            if self._record is not None:
                facts.update(self._record.attributes())
            if self._account is not None:
                facts.update(self._account.facts())
        except Exception as error:  # better a span without cost than no span
            self._internal_errors.record("account", error)
        return facts
