"""Event tracking: a log record and a count for each event, passed to registered handlers."""

from __future__ import annotations

import inspect
import threading
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import wraps
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

from otel_distro.api import context as contexts
from otel_distro.api.events import catalogue
from otel_distro.api.measuring.tallies import TALLIES
from otel_distro.base import attributes as names
from otel_distro.base import messages
from otel_distro.base.baggage_keys import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
}


@dataclass(frozen=True, slots=True)
class Event:
    """An event as passed to handlers, not redacted."""

    name: str
    """The full name, `app.component.action`."""
    severity: str
    attributes: Mapping[str, Any]
    time_ns: int


_handlers: list[tuple[str, Callable[[Event], object]]] = []
_lock = threading.Lock()


def track_event(name: str, attributes: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Record an event, such as `track_event("agent.dispatch", agent="planner")`.

    It becomes a log record with `event.name`, adds to the counter `otel_distro.events`, and goes to
    attached handlers. Keywords are those of the catalogue; *attributes* takes full names. Events
    that do not match the catalogue are recorded and reported once; never raises.
    """
    try:
        _track(name, attributes or {}, more)
    except Exception as error:  # telemetry never raises into the app
        _warn(f"event {name!r} could not be recorded ({type(error).__name__})")


def attach(handler: Callable[[Event], object], events: str = "*") -> Callable[[Event], object]:
    """Call *handler* with every event whose name matches the pattern *events*; return *handler*.

    It runs on the thread that tracks the event, so it should be quick. Its exceptions are
    reported once.
    """
    with _lock:
        _handlers.append((events, handler))
    return handler


def detach(handler: Callable[[Event], object] | None = None) -> None:
    """Stop calling *handler*; without one, stop calling any."""
    with _lock:
        _handlers[:] = (
            [] if handler is None else [known for known in _handlers if known[1] is not handler]
        )


class event_span:  # reads as a statement
    """Track the start and end of an operation, as `with`, `async with` or decorator.

    `event_span("agent", agent="planner")` tracks `agent.dispatch`, then `agent.complete` with
    its duration, or `agent.error` with the class of the error. Later attributes are added
    with `set`.
    """

    def __init__(self, component: str, **attributes: Any) -> None:
        self._component = component
        self._attributes = attributes
        self._later: dict[str, Any] = {}
        self._began: list[int] = []

    def set(self, **attributes: Any) -> None:
        """Add attributes to the next end or error event."""
        self._later.update(attributes)

    def __enter__(self) -> event_span:
        self._began.append(time.perf_counter_ns())
        self._tell(0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ms = (time.perf_counter_ns() - self._began.pop()) / 1e6
        later, self._later = self._later, {}
        if isinstance(error, Exception):
            kind_of_error = type(error).__qualname__
            self._tell(2, **{**later, "duration_ms": ms, "error": kind_of_error})
        else:
            self._tell(1, **{**later, "duration_ms": ms})

    async def __aenter__(self) -> event_span:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Any) -> Any:
        """Return *function* with every call tracked."""
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with event_span(self._component, **self._attributes):
                    return await function(*args, **kwargs)

            return run_async

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with event_span(self._component, **self._attributes):
                return function(*args, **kwargs)

        return run

    def _tell(self, phase: int, /, **more: Any) -> None:
        action = _ACTIONS.get(self._component, _USUAL_ACTIONS)[phase]
        name = f"{self._component}.{action}"
        event = catalogue.find(name)
        known = {attribute.keyword for attribute in event.attributes} if event else None
        # The same keywords are passed to all three; each takes those it defines.
        given = {**self._attributes, **more}
        track_event(name, **{word: given[word] for word in given if known is None or word in known})


_USUAL_ACTIONS = ("start", "stop", "error")
_ACTIONS = {
    "agent": ("dispatch", "complete", "error"),
    "llm": ("request", "response", "error"),
}


def _track(name: str, attributes: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    event = catalogue.find(name)
    given = dict(attributes)
    if event is None:
        short = catalogue.short_name(name)
        event = catalogue.EventType(short, "info", "")
        given.update(more)
        _warn(f"event {short} is not in the catalogue; add it with otel_distro.define_event")
    else:
        words = {attribute.keyword: attribute.name for attribute in event.attributes}
        given.update({words.get(word, word): value for word, value in more.items()})
        if SESSION in words.values() and SESSION not in given:
            session = contexts.local_baggage().get(SESSION)
            given.update({SESSION: session} if session else {})
        for problem in catalogue.problems_of(event, given):
            _warn(problem)
    given = {key: value for key, value in given.items() if value is not None}
    TALLIES.event(event.full_name)
    _emit(event, given)
    _dispatch(Event(event.full_name, event.severity, given, time.time_ns()))


def _emit(event: catalogue.EventType, given: dict[str, Any]) -> None:
    severity = _SEVERITIES[event.severity]
    get_logger(names.API_SCOPE).emit(
        LogRecord(
            timestamp=time.time_ns(),
            severity_number=severity,
            severity_text=severity.name,
            event_name=event.full_name,
            body=event.meaning or event.full_name,
            attributes=given,
        )
    )
    _counter().add(1, {names.EVENT_NAME: event.full_name})


_counters: dict[int, tuple[object, metrics.Counter]] = {}


def _counter() -> metrics.Counter:
    provider = metrics.get_meter_provider()
    known = _counters.get(id(provider))
    if known is None:
        meter = provider.get_meter(names.API_SCOPE)
        counter = meter.create_counter(names.EVENTS, unit="{event}", description="Tracked events")
        _counters.clear()
        # The provider is kept alive, so that its id is not reused.
        known = _counters[id(provider)] = (provider, counter)
    return known[1]


def _dispatch(event: Event) -> None:
    for pattern, handler in tuple(_handlers):
        short = catalogue.short_name(event.name)
        if fnmatchcase(event.name, pattern) or fnmatchcase(short, pattern):
            try:
                handler(event)
            except Exception as error:  # the app's own code must not break the app
                _warn(f"a handler of {event.name} failed ({type(error).__name__})")


def _warn(problem: str) -> None:
    if TALLIES.problem(problem):
        messages.warn_once(problem)
