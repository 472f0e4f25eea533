"""The guard for metrics: attributes are redacted before they are aggregated.

Redacting later, at export, would leave two series that became the same one; redacting at the
measurement makes them one series, keeps exemplars clean (their attributes come from the
measurement) and costs a dictionary look-up once an attribute set is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics._internal.measurement import Measurement
from opentelemetry.sdk.metrics._internal.measurement_consumer import SynchronousMeasurementConsumer

from otel_distro.series_limit import SeriesLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, MetricsData, ResourceMetrics

    from otel_redaction.shield import Shield

_SIGNAL = "metrics"
_MAX_CACHED = 4096


class MeasurementShield:
    """Redacts the attributes of measurements, remembering the sets it has seen, and limits series.

    While *is_open* says no nothing is measured, and readers get nothing to export.
    """

    def __init__(self, shield: Shield, is_open: Callable[[], bool] = lambda: True) -> None:
        self.shield = shield
        self.is_open = is_open
        self._clean: dict[frozenset[tuple[str, Any]], tuple[dict[str, Any], Hashable]] = {}
        self._series = SeriesLimit()

    def redact(self, measurement: Measurement) -> Measurement:
        """Return *measurement* with redacted attributes."""
        attributes = measurement.attributes
        if not attributes:
            return measurement
        clean, key = self._clean_set(attributes)
        return _with_attributes(
            measurement, self._series.within(measurement.instrument, clean, key)
        )

    def _clean_set(self, attributes: Mapping[str, Any]) -> tuple[dict[str, Any], Hashable]:
        try:
            key = frozenset(attributes.items())
            known = self._clean.get(key)
        except TypeError:  # a list among the values cannot be a key
            clean = self.shield.attributes(attributes, _SIGNAL)
            return clean, repr(sorted(clean.items(), key=_first))
        if known is None:
            clean = self.shield.attributes(attributes, _SIGNAL)
            # Counted as they come out: two people make one series.
            known = clean, frozenset(clean.items())
            if len(self._clean) >= _MAX_CACHED:
                self._clean.clear()
            self._clean[key] = known
        return known


def _first(item: tuple[str, Any]) -> str:
    return item[0]


def _with_attributes(measurement: Measurement, attributes: Mapping[str, Any]) -> Measurement:
    # The constructor would clean the attributes a second time.
    clean = object.__new__(Measurement)
    clean.__dict__.update(measurement.__dict__)
    clean.__dict__["attributes"] = attributes
    return clean


class _GuardedInstrument:
    """An asynchronous instrument whose callback yields redacted measurements."""

    def __init__(self, instrument: Any, shield: MeasurementShield) -> None:
        self._instrument = instrument
        self._shield = shield

    def callback(self, options: CallbackOptions) -> Iterator[Measurement]:
        """Yield what the instrument measures, redacted."""
        for measurement in self._instrument.callback(options):
            yield self._shield.redact(measurement)


class GuardMeasurementConsumer(SynchronousMeasurementConsumer):
    """The meter provider's own consumer, with redaction in front."""

    measurements: MeasurementShield

    def consume_measurement(self, measurement: Measurement) -> None:
        """Record *measurement* with redacted attributes."""
        if not self.measurements.is_open():
            return
        super().consume_measurement(self.measurements.redact(measurement))

    def register_asynchronous_instrument(self, instrument: Any) -> None:
        """Register *instrument* with its callback behind the shield."""
        guarded: Any = _GuardedInstrument(instrument, self.measurements)
        super().register_asynchronous_instrument(guarded)

    def collect(
        self, metric_reader: MetricReader, timeout_millis: float = 10_000
    ) -> MetricsData | None:
        """Collect, with resource and scopes redacted as well."""
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
    scopes = [
        replace(scope_metrics, scope=shield.scope(scope_metrics.scope, _SIGNAL))
        for scope_metrics in metrics.scope_metrics
    ]
    return replace(
        metrics, resource=shield.resource(metrics.resource, _SIGNAL), scope_metrics=scopes
    )


def guard_meter_provider(
    provider: MeterProvider, shield: Shield, is_open: Callable[[], bool] = lambda: True
) -> None:
    """Put the shield in front of everything *provider* measures, now and later."""
    # There is no public hook; a contract test pins these names.
    consumer: Any = provider._measurement_consumer  # noqa: SLF001
    measurements = MeasurementShield(shield, is_open)
    if isinstance(consumer, GuardMeasurementConsumer):
        consumer.measurements = measurements
        return
    consumer.measurements = measurements
    consumer._async_instruments[:] = [  # noqa: SLF001
        _GuardedInstrument(instrument, measurements)
        for instrument in consumer._async_instruments  # noqa: SLF001
    ]
    consumer.__class__ = GuardMeasurementConsumer
    for reader in consumer._reader_storages:  # noqa: SLF001
        reader._set_collect_callback(consumer.collect)  # noqa: SLF001
