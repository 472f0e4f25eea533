"""Calls that passed the budget gate, so that accounting charges none twice."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import trace

if TYPE_CHECKING:
    from otel_budget.admitted_call import AdmittedCall
    from otel_pricing import ModelCall
    from otel_wire.requests import ModelRequest

_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Covered:
    """A call reserved by a process further up the path."""

    request: ModelRequest
    start_ns: int
    cost_nano_usd: int = 0


@dataclass(frozen=True, slots=True)
class _Attempt:
    admitted: AdmittedCall | Covered
    trace_id: int


class GatedCalls:
    """Calls that passed the gate in this process and have not reached accounting yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[_Attempt] = deque(maxlen=_MOST)

    def add(self, admitted: AdmittedCall | Covered) -> None:
        """Remember the call *admitted*, on the thread that makes it."""
        attempt = _Attempt(admitted, trace.get_current_span().get_span_context().trace_id)
        with self._lock:
            self._calls.append(attempt)

    def forget(self, admitted: AdmittedCall) -> None:
        """Forget the call *admitted*: the request on the wire identifies it."""
        with self._lock:
            for attempt in self._calls:
                if attempt.admitted is admitted:
                    self._calls.remove(attempt)
                    return

    def take(self, call: ModelCall, *, only_covered: bool = False) -> list[AdmittedCall | Covered]:
        """Return the attempts of *call* that passed the gate, and forget them.

        *only_covered*: only if a process further up the path has reserved it.

        The span of a call is not always the current one while it is sent, so calls are known by
        time and model, and by trace where both have one.
        """
        with self._lock:
            candidates = [
                attempt
                for attempt in self._calls
                if (not only_covered or isinstance(attempt.admitted, Covered))
                and _matches(attempt, call)
            ]
            same_trace = [attempt for attempt in candidates if attempt.trace_id == call.trace_id]
            tries = (same_trace or candidates)[:1] + [p for p in same_trace[1:] if _is_free(p)]
            for attempt in tries:
                self._calls.remove(attempt)
        return [attempt.admitted for attempt in tries]

    def at_fork(self) -> None:
        """Reset after fork."""
        self._lock = threading.Lock()
        self._calls = deque(maxlen=_MOST)


def _matches(attempt: _Attempt, call: ModelCall) -> bool:
    admitted = attempt.admitted
    return (
        call.start_ns <= admitted.start_ns <= call.end_ns
        and admitted.request.model in (call.request_model, call.response_model)
        and attempt.trace_id in (call.trace_id, 0)
    )


def _is_free(attempt: _Attempt) -> bool:
    """Whether it was an attempt that cost nothing."""
    return attempt.admitted.cost_nano_usd == 0
