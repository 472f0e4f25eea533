"""A finished span as every processor and exporter may see it: redacted, and only when read."""

# The SDK's class keeps plain fields where this one has views; that is the point of it.
# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event, ReadableSpan

from otel_redaction.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind
    from opentelemetry.trace.status import Status

    from otel_redaction.shield import Shield

    Facts = Callable[[], Mapping[str, Any]]
    """Attributes to add (cost, budgets), asked for when the span's attributes are first read."""

_SIGNAL = "traces"


class RedactedSpan(ReadableSpan):
    """A lazy, read-only view of *raw* in which every text is redacted.

    Making one costs the application's thread a single small object. Each part is redacted when
    first read and then kept, so any number of exporters pay once, on their own threads. The SDK's
    own exporters read private fields; those are redacted as well.
    """

    def __init__(self, raw: ReadableSpan, shield: Shield, facts: Facts | None = None) -> None:
        # The base initialiser is not called: it would copy fields that are views here.
        self._raw = raw
        self._shield = shield
        self._facts = facts

    def seen_through(self, shield: Shield) -> RedactedSpan:
        """Return a view of the same span through another shield, without added facts."""
        return RedactedSpan(self._raw, shield)

    @lazy
    def _context(self) -> SpanContext | None:
        return self._shield.context(self._raw.get_span_context(), _SIGNAL)

    @lazy
    def _parent(self) -> SpanContext | None:
        return self._shield.context(self._raw.parent, _SIGNAL)

    @property
    def _kind(self) -> SpanKind:
        return self._raw.kind

    @property
    def _start_time(self) -> int | None:
        return self._raw.start_time

    @property
    def _end_time(self) -> int | None:
        return self._raw.end_time

    @lazy
    def _name(self) -> str:
        return self._shield.name(self._raw.name, _SIGNAL)

    @lazy
    def _attributes(self) -> dict[str, Any]:
        clean = self._shield.attributes(self._raw.attributes, _SIGNAL)
        if self._facts is not None:
            clean.update(self._facts())
        return clean

    @lazy
    def _events(self) -> Sequence[Event]:
        return tuple(
            Event(
                self._shield.name(event.name, _SIGNAL),
                self._shield.attributes(event.attributes, _SIGNAL),
                event.timestamp,
            )
            for event in self._raw.events
        )

    @lazy
    def _links(self) -> Sequence[Link]:
        return tuple(self._shield.link(link, _SIGNAL) for link in self._raw.links)

    @lazy
    def _status(self) -> Status:
        return self._shield.status(self._raw.status, _SIGNAL)

    @lazy
    def _resource(self) -> Resource:
        return self._shield.resource(self._raw.resource, _SIGNAL)

    @lazy
    def _instrumentation_scope(self) -> InstrumentationScope | None:
        scope = self._raw.instrumentation_scope
        return None if scope is None else self._shield.scope(scope, _SIGNAL)

    @property
    def _instrumentation_info(self) -> InstrumentationInfo | None:
        return None

    @property
    def dropped_attributes(self) -> int:
        """Attributes the SDK dropped before we saw the span."""
        return self._raw.dropped_attributes

    @property
    def dropped_events(self) -> int:
        """Events the SDK dropped before we saw the span."""
        return self._raw.dropped_events

    @property
    def dropped_links(self) -> int:
        """Links the SDK dropped before we saw the span."""
        return self._raw.dropped_links
