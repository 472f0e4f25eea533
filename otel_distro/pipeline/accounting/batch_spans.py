"""Spans of the calls in a batch result, which no instrumentation describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.pipeline.accounting.wire_spans import end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.context import Context

    from otel_distro.pipeline.accounting.claimed_results import ClaimedResults
    from otel_pricing.model.record import SpanRecord
    from otel_wire.batch_results import BatchResult

_MOST_REMEMBERED: Final = 200_000
"""Number of calls of results remembered, so that a result fetched again counts once."""


class BatchSpans:
    """Ends a span for each call of a result; its ids and time follow from its line."""

    def __init__(self) -> None:
        self.provider: Any = None
        """The tracer provider whose processors get the spans; None drops them."""
        self.claims: ClaimedResults | None = None
        """Claims of all processes; None deduplicates within this process only."""
        self._ended: dict[int, None] = {}

    def take(
        self,
        result: BatchResult,
        records: Iterable[SpanRecord],
        about: Callable[[Context], Mapping[str, Any]],
    ) -> None:
        """End spans of *records*; *about* returns the inherited attributes of a context."""
        if self.provider is None:
            return
        for_whom: Mapping[str, Any] = about(result.context)
        for record in self._new(records):
            attributes: dict[str, Any] = {**for_whom, **record.attributes}
            attributes["server.address"] = result.host
            span = ReadableSpan(
                name=record.name,
                context=SpanContext(
                    record.trace_id,
                    record.span_id,
                    is_remote=False,
                    trace_flags=TraceFlags(TraceFlags.SAMPLED),
                ),
                resource=self.provider.resource,
                attributes=attributes,
                kind=SpanKind.CLIENT,
                instrumentation_scope=InstrumentationScope(record.scope_name),
                status=Status(StatusCode.UNSET),
                start_time=record.start_ns,
                end_time=record.end_ns,
            )
            end(span, self.provider)

    def _new(self, records: Iterable[SpanRecord]) -> list[SpanRecord]:
        """Return those of *records* that no process has taken yet."""
        new_records = {r.span_id: r for r in records if r.span_id not in self._ended}
        for span_id in new_records:
            self._ended[span_id] = None
        while len(self._ended) > _MOST_REMEMBERED:
            del self._ended[next(iter(self._ended))]
        claimed = set(new_records) if self.claims is None else self.claims.claim(list(new_records))
        return [record for span_id, record in new_records.items() if span_id in claimed]
