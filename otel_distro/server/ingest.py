"""Stores requests on one thread, many in one transaction.

A request gets its response when its records and calls would survive the end of this process. If
they cannot be stored, the response is 503, so that the sender retries; that changes nothing twice.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_distro.server.decoding import RefusedBodyError, decode
from otel_distro.server.record_checks import (
    BAD_SPAN_IDS,
    clear_invalid_log_ids,
    count_spans,
    remove_unusable_spans,
)
from otel_distro.server.requests import Job, Outcome, PreparedRequest
from otel_distro.server.signals import LOGS, METRICS, TRACES
from otel_trace_store.arrivals import Arrivals
from otel_trace_store.errors import TraceStoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from google.protobuf.message import Message

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.server.agent_calls import AgentCalls
    from otel_distro.server.limits import ReceiverLimits
    from otel_distro.server.message_redaction import MessageRedactor
    from otel_distro.server.received_calls import ReceivedCalls
    from otel_trace_store.writer import TraceStoreWriter

_TOGETHER_BYTES: Final = 8 * 2**20
_TOGETHER: Final = 128
RETRY_AFTER_SECONDS: Final = 5


@dataclass(slots=True)
class IngestCounters:
    """Counts of received records since the start."""

    requests: int = 0
    refused: int = 0
    spans: int = 0
    log_records: int = 0
    points: int = 0


class Ingest:
    """Takes requests on any thread and stores them on a background thread."""

    def __init__(
        self,
        store: TraceStoreWriter,
        redactor: MessageRedactor,
        calls: ReceivedCalls,
        agents: AgentCalls,
        limits: ReceiverLimits,
        internal_errors: InternalErrors,
        *,
        forward: Callable[[str, Message], None] | None = None,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._redactor = redactor
        self._calls = calls
        self._agents = agents
        self._limits = limits
        self._internal_errors = internal_errors
        self._forward = forward
        self._is_open = is_open
        self._waiting: deque[Job] = deque()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._awake = threading.Condition(self._lock)
        self._closed = False
        self.counters = IngestCounters()
        self._thread = threading.Thread(target=self._run, name="otel_distro-ingest", daemon=True)
        self._thread.start()

    def submit(
        self, signal: str, body: bytes, content_type: str, encoding: str = ""
    ) -> Future[Outcome]:
        """Queue a request; the future's result is its outcome."""
        job = Job(signal, body, content_type, encoding)
        if not self._is_open():
            job.outcome.set_result(
                Outcome(403, "nothing is received before the user has consented")
            )
            return job.outcome
        with self._lock:
            full = (
                self._waiting_bytes + len(body) > self._limits.waiting_bytes
                or len(self._waiting) >= self._limits.waiting_requests
            )
            if not full and not self._closed:
                self._waiting.append(job)
                self._waiting_bytes += len(body)
                self._awake.notify()
                return job.outcome
        reason = "the server is closing" if self._closed else "the queue is full"
        job.outcome.set_result(Outcome(503, reason))
        return job.outcome

    def close(self, timeout: float) -> bool:
        """Store queued requests and stop; return whether that took at most *timeout* seconds."""
        with self._lock:
            self._closed = True
            self._awake.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            jobs = self._next()
            if not jobs:
                break
            try:
                self._process(jobs)
            except Exception as error:  # the thread must survive
                self._internal_errors.record("ingest", error)
            for job in jobs:
                if not job.outcome.done():
                    job.outcome.set_result(Outcome(503, "the request could not be stored"))
        self._calls.flush()

    def _next(self) -> list[Job]:
        """Return the requests of the next batch; none when the server closes."""
        with self._lock:
            while not self._waiting and not self._closed:
                self._awake.wait()
            jobs: list[Job] = []
            size = 0
            while self._waiting and len(jobs) < _TOGETHER and size < _TOGETHER_BYTES:
                job = self._waiting.popleft()
                size += len(job.body)
                jobs.append(job)
            self._waiting_bytes -= size
            return jobs

    def _process(self, jobs: list[Job]) -> None:
        prepared = [one for job in jobs if (one := self._prepare(job)) is not None]
        if not prepared:
            return
        arrivals = Arrivals(costs=self._calls.costs())
        for one in prepared:
            _add(arrivals, one)
        try:
            written = self._store.write(arrivals)
        except TraceStoreError as error:
            self._internal_errors.record(
                "store", error, f"{error}; senders are asked to retry later"
            )
            for one in prepared:
                one.job.outcome.set_result(Outcome(503, "the store cannot be written now"))
            return
        calls_are_safe = self._calls.settle()
        self.counters.spans += written.spans
        self.counters.log_records += written.log_records
        self.counters.points += written.points
        for one in prepared:
            if one.has_calls and not calls_are_safe:
                # Its spans are stored; sending them again changes nothing.
                one.job.outcome.set_result(Outcome(503, "the cost ledger cannot be written now"))
                continue
            if self._forward is not None:
                self._forward(one.job.signal, one.message)
            one.job.outcome.set_result(Outcome(200, one.reason, one.rejected))

    def _prepare(self, job: Job) -> PreparedRequest | None:
        """Return the processed request of *job*; None if it was refused."""
        self.counters.requests += 1
        try:
            message: Any = decode(
                job.signal, job.body, job.content_type, job.encoding, self._limits
            )
            job.body = b""
            prepared = PreparedRequest(job, message)
            received = self._calls.received
            self._guard(prepared)
            prepared.has_calls = self._calls.received > received
        except RefusedBodyError as error:
            self.counters.refused += 1
            job.outcome.set_result(Outcome(error.status, error.reason))
            return None
        except Exception as error:  # fails closed: it is not stored
            self._internal_errors.record("guard", error)
            self.counters.refused += 1
            job.outcome.set_result(Outcome(400, "the request could not be redacted"))
            return None
        return prepared

    def _guard(self, prepared: PreparedRequest) -> None:
        message, signal = prepared.message, prepared.job.signal
        if signal == TRACES:
            prepared.rejected = remove_unusable_spans(message)
            if prepared.rejected:
                prepared.reason = BAD_SPAN_IDS
                if not count_spans(message):
                    raise RefusedBodyError(400, BAD_SPAN_IDS)
            self._redactor.traces(message, self._calls.span)
        elif signal == LOGS:
            clear_invalid_log_ids(message)
            self._redactor.logs(message, self._agents.log_record)
        elif signal == METRICS:
            self._redactor.metrics(message)


def _add(arrivals: Arrivals, prepared: PreparedRequest) -> None:
    message = prepared.message
    if prepared.job.signal == TRACES:
        arrivals.spans.extend(message.resource_spans)
    elif prepared.job.signal == LOGS:
        arrivals.logs.extend(message.resource_logs)
    else:
        arrivals.metrics.extend(message.resource_metrics)
