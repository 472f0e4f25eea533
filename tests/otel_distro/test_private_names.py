"""Private names of the SDK and its exporters that the code uses, looked up in real objects.

`tests/sdk_versions.sh` runs this with each allowed version. Run as a program it prints the
names that the installed version lacks, without our code:
`python tests/otel_distro/test_private_names.py`.
"""

from __future__ import annotations

import ast
import io
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


def tracer_provider() -> Any:
    return import_module("opentelemetry.sdk.trace").TracerProvider(shutdown_on_exit=False)


def span() -> Any:
    return tracer_provider().get_tracer("a").start_span("b", attributes={"c": 1})


def logger_provider() -> Any:
    provider = import_module("opentelemetry.sdk._logs").LoggerProvider(shutdown_on_exit=False)
    provider.get_logger("a")
    return provider


def reader() -> Any:
    return import_module("opentelemetry.sdk.metrics.export").InMemoryMetricReader()


def meter_provider() -> Any:
    made = import_module("opentelemetry.sdk.metrics").MeterProvider([reader()])
    meter = made.get_meter("a")
    counter = meter.create_counter("b")
    counter.add(1, {"c": "d"})
    meter.create_observable_gauge("e")
    return made


def consumer() -> Any:
    return meter_provider()._measurement_consumer


def storage() -> Any:
    (found,) = consumer()._reader_storages.values()
    return found


def match() -> Any:
    (found,) = next(iter(storage()._instrument_view_instrument_matches.values()))
    return found


def aggregation() -> Any:
    (found,) = match()._attributes_aggregation.values()
    return found


def batch_span_processor() -> Any:
    export = import_module("opentelemetry.sdk.trace.export")
    processor = export.BatchSpanProcessor(export.ConsoleSpanExporter())
    processor.shutdown()
    return processor


def periodic_reader() -> Any:
    export = import_module("opentelemetry.sdk.metrics.export")
    made = export.PeriodicExportingMetricReader(export.ConsoleMetricExporter(out=io.StringIO()))
    import_module("opentelemetry.sdk.metrics").MeterProvider([made]).shutdown()
    return made


def http_exporter() -> Any:
    module = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    return module.OTLPSpanExporter(endpoint="http://127.0.0.1:1/v1/traces")


def grpc_exporter() -> Any:
    module = import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    return module.OTLPSpanExporter(endpoint="http://127.0.0.1:1", insecure=True)


def bounded_attributes() -> Any:
    return import_module("opentelemetry.attributes").BoundedAttributes(attributes={"a": 1})


OF_OBJECTS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "guard of spans": (tracer_provider, ("_active_span_processor", "_tracers")),
    "spans": (
        span,
        ("_attributes", "_events", "_links", "_context", "_kind", "_parent", "_start_time",
         "_end_time", "_name", "_status", "_resource", "_instrumentation_scope", "_limits",
         "_lock", "_readable_span"),
    ),
    "hooks before the end of a span": (
        lambda: import_module("opentelemetry.sdk.trace").SynchronousMultiSpanProcessor(),
        ("_on_ending",),
    ),
    "attributes of spans": (bounded_attributes, ("_dict", "_lock", "_setitem_locked")),
    "guard of log records": (
        logger_provider, ("_multi_log_record_processor", "_active_loggers", "_resource"),
    ),
    "guard of metrics": (
        meter_provider, ("_measurement_consumer", "_sdk_config", "_meters", "_metric_readers"),
    ),
    "meters": (lambda: meter_provider().get_meter("a"), ("_instrument_id_instrument",)),
    "measurements": (consumer, ("_reader_storages", "_sdk_config", "_async_instruments")),
    "series": (
        storage, ("_instrument_view_instrument_matches", "_get_or_init_view_instrument_match"),
    ),
    "views": (match, ("_attributes_aggregation", "_view", "_aggregation")),
    "views, inside": (
        lambda: match()._view, ("_attribute_keys", "_exemplar_reservoir_factory"),
    ),
    "temporality": (aggregation, ("_instrument_aggregation_temporality",)),
    "readers": (reader, ("_set_collect_callback", "_instrument_class_temporality")),
    "periodic readers": (periodic_reader, ("_exporter",)),
    "queues": (batch_span_processor, ("_batch_processor",)),
    "queues, inside": (
        lambda: batch_span_processor()._batch_processor, ("_queue", "_exporter"),
    ),
    "export over HTTP": (http_exporter, ("_client",)),
    "export over HTTP, inside": (
        lambda: http_exporter()._client, ("_transport", "_endpoint", "_shutdown_event"),
    ),
    "export over gRPC": (
        grpc_exporter,
        ("_client", "_endpoint", "_export", "_headers", "_result", "_shutdown_in_progress",
         "_stub", "_timeout", "_translate_data"),
    ),
}  # fmt: skip
"""Use of a name -> factory of its object, and the names."""

OF_MODULES = {
    "opentelemetry.attributes": ("_clean_attribute_value",),
    "opentelemetry.context": ("_RUNTIME_CONTEXT",),
    "opentelemetry.exporter.http.transport._urllib3": (),
    "opentelemetry.exporter.otlp.common.http": ("_ExportResult",),
    "opentelemetry.exporter.otlp.proto.common._log_encoder": ("encode_logs",),
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter": ("OTLPLogExporter",),
    "opentelemetry.exporter.otlp.proto.http._log_exporter": ("OTLPLogExporter",),
    "opentelemetry.metrics._internal.instrument": (),
    "opentelemetry.sdk._configuration": ("_OTelSDKConfigurator",),
    "opentelemetry.sdk._logs": ("LoggerProvider", "ReadWriteLogRecord"),
    "opentelemetry.sdk._logs._internal": ("Logger", "SynchronousMultiLogRecordProcessor"),
    "opentelemetry.sdk._logs.export": ("LogRecordExporter",),
    "opentelemetry.sdk.metrics._internal": (),
    "opentelemetry.sdk.metrics._internal._view_instrument_match": ("_hash_attributes",),
    "opentelemetry.sdk.metrics._internal.instrument": (
        "_Counter", "_Gauge", "_Histogram", "_UpDownCounter",
    ),
    "opentelemetry.sdk.metrics._internal.measurement": ("Measurement",),
    "opentelemetry.sdk.metrics._internal.measurement_consumer": (
        "SynchronousMeasurementConsumer",
    ),
    "opentelemetry.sdk.trace": ("_Span",),
    "opentelemetry.util._importlib_metadata": ("entry_points",),
}  # fmt: skip
"""Private modules, and names imported from a module."""


def missing() -> list[str]:
    """Return the names that the installed versions lack, as `use: name`."""
    found: list[str] = []
    for use, (make, names) in OF_OBJECTS.items():
        try:
            made = make()
        except Exception as error:  # an object inside one that lacks it
            found.append(f"{use}: {type(error).__name__}: {error}")
            continue
        found += [f"{use}: {name}" for name in names if not hasattr(made, name)]
    for module, names in OF_MODULES.items():
        try:
            loaded = import_module(module)
        except ImportError as error:
            found.append(f"{module}: {error}")
            continue
        found += [f"{module}: {name}" for name in names if not hasattr(loaded, name)]
    return found


OF_OTHERS = frozenset({
    "_cookies_lock", "_container", "_maxsize", "_pool", "_session",  # requests and urllib3
    "_module_locks", "_initializing",  # importlib
    "_fields", "_replace", "_exit",  # named tuples, os
    "_custom_snapshot",  # genai-prices
    "_is_instrumented_by_opentelemetry", "_logging_handler", "_otel_distro_original",
    "_otel_distro", "_has_context", "_is_clean", "_propagators", "_wn", "_source",
    "_fp", "_body", "_headers",
})  # fmt: skip
"""Private names of other libraries, each read defensively, and our own marks."""


def private_names_used() -> Iterator[tuple[str, str]]:
    """Yield each private attribute of other objects that the code reads, with its place."""
    files = [f for folder in ("otel_distro", "exporters") for f in (ROOT / folder).rglob("*.py")]
    own: set[str] = set()
    used: list[tuple[str, str]] = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.add(node.name)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
            if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
                continue
            if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
                own.add(node.attr)
            elif not node.attr.startswith("__"):
                used.append((node.attr, f"{file.relative_to(ROOT)}:{node.lineno}"))
    return (found for found in used if found[0] not in own)


def test_the_installed_sdk_has_every_private_name_that_is_used() -> None:
    """A renamed one in another version is reported by name."""
    assert missing() == []


def test_no_private_name_is_used_that_is_not_looked_up_here() -> None:
    """A new one has to exist in every allowed version."""
    known = {name for _, names in OF_OBJECTS.values() for name in names} | OF_OTHERS
    known |= {name for names in OF_MODULES.values() for name in names}

    assert [f"{where}: {name}" for name, where in private_names_used() if name not in known] == []


if __name__ == "__main__":
    from importlib.metadata import version

    print(version("opentelemetry-sdk"))
    print("\n".join(missing()))
