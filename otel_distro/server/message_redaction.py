"""Redacts all text of OTLP messages in place.

Attribute mappings pass the same shield as those of local spans. Text that cannot be redacted within
its deadline is withheld: the shield fails closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_distro.server.attribute_redaction import AttributeRedactor
from otel_distro.server.otlp_values import attribute_mapping, set_value
from otel_trace_store.values import value_of

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Callable

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otel_distro.server.limits import ReceiverLimits
    from otel_redaction.shield import Shield

    Mapping = dict[str, Any]
    MoreOfSpan = Callable[
        [Span, Mapping, Mapping, InstrumentationScope], abc.Mapping[str, Any] | None
    ]
    """Returns attributes to add, given a span, its attributes, its resource's and its scope."""
    SeenLog = Callable[[LogRecord, Mapping, Mapping, InstrumentationScope], None]

_MOST_KEPT: Final = 512
_LOGS, _METRICS, _TRACES = "logs", "metrics", "traces"


class MessageRedactor:
    """Redacts whole requests; not thread-safe."""

    def __init__(
        self,
        shield: Shield,
        limits: ReceiverLimits,
        *,
        without_messages: bool = False,
        person: Callable[[str], str] | None = None,
    ) -> None:
        self._shield = shield
        self._limits = limits
        self._without_messages = without_messages
        self._pairs = AttributeRedactor(
            shield, most=limits.attributes, nesting=limits.nesting, person=person
        )
        self._resources: dict[bytes, bytes] = {}

    def traces(self, request: ExportTraceServiceRequest, more: MoreOfSpan) -> None:
        """Redact every span; *more* gets each raw one, and its result is redacted too."""
        shield = self._shield
        for group in request.resource_spans:
            raw_resource = attribute_mapping(group.resource.attributes)[0]
            self._resource(group.resource, _TRACES)
            group.schema_url = shield.name(group.schema_url, _TRACES)
            for scope in group.scope_spans:
                raw_scope = type(scope.scope)()
                raw_scope.CopyFrom(scope.scope)
                self._scope(scope.scope, _TRACES)
                scope.schema_url = shield.name(scope.schema_url, _TRACES)
                for span in scope.spans:
                    self._span(span, raw_resource, raw_scope, more)

    def logs(self, request: ExportLogsServiceRequest, seen: SeenLog) -> None:
        """Redact every log record; *seen* gets each raw one."""
        shield = self._shield
        for group in request.resource_logs:
            raw_resource = attribute_mapping(group.resource.attributes)[0]
            self._resource(group.resource, _LOGS)
            group.schema_url = shield.name(group.schema_url, _LOGS)
            for scope in group.scope_logs:
                raw_scope = type(scope.scope)()
                raw_scope.CopyFrom(scope.scope)
                self._scope(scope.scope, _LOGS)
                scope.schema_url = shield.name(scope.schema_url, _LOGS)
                for record in scope.log_records:
                    self._log(record, raw_resource, raw_scope, seen)

    def metrics(self, request: ExportMetricsServiceRequest) -> None:
        """Redact every metric."""
        shield = self._shield
        for group in request.resource_metrics:
            self._resource(group.resource, _METRICS)
            group.schema_url = shield.name(group.schema_url, _METRICS)
            for scope in group.scope_metrics:
                self._scope(scope.scope, _METRICS)
                scope.schema_url = shield.name(scope.schema_url, _METRICS)
                for metric in scope.metrics:
                    self._metric(metric)

    def _span(
        self, span: Span, resource: Mapping, scope: InstrumentationScope, more: MoreOfSpan
    ) -> None:
        shield, limits = self._shield, self._limits
        pairs = span.attributes
        if len(pairs) > limits.attributes:
            span.dropped_attributes_count += len(pairs) - limits.attributes
            del pairs[limits.attributes :]
        unknown, marked = self._pairs.unknown(pairs)
        added = more(span, attribute_mapping(pairs)[0], resource, scope) if marked else None
        if unknown:
            self._pairs.redact_pairs(pairs, unknown, _TRACES)
        if added:
            self._pairs.append(pairs, dict(added), _TRACES)
        name = shield.name(span.name, _TRACES)
        if name != span.name:
            span.name = name
        if span.trace_state:
            span.trace_state = self._trace_state(span.trace_state)
        if span.status.message:
            span.status.message = shield.text(span.status.message, _TRACES)
        if span.events:
            self._events(span)
        if span.links:
            self._links(span)

    def _events(self, span: Span) -> None:
        most = self._limits.events
        if len(span.events) > most:
            span.dropped_events_count += len(span.events) - most
            del span.events[most:]
        for event in span.events:
            event.name = self._shield.name(event.name, _TRACES)
            self._pairs.redact(event, "attributes", _TRACES)

    def _links(self, span: Span) -> None:
        most = self._limits.events
        if len(span.links) > most:
            span.dropped_links_count += len(span.links) - most
            del span.links[most:]
        for link in span.links:
            link.trace_state = self._trace_state(link.trace_state)
            self._pairs.redact(link, "attributes", _TRACES)

    def _trace_state(self, state: str) -> str:
        if not state:
            return state
        members = []
        for member in state.split(","):
            key, equals, value = member.partition("=")
            members.append(key + equals + self._shield.text(value, _TRACES))
        return self._shield.text(",".join(members), _TRACES)

    def _log(
        self, record: LogRecord, resource: Mapping, scope: InstrumentationScope, seen: SeenLog
    ) -> None:
        shield = self._shield
        raw, _ = attribute_mapping(record.attributes)
        seen(record, raw, resource, scope)
        self._pairs.redact(record, "attributes", _LOGS)
        if self._without_messages and _is_message(record, raw):
            record.ClearField("body")
        if record.HasField("body"):
            body = value_of(record.body)
            set_value(record.body, shield.value("body", body, _LOGS))
        if record.event_name:
            record.event_name = shield.name(record.event_name, _LOGS)
        if record.severity_text:
            record.severity_text = shield.name(record.severity_text, _LOGS)

    def _metric(self, metric: Any) -> None:
        shield = self._shield
        metric.name = shield.name(metric.name, _METRICS)
        metric.unit = shield.name(metric.unit, _METRICS)
        if metric.description:
            metric.description = shield.name(metric.description, _METRICS)
        self._pairs.redact(metric, "metadata", _METRICS)
        kind = metric.WhichOneof("data")
        if kind is None:
            return
        for point in getattr(metric, kind).data_points:
            self._pairs.redact(point, "attributes", _METRICS)
            for exemplar in getattr(point, "exemplars", ()):
                self._pairs.redact(exemplar, "filtered_attributes", _METRICS)

    def _resource(self, resource: Resource, signal: str) -> None:
        raw = resource.SerializeToString(deterministic=True)
        known = self._resources.get(raw)
        if known is None:
            if hasattr(resource, "entity_refs"):
                resource.ClearField("entity_refs")
            self._pairs.redact(resource, "attributes", signal)
            known = resource.SerializeToString()
            if len(self._resources) >= _MOST_KEPT:
                self._resources.clear()
            self._resources[raw] = known
        elif known != raw:
            resource.ParseFromString(known)

    def _scope(self, scope: InstrumentationScope, signal: str) -> None:
        if scope.name:
            scope.name = self._shield.name(scope.name, signal)
        if scope.version:
            scope.version = self._shield.name(scope.version, signal)
        self._pairs.redact(scope, "attributes", signal)


def _is_message(record: LogRecord, attributes: Mapping) -> bool:
    name = record.event_name or str(attributes.get("event.name") or "")
    return name.startswith("gen_ai.")
