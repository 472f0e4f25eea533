"""The guard for metrics: attributes are redacted before they are aggregated.

Redaction at export would leave two series with equal attributes. Redaction at the measurement makes
them one series, keeps exemplars clean (their attributes come from the measurement) and costs a
dictionary look-up once an attribute set is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics._internal.measurement_consumer import SynchronousMeasurementConsumer

from otel_distro.pipeline.exemplars import view_with_context
from otel_distro.pipeline.measurement_shield import SIGNAL, MeasurementShield
from otel_distro.pipeline.sdk_versions import series_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics._internal.measurement import Measurement
    from opentelemetry.sdk.metrics.export import (
        Metric,
        MetricReader,
        MetricsData,
        ResourceMetrics,
        ScopeMetrics,
    )
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from otel_redaction.shield import Shield

_NO_WAY: Final[tuple[object, tuple[Any, ...]]] = (None, ())


class _GuardedInstrument:
    """An asynchronous instrument whose callback yields redacted measurements."""

    def __init__(self, instrument: Any, shield: MeasurementShield) -> None:
        self._instrument = instrument
        self._shield = shield

    def callback(self, options: CallbackOptions) -> Iterator[Measurement]:
        """Yield the instrument's measurements, redacted."""
        for measurement in self._instrument.callback(options):
            self._shield.redact(measurement)
            yield measurement


class GuardMeasurementConsumer(SynchronousMeasurementConsumer):
    """The meter provider's consumer, with redaction in front."""

    measurements: MeasurementShield

    def consume_measurement(self, measurement: Measurement) -> None:
        """Record *measurement* with redacted attributes."""
        if not self.measurements.is_open():
            return
        attributes, instrument = measurement.attributes, measurement.instrument
        if attributes:
            known = self.measurements.set_of(attributes)
            storages, ways = known.ways.get(instrument, _NO_WAY)
            # Readers are added and removed by replacing the mapping.
            if storages is self._reader_storages:
                measurement.__dict__["attributes"] = known.clean
                sampled = self._sdk_config.exemplar_filter.should_sample(
                    measurement.value, measurement.time_unix_nano, known.clean, measurement.context
                )
                for aggregation in ways:
                    aggregation.aggregate(measurement, sampled)
                return
            self.measurements.put(known, measurement)
            self._give_exemplars_their_context(measurement.instrument)
            super().consume_measurement(measurement)
            if measurement.attributes is known.clean:  # not those of the overflow
                known.ways[instrument] = self._reader_storages, self._ways(measurement)
            return
        self._give_exemplars_their_context(instrument)
        super().consume_measurement(measurement)

    def _give_exemplars_their_context(self, instrument: Any) -> None:
        for storage in self._reader_storages.values():
            for match in storage._get_or_init_view_instrument_match(instrument):
                if not getattr(match._view, "_has_context", False):
                    match._view = view_with_context(match._view, self.measurements.context_of)

    def _ways(self, measurement: Measurement) -> tuple[Any, ...]:
        """Return the aggregations that took *measurement*; they live as long as the provider."""
        found = []
        for storage in self._reader_storages.values():
            for match in storage._get_or_init_view_instrument_match(measurement.instrument):
                shown = match._view._attribute_keys
                attributes = {
                    key: value
                    for key, value in (measurement.attributes or {}).items()
                    if shown is None or key in shown
                }
                found.append(match._attributes_aggregation[series_key(attributes)])
        return tuple(found)

    def register_asynchronous_instrument(self, instrument: Any) -> None:
        """Register *instrument* with its callback behind the shield."""
        guarded: Any = _GuardedInstrument(instrument, self.measurements)
        super().register_asynchronous_instrument(guarded)

    def collect(
        self, metric_reader: MetricReader, timeout_millis: float = 10_000
    ) -> MetricsData | None:
        """Collect, with redacted resource and scopes; None without metrics."""
        if not self.measurements.is_open():
            return None
        data = super().collect(metric_reader, timeout_millis)
        if data is None:
            return None
        shield = self.measurements.shield
        return replace(
            data, resource_metrics=[_clean_resource(rm, shield) for rm in data.resource_metrics]
        )


def _clean_resource(metrics: ResourceMetrics, shield: Shield) -> ResourceMetrics:
    # Two scopes may be equal now, and the exporter sends only the last of equal scopes.
    scopes: dict[InstrumentationScope, ScopeMetrics] = {}
    for scope_metric in metrics.scope_metrics:
        scope = shield.scope(scope_metric.scope, SIGNAL)
        clean = [_clean_metric(metric, shield) for metric in scope_metric.metrics]
        if scope in scopes:
            clean = [*scopes[scope].metrics, *clean]
        scopes[scope] = replace(scope_metric, scope=scope, metrics=clean)
    return replace(
        metrics,
        resource=shield.resource(metrics.resource, SIGNAL),
        scope_metrics=list(scopes.values()),
    )


def _clean_metric(metric: Metric, shield: Shield) -> Metric:
    name = shield.label(metric.name, SIGNAL)
    description = shield.label(metric.description or "", SIGNAL)
    unit = shield.label(metric.unit or "", SIGNAL)
    if (name, description, unit) == (metric.name, metric.description, metric.unit):
        return metric  # nearly always
    return replace(metric, name=name, description=description, unit=unit)


def guard_meter_provider(
    provider: MeterProvider,
    shield: Shield,
    is_open: Callable[[], bool] = lambda: True,
    context_attributes: Callable[[Context | None], Mapping[str, str]] = lambda _: {},
) -> None:
    """Redact all current and later measurements of *provider*.

    Exemplars carry the *context_attributes* of their measurement's context.
    """
    # There is no public hook; a contract test pins these names.
    consumer: Any = provider._measurement_consumer
    measurements = MeasurementShield(shield, is_open, context_attributes)
    if isinstance(consumer, GuardMeasurementConsumer):
        consumer.measurements = measurements
        return
    consumer.measurements = measurements
    consumer._async_instruments[:] = [
        _GuardedInstrument(instrument, measurements) for instrument in consumer._async_instruments
    ]
    consumer.__class__ = GuardMeasurementConsumer
    for reader in consumer._reader_storages:
        reader._set_collect_callback(consumer.collect)
