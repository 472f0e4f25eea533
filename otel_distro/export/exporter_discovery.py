"""Discovery of the processors and exporters of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_distro.export.export_queue import ExportQueue


def processors(providers: Iterable[Any]) -> Iterator[Any]:
    """Yield every span and log record processor of *providers*."""
    for provider in providers:
        for fan_out, inner in (
            ("_active_span_processor", "_span_processors"),
            ("_multi_log_record_processor", "_log_record_processors"),
        ):
            yield from getattr(getattr(provider, fan_out, None), inner, ())


def exporters_of(
    tracer_provider: object, logger_provider: object, meter_provider: object
) -> Iterator[tuple[str, Any, ExportQueue[Any] | None, object]]:
    """Yield signal, exporter, queue (if ours) and resource of all background exporters.

    Processors that export on the app's thread are unchanged: they must not write to disk there.
    """
    for signal, provider in (("traces", tracer_provider), ("logs", logger_provider)):
        resource = getattr(provider, "resource", getattr(provider, "_resource", None))
        for processor in processors([provider]):
            queue = getattr(processor, "queue", None)
            batch = getattr(processor, "_batch_processor", None)
            if queue is not None:
                yield signal, queue.exporter, queue, resource
            elif (exporter := getattr(batch, "_exporter", None)) is not None:
                yield signal, exporter, None, resource
    resource = getattr(getattr(meter_provider, "_sdk_config", None), "resource", None)
    for reader in getattr(meter_provider, "_metric_readers", ()):
        exporter = getattr(reader, "_exporter", None)
        if exporter is not None:
            yield "metrics", exporter, None, resource
