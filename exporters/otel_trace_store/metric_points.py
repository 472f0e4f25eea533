"""Metric points as rows: one series per attribute set, one row per time."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from otel_trace_store.schema import NS_PER_US
from otel_trace_store.span_index import LATEST_US
from otel_trace_store.values import attributes_of, service_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

_KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
_MOST_EXEMPLARS: Final = 8


@dataclass(frozen=True, slots=True)
class Series:
    """Identity of one series."""

    name: str
    unit: str
    description: str
    kind: str
    """gauge, sum, histogram, exponential_histogram or summary."""
    temporality: int
    """1 delta, 2 cumulative, 0 if not applicable."""
    monotonic: bool
    service: str
    scope: str
    attributes: str
    """JSON with sorted keys."""

    @property
    def key(self) -> bytes:
        """The identifying fields of the series, without the description."""
        parts = (self.name, self.unit, self.kind, self.temporality, self.monotonic)
        text = json.dumps([*parts, self.service, self.scope, self.attributes])
        return blake2b(text.encode(), digest_size=12).digest()


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series."""

    time_us: int
    value: int | float | None
    """The value; for histograms and summaries the sum, None if unknown."""
    more: str | None
    """JSON: buckets, quantiles, exemplars."""


def points_of(groups: Sequence[ResourceMetrics]) -> Iterator[tuple[Series, Point]]:
    """Yield every point of *groups* with its series."""
    for group in groups:
        service = service_of(group.resource.attributes)
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                yield from _points(metric, service, scope.scope.name)


def _points(metric: Metric, service: str, scope: str) -> Iterator[tuple[Series, Point]]:
    kind = metric.WhichOneof("data")
    if kind not in _KINDS:
        return
    data: Any = getattr(metric, kind)
    temporality = int(getattr(data, "aggregation_temporality", 0))
    monotonic = bool(getattr(data, "is_monotonic", False))
    for point in data.data_points:
        attributes = json.dumps(attributes_of(point.attributes), sort_keys=True, default=repr)
        series = Series(
            metric.name,
            metric.unit,
            metric.description,
            kind,
            temporality,
            monotonic,
            service,
            scope,
            attributes,
        )
        at = min(point.time_unix_nano // NS_PER_US, LATEST_US)
        yield series, Point(at, _value(kind, point), _more(kind, point))


def _value(kind: str, point: Any) -> int | float | None:
    if kind in {"gauge", "sum"}:
        which = point.WhichOneof("value")
        return None if which is None else _finite(getattr(point, which))
    return _finite(point.sum) if kind == "summary" or point.HasField("sum") else None


def _more(kind: str, point: Any) -> str | None:
    more: dict[str, Any] = {}
    if kind not in {"gauge", "sum"}:
        more["count"] = int(point.count)
    if kind in {"histogram", "exponential_histogram"}:
        for name in ("min", "max"):
            if point.HasField(name):
                more[name] = _finite(getattr(point, name))
    if kind == "histogram":
        more["bounds"] = [_finite(bound) for bound in point.explicit_bounds]
        more["counts"] = list(point.bucket_counts)
    elif kind == "exponential_histogram":
        more["scale"] = point.scale
        more["zeros"] = int(point.zero_count)
        for side in ("positive", "negative"):
            buckets = getattr(point, side)
            if buckets.bucket_counts:
                more[side] = [buckets.offset, list(buckets.bucket_counts)]
    elif kind == "summary":
        more["quantiles"] = [[q.quantile, _finite(q.value)] for q in point.quantile_values]
    exemplars = getattr(point, "exemplars", ())
    if exemplars:
        more["exemplars"] = [_exemplar(exemplar) for exemplar in exemplars[:_MOST_EXEMPLARS]]
    return json.dumps(more, separators=(",", ":")) if more else None


def _exemplar(exemplar: Any) -> list[Any]:
    which = exemplar.WhichOneof("value")
    value = _finite(getattr(exemplar, which)) if which else None
    return [
        min(exemplar.time_unix_nano // NS_PER_US, LATEST_US),
        value,
        exemplar.trace_id.hex(),
        exemplar.span_id.hex(),
    ]


def _finite(value: float) -> int | float | None:
    # Neither JSON nor SQLite can represent NaN and infinity.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
