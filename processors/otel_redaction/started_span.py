"""View of a started span for processors: reads are redacted, writes reach the span."""

# Fields of the SDK's class are views here.
# mypy: disable-error-code="override,no-any-return"
from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Self
from weakref import ReferenceType, ref

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan, Span
from opentelemetry.trace.status import Status

from otel_redaction.containers import RedactingDict
from otel_redaction.span_view import RedactedSpan, redacted_events, redacted_links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind

    from otel_redaction.shield import Shield


_SIGNAL = "traces"
_VIEW = "_otel_redaction_view"


def started_view(raw: Span, shield: Shield) -> Span:
    """Return the view of *raw*, the same object while it is referenced."""
    if isinstance(raw, StartedSpan):
        return raw
    known: ReferenceType[StartedSpan] | None = getattr(raw, _VIEW, None)
    view = known() if known is not None else None
    if view is None or view._shield is not shield:
        view = StartedSpan(raw, shield)
        setattr(raw, _VIEW, ref(view))
    return view


def guarded_context(context: Context | None, shield: Shield) -> Context | None:
    """Return *context* with a recording span replaced by its view; None for None."""
    if context is None:
        return None
    span = trace.get_current_span(context)
    if not isinstance(span, Span) or isinstance(span, StartedSpan):
        return context
    return trace.set_span_in_context(started_view(span, shield), context)


class StartedSpan(Span):
    """A view of *raw* in which every text is redacted on read.

    Changes are written to *raw* unredacted, and are redacted on every read of *raw*. The view
    equals its span. Fields that the SDK's class does not have are those of *raw*.
    """

    __slots__ = ("_shield", "_source")
    _shield: Shield
    _source: Callable[[], Any]

    def __init__(self, raw: Span, shield: Shield) -> None:
        # The base initialiser is not called: it would create a second span.
        object.__setattr__(self, "_source", lambda: raw)
        object.__setattr__(self, "_shield", shield)

    def __getattr__(self, name: str) -> Any:
        """Return a field of the span that this class does not define."""
        if name in {"_source", "_shield"} or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)  # a copy under construction
        value = getattr(self._source(), name)
        if isinstance(value, str | bytes | dict | list | tuple | set):
            return self._shield.value(name, value, _SIGNAL)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field of the span."""
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        else:
            setattr(self._source(), name, value)

    def __copy__(self) -> StartedSpan:
        return StartedSpan(copy(self._source()), self._shield)

    def __eq__(self, other: object) -> bool:
        raw = self._source()
        return raw is (other._source() if isinstance(other, StartedSpan) else other)

    def __hash__(self) -> int:
        return hash(self._source())

    @property
    def _context(self) -> SpanContext | None:
        return self._shield.context(self._source()._context, _SIGNAL)

    @_context.setter
    def _context(self, context: SpanContext) -> None:
        self._source()._context = context

    @property
    def _parent(self) -> SpanContext | None:
        return self._shield.context(self._source()._parent, _SIGNAL)

    @_parent.setter
    def _parent(self, context: SpanContext | None) -> None:
        self._source()._parent = context

    @property
    def _kind(self) -> SpanKind:
        return self._source()._kind

    @_kind.setter
    def _kind(self, kind: SpanKind) -> None:
        self._source()._kind = kind

    @property
    def _start_time(self) -> int | None:
        return self._source()._start_time

    @_start_time.setter
    def _start_time(self, time_ns: int | None) -> None:
        self._source()._start_time = time_ns

    @property
    def _end_time(self) -> int | None:
        return self._source()._end_time

    @_end_time.setter
    def _end_time(self, time_ns: int | None) -> None:
        self._source()._end_time = time_ns

    @property
    def _name(self) -> str:
        return self._shield.name(self._source()._name, _SIGNAL)

    @_name.setter
    def _name(self, name: str) -> None:
        self._source()._name = name

    @property
    def _attributes(self) -> dict[str, Any]:
        raw: Any = self._source()._attributes
        return _LiveAttributes(self._shield.attributes(raw, _SIGNAL), raw, self._shield)

    @_attributes.setter
    def _attributes(self, attributes: Mapping[str, Any]) -> None:
        if isinstance(attributes, _LiveAttributes):  # after `|=`, which has already written
            return
        raw = self._source()
        limits = raw._limits
        raw._attributes = BoundedAttributes(
            limits.max_span_attributes,
            attributes,
            immutable=False,
            max_value_len=limits.max_span_attribute_length,
        )

    @property
    def _events(self) -> Sequence[Event]:
        raw: Any = self._source()._events
        return _LiveList(redacted_events(raw, self._shield), raw)

    @_events.setter
    def _events(self, events: Any) -> None:
        if not isinstance(events, _LiveList):  # after `+=`, which has added already
            self._source()._events = events

    @property
    def _links(self) -> Sequence[Link]:
        raw: Any = self._source()._links
        return _LiveList(redacted_links(raw, self._shield), raw)

    @_links.setter
    def _links(self, links: Any) -> None:
        if not isinstance(links, _LiveList):  # after `+=`, which has added already
            self._source()._links = links

    @property
    def _status(self) -> Status:
        status = self._shield.status(self._source()._status, _SIGNAL)
        return Status(status.status_code, status.description)

    @_status.setter
    def _status(self, status: Status) -> None:
        self._source()._status = status

    @property
    def _resource(self) -> Resource:
        return self._shield.resource(self._source()._resource, _SIGNAL)

    @_resource.setter
    def _resource(self, resource: Resource) -> None:
        self._source()._resource = resource

    @property
    def _instrumentation_scope(self) -> InstrumentationScope | None:
        scope = self._source()._instrumentation_scope
        return None if scope is None else self._shield.scope(scope, _SIGNAL)

    @_instrumentation_scope.setter
    def _instrumentation_scope(self, scope: InstrumentationScope | None) -> None:
        self._source()._instrumentation_scope = scope

    @property
    def _instrumentation_info(self) -> None:
        return None

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes that the SDK has dropped so far."""
        return self._source().dropped_attributes

    @property
    def dropped_events(self) -> int:
        """Number of events that the SDK has dropped so far."""
        return self._source().dropped_events

    @property
    def dropped_links(self) -> int:
        """Number of links that the SDK has dropped so far."""
        return self._source().dropped_links

    def get_span_context(self) -> SpanContext:
        """Return the context of the span, its trace state redacted."""
        context = self._context
        return context if context is not None else trace.INVALID_SPAN_CONTEXT

    def _readable_span(self) -> ReadableSpan:
        return RedactedSpan(self._source()._readable_span(), self._shield)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of the span."""
        self._source().set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes of the span."""
        self._source().set_attributes(attributes)

    def add_event(self, *args: Any, **named: Any) -> None:
        """Add an event to the span."""
        self._source().add_event(*args, **named)

    def _add_event(self, event: Any) -> None:
        self._source()._add_event(event)

    def add_link(self, *args: Any, **named: Any) -> None:
        """Add a link to the span."""
        self._source().add_link(*args, **named)

    def _add_link(self, link: Link) -> None:
        self._source()._add_link(link)

    def update_name(self, name: str) -> None:
        """Change the name of the span."""
        self._source().update_name(name)

    def is_recording(self) -> bool:
        """Return whether the span can still be changed."""
        return self._source().is_recording()

    def set_status(self, *args: Any, **named: Any) -> None:
        """Set the status of the span."""
        self._source().set_status(*args, **named)

    def record_exception(self, *args: Any, **named: Any) -> None:
        """Record an exception as an event of the span."""
        self._source().record_exception(*args, **named)

    def start(self, *args: Any, **named: Any) -> None:
        """Start the span, which has no effect on a started one."""
        self._source().start(*args, **named)

    def end(self, end_time: int | None = None) -> None:
        """End the span."""
        self._source().end(end_time)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._source().__exit__(*error)


class _LiveAttributes(RedactingDict):
    """The redacted attributes of a span; changes here apply to the span."""

    __slots__ = ("_span_attributes",)

    def __init__(self, clean: Mapping[str, Any], span_attributes: Any, shield: Shield) -> None:
        super().__init__(clean, lambda items: shield.attributes(items, _SIGNAL))
        self._span_attributes: Callable[[], Any] = lambda: span_attributes

    def _write(self, items: dict[str, Any]) -> None:
        self._span_attributes().update(items)
        super()._write(items)

    def __delitem__(self, key: str) -> None:
        del self._span_attributes()[key]
        self.pop(key, None)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove *key* and return its redacted value."""
        self._span_attributes().pop(key, None)
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        """Remove the last attribute and return it redacted."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all attributes."""
        self._span_attributes().clear()
        super().clear()


class _LiveList(list[Any]):
    """The redacted events or links of a span; additions here apply to the span."""

    def __init__(self, clean: Iterable[Any], raw: Any) -> None:
        super().__init__(clean)
        self._add = raw.append

    def append(self, item: Any) -> None:
        self._add(item)

    def extend(self, items: Iterable[Any]) -> None:
        for item in items:
            self._add(item)

    def __iadd__(self, items: Iterable[Any]) -> Self:  # type: ignore[misc]
        self.extend(items)
        return self
