"""Spans that a sampler dropped and that may still prove to be model calls.

Whether a span is a model call is often known only from attributes that are set later. A deferred
span keeps its attributes and events, which costs a fraction of a recorded span. At the first
attribute of a model call it becomes a recorded span with the same ids and start time. Otherwise it
is dropped at its end, as the sampler decided.
"""

from __future__ import annotations

import threading
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import NonRecordingSpan

from otel_pricing.reading.recognise import MARKS

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.trace import SpanContext

# The signatures are the API's, with Any where an app may pass anything.
# mypy: disable-error-code="override"

_MOST_KEPT: Final = 128
"""Attributes and other writes that are kept; the SDK's own limit of attributes."""
_LOCK = threading.Lock()


class DeferredSpan(tuple[Any, ...], NonRecordingSpan):
    """A dropped span that is recorded from the start once it proves to be a model call.

    A tuple, the fastest object to create, because every dropped span needs one: the span's context,
    its start arguments, and a dict of its later changes.
    """

    __hash__ = object.__hash__
    __eq__ = object.__eq__
    __ne__ = object.__ne__

    def get_span_context(self) -> SpanContext:
        """Return the ids of the span."""
        context: SpanContext = self[_CONTEXT]
        return context

    def is_recording(self) -> bool:
        """Return True until the end: instrumentations skip spans that do not record."""
        return _ENDED not in self[_KEPT]

    def set_attribute(self, key: Any, value: Any) -> None:
        """Keep one attribute, and record the span if the attribute is a model call's."""
        try:
            kept = self[-1]
            if len(kept) < _MOST_KEPT:
                kept[key] = value
            if key in MARKS and _ENDED not in kept:
                kept[key] = value
                self.record()
        except Exception:  # an app may pass anything
            pass

    def set_attributes(self, attributes: Any) -> None:
        """Keep attributes, and record the span if one is a model call's."""
        try:
            for key, value in attributes.items():
                self.set_attribute(key, value)
        except Exception:
            pass

    def add_event(self, *args: Any, **named: Any) -> None:
        """Keep an event; its time defaults to now."""
        self._write("add_event", args, _timed(args, named))

    def add_link(self, *args: Any, **named: Any) -> None:
        """Keep a link."""
        self._write("add_link", args, named)

    def update_name(self, name: Any) -> None:
        """Keep the new name."""
        self._write("update_name", (name,), {})

    def set_status(self, *args: Any, **named: Any) -> None:
        """Keep the status."""
        self._write("set_status", args, named)

    def record_exception(self, *args: Any, **named: Any) -> None:
        """Keep an exception; its time defaults to now."""
        self._write("record_exception", args, _timed(args, named))

    def end(self, end_time: Any = None) -> None:
        """End the span and drop it: no attribute showed a model call."""
        self[-1][_ENDED] = True

    def record(self) -> trace.Span:
        """Return a recorded span with everything written to this one so far."""
        context, tracer, begun_in, start_time, *rest, kept = self
        with _LOCK:
            if _RECORDED in kept or _ENDED in kept:
                known: trace.Span = kept.get(_RECORDED, self)
                return known
            recorded: trace.Span = tracer.record_dropped(context, begun_in, start_time, *rest)
            writes = kept.pop(_WRITES, ())
            for key, value in list(kept.items()):
                recorded.set_attribute(key, value)
            for method, args, named in writes:
                getattr(recorded, method)(*args, **named)
            kept.clear()
            kept[_RECORDED] = recorded
            self.__class__ = _RecordedSpan  # pyright: ignore[reportAttributeAccessIssue]
            return recorded

    def _write(self, method: str, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        kept = self[_KEPT]
        writes = kept.setdefault(_WRITES, [])
        if len(writes) < _MOST_KEPT and _ENDED not in kept:
            writes.append((method, args, named))

    def __exit__(self, kind: Any, error: BaseException | None, trace_back: Any) -> None:
        self.end()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self[_CONTEXT]!r})"


_CONTEXT: Final = 0
_KEPT: Final = -1
# Keys of a span's data other than attributes; no attribute has such a key.
_WRITES: Final = object()
_ENDED: Final = object()
_RECORDED: Final = object()
_TIMED_ARGUMENTS: Final = 3
"""Arguments of `add_event` and `record_exception` up to the time."""


def _timed(args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    if len(args) >= _TIMED_ARGUMENTS or named.get("timestamp") is not None:
        return named
    return {**named, "timestamp": time_ns()}


class _RecordedSpan(DeferredSpan):
    """A formerly deferred span: changes go to the recorded span."""

    @property
    def recorded(self) -> trace.Span:
        """The recorded span."""
        span: trace.Span = self[_KEPT][_RECORDED]
        return span

    def is_recording(self) -> bool:
        return self.recorded.is_recording()

    def set_attribute(self, key: Any, value: Any) -> None:
        self.recorded.set_attribute(key, value)

    def set_attributes(self, attributes: Any) -> None:
        self.recorded.set_attributes(attributes)

    def add_event(self, *args: Any, **named: Any) -> None:
        self.recorded.add_event(*args, **named)

    def add_link(self, *args: Any, **named: Any) -> None:
        self.recorded.add_link(*args, **named)

    def update_name(self, name: Any) -> None:
        self.recorded.update_name(name)

    def set_status(self, *args: Any, **named: Any) -> None:
        self.recorded.set_status(*args, **named)

    def record_exception(self, *args: Any, **named: Any) -> None:
        self.recorded.record_exception(*args, **named)

    def end(self, end_time: Any = None) -> None:
        self.recorded.end(end_time)

    def __exit__(self, *exc: Any) -> None:
        self.recorded.__exit__(*exc)

    def __getattr__(self, name: str) -> Any:
        # The recorded span has more than the API promises, such as `attributes`.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.recorded, name)
