"""Aggregates the StatsD samples of one interval to OTLP metrics."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from otel_distro.server.otlp_values import set_attributes
from otel_distro.server.statsd_lines import Kind

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics

    from otel_distro.server.statsd_lines import Sample

SCOPE: Final = "otel_distro.statsd"
UNNAMED_SERVICE: Final = "statsd"
"""`service.name` of metrics without the tag `service`."""
_RESOURCE_TAGS: Final = {
    "service": "service.name",
    "env": "deployment.environment.name",
    "version": "service.version",
}
_BOUNDS: Final = (
    0.0, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0,
    1000.0, 2500.0, 5000.0, 7500.0, 10000.0, 30000.0, 60000.0,
)  # fmt: skip
_DELTA: Final = 1
_MOST_SERIES: Final = 10_000
_MOST_MEMBERS: Final = 100_000
_LARGEST: Final = 2**63 - 1

_Key = tuple[str, Kind, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Series:
    """The samples of one series in this interval."""

    total: float = 0.0
    is_monotonic: bool = True
    value: float = 0.0
    members: set[bytes] = field(default_factory=set)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    least: float = 0.0
    most: float = 0.0


class Aggregator:
    """Aggregates samples until they are collected; not thread-safe.

    At most 10,000 series an interval; samples of further ones are counted in `dropped`.
    """

    def __init__(self) -> None:
        self._series: dict[_Key, _Series] = {}
        self._gauges: dict[_Key, float] = {}
        self._decreasing: dict[_Key, None] = {}
        self.dropped = 0

    def add(self, sample: Sample) -> None:
        """Add *sample* to its series."""
        key = sample.name, sample.kind, sample.tags
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= _MOST_SERIES:
                self.dropped += 1
                return
            series = self._series[key] = _Series()
        if sample.kind is Kind.COUNTER:
            self._count(key, series, sample)
        elif sample.kind is Kind.GAUGE:
            self._set_gauge(key, series, sample)
        elif sample.kind is Kind.SET:
            _add_members(series, sample)
        else:
            _measure(series, sample)

    def take(self, began_ns: int, ended_ns: int) -> MetricsData | None:
        """Return the metrics of the interval and start the next; None without any."""
        if not self._series:
            return None
        found, self._series = self._series, {}
        data = MetricsData()
        places: dict[tuple[tuple[str, str], ...], ScopeMetrics] = {}
        metrics: dict[tuple[int, str, Kind, bool], Any] = {}
        for key, series in found.items():
            name, kind, tags = key
            place = _place(data, places, tags)
            shared = id(place), name, kind, series.is_monotonic
            metric = metrics.get(shared)
            if metric is None:
                metric = metrics[shared] = _metric(place, name, kind, series)
            point = _points(metric, kind).add()
            point.start_time_unix_nano, point.time_unix_nano = began_ns, ended_ns
            set_attributes(
                point.attributes, {key: value for key, value in tags if key not in _RESOURCE_TAGS}
            )
            _fill(point, kind, series)
        return data

    def _count(self, key: _Key, series: _Series, sample: Sample) -> None:
        if min(sample.values) < 0:
            _remember(self._decreasing, key, None)
        series.is_monotonic = key not in self._decreasing
        series.total += sum(sample.values) / sample.rate

    def _set_gauge(self, key: _Key, series: _Series, sample: Sample) -> None:
        before = self._gauges.get(key, 0.0) if sample.is_change else 0.0
        series.value = before + sample.values[-1]
        _remember(self._gauges, key, series.value)


def _remember(table: dict[_Key, Any], key: _Key, value: float | None) -> None:
    """Move *key* to the end of *table*, and evict the least recently used key."""
    table.pop(key, None)
    table[key] = value
    if len(table) > _MOST_SERIES:
        del table[next(iter(table))]


def _add_members(series: _Series, sample: Sample) -> None:
    for member in sample.members:
        if len(series.members) < _MOST_MEMBERS:
            # Only digests: members are often users.
            series.members.add(hashlib.blake2b(member.encode(), digest_size=8).digest())


def _measure(series: _Series, sample: Sample) -> None:
    weight = max(1, round(1 / sample.rate))
    for value in sample.values:
        is_first = not any(series.buckets)
        series.least = value if is_first else min(series.least, value)
        series.most = value if is_first else max(series.most, value)
        series.total += value * weight
        series.buckets[bisect_left(_BOUNDS, value)] += weight


def _place(
    data: MetricsData,
    places: dict[tuple[tuple[str, str], ...], ScopeMetrics],
    tags: tuple[tuple[str, str], ...],
) -> ScopeMetrics:
    resource = tuple((_RESOURCE_TAGS[key], value) for key, value in tags if key in _RESOURCE_TAGS)
    place = places.get(resource)
    if place is None:
        group = data.resource_metrics.add()
        set_attributes(
            group.resource.attributes, {"service.name": UNNAMED_SERVICE, **dict(resource)}
        )
        place = places[resource] = group.scope_metrics.add()
        place.scope.name = SCOPE
    return place


def _metric(place: ScopeMetrics, name: str, kind: Kind, series: _Series) -> Any:
    metric: Any = place.metrics.add(name=name, unit="ms" if kind is Kind.DURATION else "")
    if kind is Kind.COUNTER:
        metric.sum.aggregation_temporality = _DELTA
        metric.sum.is_monotonic = series.is_monotonic
    elif kind in {Kind.DURATION, Kind.DISTRIBUTION}:
        metric.histogram.aggregation_temporality = _DELTA
    return metric


def _points(metric: Any, kind: Kind) -> Any:
    if kind is Kind.COUNTER:
        return metric.sum.data_points
    if kind in {Kind.DURATION, Kind.DISTRIBUTION}:
        return metric.histogram.data_points
    return metric.gauge.data_points


def _fill(point: Any, kind: Kind, series: _Series) -> None:
    if kind is Kind.COUNTER:
        _set_number(point, series.total)
    elif kind is Kind.GAUGE:
        _set_number(point, series.value)
    elif kind is Kind.SET:
        point.as_int = len(series.members)
    else:
        point.count = sum(series.buckets)
        point.sum, point.min, point.max = series.total, series.least, series.most
        point.explicit_bounds.extend(_BOUNDS)
        point.bucket_counts.extend(series.buckets)


def _set_number(point: Any, value: float) -> None:
    # A sample rate of 0.1 turns ten into 9.999999999999998.
    near = round(value, 6) if math.isfinite(value) else value  # a sum may be infinite
    if abs(near) <= _LARGEST and near == int(near):
        point.as_int = int(near)
    else:
        point.as_double = value
