"""View of a finished span for processors and exporters, redacted on read."""

# The SDK's class has plain fields where this one has views, by design.
# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link
from opentelemetry.trace.status import Status

from otel_redaction.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind

    from otel_redaction.shield import Shield

    Facts = Callable[[], Mapping[str, Any]]
    """Attributes to add (cost, budgets), computed on the first read of the span's attributes."""

_SIGNAL = "traces"
_FIELDS = (
    "_name",
    "_context",
    "_kind",
    "_instrumentation_info",
    "_instrumentation_scope",
    "_parent",
    "_start_time",
    "_end_time",
    "_attributes",
    "_events",
    "_links",
    "_resource",
    "_status",
)
"""Fields of the SDK's class."""


class RedactedSpan(ReadableSpan):
    """A lazy view of a span in which every text is redacted.

    Creating one costs the application's thread a single small object. Each part is redacted on
    first read and then cached, so all exporters together pay once, on their own threads. The SDK's
    own exporters read private fields; those are redacted as well. Values that a processor assigns
    to a field, or writes into one, are redacted before another processor can read them.
    """

    __slots__ = ("_facts", "_kept", "_shield", "_source")

    def __init__(self, raw: ReadableSpan, shield: Shield, facts: Facts | None = None) -> None:
        # The base initialiser is not called: it would copy fields that are views here.
        self._source: Callable[[], ReadableSpan] = lambda: (
            raw
        )  # no attribute of a view has unredacted text
        self._shield = shield
        self._facts = facts
        self._kept: dict[str, Any] = {}

    @property
    def __dict__(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The `vars` of the SDK's span, redacted; writes to it have no effect."""
        return {field: getattr(self, field) for field in _FIELDS}

    def __copy__(self) -> RedactedSpan:
        """Return a view with independently assignable fields."""
        copy = RedactedSpan(self._source(), self._shield, self._facts)
        copy._kept = self._kept.copy()
        return copy

    def seen_through(self, shield: Shield) -> RedactedSpan:
        """Return a view of the same span through another shield, without added facts."""
        return RedactedSpan(self._source(), shield)

    @lazy
    def _context(self) -> SpanContext | None:
        return self._shield.context(self._source().get_span_context(), _SIGNAL)

    @_context.redacted_by
    def _redacted_context(self, context: SpanContext | None) -> SpanContext | None:
        return self._shield.context(context, _SIGNAL)

    @lazy
    def _parent(self) -> SpanContext | None:
        return self._shield.context(self._source().parent, _SIGNAL)

    @_parent.redacted_by
    def _redacted_parent(self, context: SpanContext | None) -> SpanContext | None:
        return self._shield.context(context, _SIGNAL)

    @lazy
    def _kind(self) -> SpanKind:
        return self._source().kind

    @_kind.redacted_by
    def _redacted_kind(self, kind: SpanKind) -> SpanKind:
        return kind

    @lazy
    def _start_time(self) -> int | None:
        return self._source().start_time

    @_start_time.redacted_by
    def _redacted_start_time(self, time_ns: int | None) -> int | None:
        return time_ns

    @lazy
    def _end_time(self) -> int | None:
        return self._source().end_time

    @_end_time.redacted_by
    def _redacted_end_time(self, time_ns: int | None) -> int | None:
        return time_ns

    @lazy
    def _name(self) -> str:
        return self._shield.name(self._source().name, _SIGNAL)

    @_name.redacted_by
    def _redacted_name(self, name: str) -> str:
        return self._shield.text(str(name), _SIGNAL)

    @lazy
    def _attributes(self) -> dict[str, Any]:
        clean = self._shield.writable(self._source().attributes, _SIGNAL)
        if self._facts is not None:
            dict.update(clean, self._shield.facts(self._facts(), _SIGNAL))
        return clean

    @_attributes.redacted_by
    def _redacted_attributes(self, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        return self._shield.writable(attributes, _SIGNAL)

    @lazy
    def _clean_events(self) -> Sequence[Event]:
        return redacted_events(self._source().events, self._shield)

    @property
    def _events(self) -> Sequence[Event]:
        # New objects on each read, because a reader may change their names.
        return tuple(Event(e.name, e.attributes, e.timestamp) for e in self._clean_events)

    @_events.setter
    def _events(self, events: Iterable[Event]) -> None:
        self._kept["_clean_events"] = redacted_events(events, self._shield)

    @lazy
    def _clean_links(self) -> Sequence[Link]:
        return redacted_links(self._source().links, self._shield)

    @property
    def _links(self) -> Sequence[Link]:
        return tuple(Link(link.context, link.attributes) for link in self._clean_links)

    @_links.setter
    def _links(self, links: Iterable[Link]) -> None:
        self._kept["_clean_links"] = redacted_links(links, self._shield)

    @lazy
    def _clean_status(self) -> Status:
        return self._shield.status(self._source().status, _SIGNAL)

    @property
    def _status(self) -> Status:
        return Status(self._clean_status.status_code, self._clean_status.description)

    @_status.setter
    def _status(self, status: Status) -> None:
        self._kept["_clean_status"] = self._shield.status(status, _SIGNAL)

    @lazy
    def _resource(self) -> Resource:
        return self._shield.resource(self._source().resource, _SIGNAL)

    @_resource.redacted_by
    def _redacted_resource(self, resource: Resource) -> Resource:
        return self._shield.resource(resource, _SIGNAL)

    @lazy
    def _instrumentation_scope(self) -> InstrumentationScope | None:
        scope = self._source().instrumentation_scope
        return None if scope is None else self._shield.scope(scope, _SIGNAL)

    @_instrumentation_scope.redacted_by
    def _redacted_instrumentation_scope(
        self, scope: InstrumentationScope | None
    ) -> InstrumentationScope | None:
        return None if scope is None else self._shield.scope(scope, _SIGNAL)

    @property
    def _instrumentation_info(self) -> InstrumentationInfo | None:
        return None

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes that the SDK dropped before redaction."""
        return self._source().dropped_attributes

    @property
    def dropped_events(self) -> int:
        """Number of events that the SDK dropped before redaction."""
        return self._source().dropped_events

    @property
    def dropped_links(self) -> int:
        """Number of links that the SDK dropped before redaction."""
        return self._source().dropped_links


def redacted_events(events: Iterable[Any], shield: Shield) -> tuple[Event, ...]:
    """Return redacted copies of *events*."""
    return tuple(
        Event(
            shield.name(event.name, _SIGNAL),
            shield.writable(event.attributes, _SIGNAL),
            event.timestamp,
        )
        for event in events
    )


def redacted_links(links: Iterable[Link], shield: Shield) -> tuple[Link, ...]:
    """Return redacted copies of *links*."""
    return tuple(shield.link(link, _SIGNAL) for link in links)
