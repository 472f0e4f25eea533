"""Our batch processors: thin adapters between the SDK's processor interfaces and `ExportQueue`."""

from __future__ import annotations

import copy
import time
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor

from otel_distro.export.export_queue import ExportQueue
from otel_distro.export.record_sizes import log_record_size, span_size
from otel_distro.export.spool.export_marker import is_exporting

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_distro.export.batch_limits import BatchLimits
    from otel_distro.export.delivery_reports import Deliveries


class BoundedSpanProcessor(SpanProcessor):
    """Queues sampled spans for an exporter."""

    def __init__(self, exporter: SpanExporter, limits: BatchLimits, deliveries: Deliveries) -> None:
        self.span_exporter = exporter
        self._close_timeout = deliveries.close_timeout
        self.queue: ExportQueue[ReadableSpan] = ExportQueue(
            exporter,
            signal="spans",
            limits=limits,
            size_of=span_size,
            on_dropped=partial(deliveries.dropped, "spans"),
            on_delivered=deliveries.delivered,
        )
        deliveries.watch(self.queue)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: a span is exported when it ends."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue *span* if it is sampled."""
        context = span.context
        if context is not None and context.trace_flags.sampled:
            self.queue.put(span)

    def shutdown(self) -> None:
        """Deliver queued records and stop, in bounded time."""
        self.queue.end_close(time.monotonic() + self._close_timeout)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver the queued records now."""
        return self.queue.flush(timeout_millis / 1000)


class BoundedLogRecordProcessor(LogRecordProcessor):
    """Queues log records for an exporter."""

    def __init__(
        self,
        exporter: LogRecordExporter,
        limits: BatchLimits,
        deliveries: Deliveries,
    ) -> None:
        self._close_timeout = deliveries.close_timeout
        self.queue: ExportQueue[ReadableLogRecord] = ExportQueue(
            exporter,
            signal="log records",
            limits=limits,
            size_of=log_record_size,
            on_dropped=partial(deliveries.dropped, "log records"),
            on_delivered=deliveries.delivered,
        )
        deliveries.watch(self.queue)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue a copy of *log_record* without its context, which may be large."""
        if is_exporting():
            return  # emitted by an export: exporting it would emit another
        record = copy.copy(log_record.log_record)
        record.context = Context()
        self.queue.put(
            ReadableLogRecord(
                log_record=record,
                resource=log_record.resource or Resource.get_empty(),
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
        )

    def shutdown(self) -> None:
        """Deliver queued records and stop, in bounded time."""
        self.queue.end_close(time.monotonic() + self._close_timeout)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver the queued records now."""
        return self.queue.flush(timeout_millis / 1000)
