"""Observes requests to model endpoints for budgets, the ledger and traces.

    observer.observe(sink)          # each finished request as a WireRecord, on another thread
    observer.admission = gate       # consulted before a request is sent

The hooks in `otel_wire.clients` call `begin` for each request that may be a model call.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol
from weakref import ReferenceType, ref

from opentelemetry import trace

from otel_host import fork_hooks
from otel_host.fork_hooks import Stage
from otel_wire.batch_results import BatchResult, is_batch_result
from otel_wire.endpoints import LAST_PARTS, RUN, may_call_model
from otel_wire.exchange import Exchange
from otel_wire.hosts import is_own_host
from otel_wire.record import Ending
from otel_wire.worker import Worker

if TYPE_CHECKING:
    from otel_pricing.model.record import SpanRecord
    from otel_wire.admission import CallGate
    from otel_wire.batch_results import ResultSink
    from otel_wire.record import WireRecord

Sink = Callable[["WireRecord"], None]
"""Receives finished records on another thread than the app's; its errors go to `on_fault`."""


class Keeping(Protocol):
    """Keeps requests that were sent until they are stored. Nothing here raises."""

    def begin(self, exchange: Exchange) -> int:
        """Keep *exchange*, about to be sent; return the id of its call, 0 if it is not kept."""
        ...

    def end(self, span_ids: Iterable[int]) -> None:
        """Remove the calls with these ids."""
        ...


EXPIRY_S = 300.0
"""Seconds without a read after which a response counts as never read."""

_under: ContextVar[Exchange | bool | None] = ContextVar("otel_wire_under", default=None)


trace_of_request: ContextVar[int] = ContextVar("otel_wire_trace", default=0)
"""Trace created for the current request to a private host; 0 if it has a span."""


def _make_trace(exchange: Exchange) -> None:
    """Give *exchange* a trace to propagate to its gateway, if no span surrounds it."""
    if not trace.get_current_span(exchange.context).get_span_context().is_valid:
        exchange.made_trace = random.SystemRandom().getrandbits(128) or 1
    trace_of_request.set(exchange.made_trace)


class sending:
    """Mark the body as sending *exchange*, because clients are built on one another."""

    __slots__ = ("_exchange", "_token")

    def __init__(self, exchange: Exchange | bool = True) -> None:  # noqa: FBT001, FBT002
        self._exchange = exchange

    def __enter__(self) -> None:
        self._token = _under.set(self._exchange)

    def __exit__(self, *_error: object) -> None:
        _under.reset(self._token)


def under_way() -> Exchange | bool | None:
    """Return the exchange that an outer client is sending; None without one."""
    return _under.get()


class Observer:
    """Process-wide state, because client libraries are patched once per process."""

    def __init__(self) -> None:
        self.admission: CallGate | None = None
        """Consulted before each model call; None admits all of them."""
        self.on_fault: Callable[[BaseException], None] = lambda _error: None
        """Receives internal errors, on any thread. Must not raise."""
        self.kept: Keeping | None = None
        """Keeps requests until they are stored; None keeps nothing."""
        self.requests_usage = False
        """Whether usage of streams is requested, where the API allows."""
        self._sinks: tuple[Sink, ...] = ()
        self._result_sinks: tuple[ResultSink, ...] = ()
        self._denied: frozenset[str] = frozenset()
        self._allowed: frozenset[str] = frozenset()
        self._endpoints: tuple[tuple[str, str], ...] = ()
        self.has_endpoints = False
        """Whether `concerns` needs the host."""
        self._open: dict[int, Exchange] = {}
        self._kept: dict[int, ReferenceType[Exchange]] = {}
        self.worker = Worker(self._expire)
        self.generation = 0
        """Counts forks: a child does not report its parent's requests."""
        fork_hooks.register(Stage.ACCOUNTS, after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self.generation += 1
        self._open = {}
        self._kept = {}

    def observe(self, sink: Sink) -> Callable[[], None]:
        """Pass finished records to *sink* from now on; return a function that stops it."""
        self._sinks = (*self._sinks, sink)

        def stop() -> None:
            self._sinks = tuple(other for other in self._sinks if other is not sink)

        return stop

    def observe_results(self, sink: ResultSink) -> Callable[[], None]:
        """Pass fetched batch results to *sink* from now on; return a function that stops it."""
        self._result_sinks = (*self._result_sinks, sink)

        def stop() -> None:
            self._result_sinks = tuple(s for s in self._result_sinks if s is not sink)

        return stop

    def concerns_result(self, path: str) -> bool:
        """Return whether a GET of *path* may fetch the result of a batch job.

        False below another client, which sees the request itself.
        """
        return bool(self._result_sinks) and is_batch_result(path) and under_way() is None

    def begin_result(self, client: str, host: str, path: str) -> Exchange | None:
        """Return the exchange of a GET about to be sent; None when it is no result."""
        try:
            if self.concerns_result(path) and self._is_observed(host):
                return BatchResult(self, client, host, path)
        except Exception as error:  # internal errors must not reach the app
            self.on_fault(error)
        return None

    def deliver_result(self, result: BatchResult, spans: list[SpanRecord]) -> None:
        """Pass *spans*, the next calls of *result*, to the sinks."""
        for sink in self._result_sinks:
            try:
                sink(result, spans)
            except Exception as error:  # one sink must not stop another
                self.on_fault(error)

    def configure(
        self,
        *,
        allowed: Sequence[str] = (),
        denied: Sequence[str] = (),
        endpoints: Sequence[str] = (),
    ) -> None:
        """Choose the hosts to observe, and name further model endpoints.

        *allowed*: if any, only these hosts; *denied*: never these. A host covers its subdomains.
        Both apply to sinks only; the admission covers all hosts. *endpoints*: `host` or
        `host/path`, of which all POST requests are model calls.
        """
        self._allowed, self._denied = frozenset(allowed), frozenset(denied)
        self._endpoints = tuple(
            (host, "/" + path) for host, _, path in (_bare(e).partition("/") for e in endpoints)
        )
        self.has_endpoints = bool(self._endpoints)

    def concerns(self, method: str, host: str, path: str) -> bool:
        """Return whether a request may be a model call that a sink or the admission needs.

        A cheap filter; *host* may be empty if it takes time to find.
        """
        if method != "POST" or not (self._sinks or self.admission is not None):
            return False
        if "?" not in path:
            # The first check of `may_call_model`: nearly all other requests end here.
            last = path.rpartition("/")[2]
            if last.isalnum() and last.lower() not in LAST_PARTS and not self._endpoints:
                return RUN in path
        if may_call_model(method, path):
            return True
        return bool(self._endpoints) and self.is_endpoint(host, path)

    def is_endpoint(self, host: str, path: str) -> bool:
        """Return whether *path* of *host* is one of the further model endpoints."""
        return any(host == known and path.startswith(prefix) for known, prefix in self._endpoints)

    def begin(
        self,
        client: str,
        host: str,
        path: str,
        headers: Mapping[str, str],
        body: Any,
        *,
        attempt: int = 1,
    ) -> Exchange | None:
        """Return the exchange of a request about to be sent; None if it is not observed.

        *path* has no query. *headers* have keys in lower case or a `get` that ignores case. *body*
        is bytes, None if not available, or has a method `content` that returns either later. Never
        raises; after an internal error the admission's fault policy decides.
        """
        admission = self.admission
        try:
            if admission is None and not (self._sinks and self._is_observed(host)):
                return None
            exchange = Exchange(self, client, host, path, headers, body, attempt)
            if is_own_host(host):
                _make_trace(exchange)
            if admission is not None:
                content = body if body is None or isinstance(body, bytes) else body.content()
                exchange.asking = asking = admission.admission_for(host, path, content, headers)
                if asking is None and not self._sinks:
                    return None
        except Exception as error:  # internal errors must not reach the app
            self.on_fault(error)
            return self._after_fault(admission, client, host, path)
        if exchange.asking is None:
            self.keep(exchange)
        return exchange

    def keep(self, exchange: Exchange) -> None:
        """Keep *exchange*, about to be sent, until it is stored."""
        if self.kept is not None and self._is_observed(exchange.host):
            exchange.call_id = call_id = self.kept.begin(exchange)
            if call_id:
                # Weak, so that a request that no hook ends is freed.
                self._kept[call_id] = ref(exchange)

    def _after_fault(
        self, admission: CallGate | None, client: str, host: str, path: str
    ) -> Exchange | None:
        """Return a refused exchange, if that is the policy; else None."""
        if admission is None:
            return None
        try:
            exchange = Exchange(self, client, host, path, {}, None)
            exchange.asking = admission.at_fault(host, path)
        except Exception as error:  # internal errors must not reach the app
            self.on_fault(error)
            return None
        return None if exchange.asking is None else exchange

    def _is_observed(self, host: str) -> bool:
        if self._denied and _covers(self._denied, host):
            return False
        return not self._allowed or _covers(self._allowed, host)

    def opened(self, exchange: Exchange) -> None:
        """Keep *exchange* until it ends or its response counts as unread."""
        self._open[id(exchange)] = exchange
        self.worker.watch()

    def started_ns(self) -> list[int]:
        """Return the send times of requests with a response that has begun and not ended.

        Nanoseconds since the epoch.
        """
        return [exchange.start_ns for exchange in list(self._open.values())]

    def ended(self, exchange: Exchange) -> None:
        """Queue *exchange* for reading and for the sinks."""
        self._open.pop(id(exchange), None)
        self._kept.pop(exchange.call_id, None)
        if exchange.generation != self.generation:
            return
        has_sinks = self._result_sinks if isinstance(exchange, BatchResult) else self._sinks
        if has_sinks and self._is_observed(exchange.host):
            self.worker.submit(lambda: self._deliver(exchange))

    def _deliver(self, exchange: Exchange) -> None:
        try:
            record = exchange.record()
        except Exception as error:  # there is no other receiver
            self.on_fault(error)
            return
        if record is None:
            if self.kept is not None:
                self.kept.end([exchange.call_id])
            return
        for sink in self._sinks:
            try:
                sink(record)
            except Exception as error:  # one sink must not stop another
                self.on_fault(error)

    def _expire(self) -> None:
        oldest_ns = time.time_ns() - int(EXPIRY_S * 1e9)
        for exchange in list(self._open.values()):
            if exchange.active_ns < oldest_ns:
                exchange.expire()

    def drain(self) -> None:
        """Pass on the ended exchanges on this thread."""
        self.worker.drain()

    def end_all(self) -> None:
        """End the open exchanges and pass them on, at the end of the process."""
        for exchange in list(self._open.values()):
            exchange.end()
        for kept in list(self._kept.values()):
            if (unanswered := kept()) is not None:
                unanswered.end(Ending.UNREAD)
        self.drain()


def _bare(endpoint: str) -> str:
    return endpoint.partition("://")[2] or endpoint


def _covers(hosts: frozenset[str], host: str) -> bool:
    return host in hosts or any(host.endswith(f".{known}") for known in hosts)


observer = Observer()
"""The observer of this process."""


def observe(sink: Sink) -> Callable[[], None]:
    """Pass finished records to *sink* from now on; return a function that stops it."""
    return observer.observe(sink)


__all__ = ["Observer", "Sink", "observe", "observer", "sending", "under_way"]
