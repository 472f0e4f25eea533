"""List of metrics, and the points of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_trace_store.schema import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_trace_store.reader import StoreReader


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one service, over all its series."""

    name: str
    service: str
    unit: str
    description: str
    kind: str
    temporality: int
    monotonic: bool
    series: int
    last_us: int
    last: float | None
    """The sum of the last values of its series (for gauges their last value alone)."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One point; *more* has buckets, quantiles and exemplars."""

    time_us: int
    value: float | None
    more: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """The points of one series, the oldest first."""

    name: str
    service: str
    unit: str
    description: str
    kind: str
    temporality: int
    monotonic: bool
    scope: str
    attributes: Mapping[str, Any]
    points: tuple[MetricPoint, ...]


def list_metrics(
    reader: StoreReader, *, service: str = "", text: str = "", most: int = 1_000
) -> list[MetricRow]:
    """Return metrics by name and service, from their newest segment."""
    rows: dict[tuple[str, str], MetricRow] = {}
    for segment in reader:
        query = (
            "SELECT name, service, max(unit), max(description), max(kind), max(temporality), "
            "max(monotonic), count(*), max(last_us), sum(value) FROM ("
            "SELECT s.*, (SELECT max(time_us) FROM points WHERE series = s.id) AS last_us "
            "FROM series s WHERE (? = '' OR service = ?) AND (? = '' OR instr(lower(name), ?)) "
            ") JOIN points ON points.series = id AND points.time_us = last_us "
            "GROUP BY name, service ORDER BY name, service LIMIT ?"
        )
        lowered = text.lower()
        for row in segment.connection.execute(
            query, (service, service, lowered, lowered, most)
        ).fetchall():
            name, of, unit, description, kind, temporality, monotonic, series, last, value = row
            rows.setdefault(
                (name, of),
                MetricRow(
                    name,
                    of,
                    unit,
                    description,
                    kind,
                    temporality,
                    bool(monotonic),
                    series,
                    last,
                    value,
                ),
            )
    return [rows[key] for key in sorted(rows)][:most]


def read_metric(
    reader: StoreReader,
    name: str,
    *,
    service: str = "",
    since_us: int = 0,
    until_us: int = 2**62,
    most_series: int = 50,
    most_points: int = 2_000,
) -> list[MetricSeries]:
    """Return the series of a metric with their points, those with the latest points first."""
    points: dict[bytes, list[MetricPoint]] = {}
    about: dict[bytes, Any] = {}
    for segment in reader:
        rows = segment.connection.execute(
            "SELECT id, key, service, unit, description, kind, temporality, monotonic, scope, "
            "attributes FROM series WHERE name = ? AND (? = '' OR service = ?) LIMIT ?",
            (name, service, service, most_series),
        ).fetchall()
        for number, key, *rest in rows:
            about.setdefault(key, rest)
            known = points.setdefault(key, [])
            for at, value, more in segment.connection.execute(
                "SELECT time_us, value, more FROM points WHERE series = ? AND time_us >= ? "
                "AND time_us < ? ORDER BY time_us DESC LIMIT ?",
                (number, storable(since_us), storable(until_us), max(0, most_points - len(known))),
            ):
                known.append(MetricPoint(at, value, json.loads(more) if more else {}))
    series = []
    for key, rest in about.items():
        of, unit, description, kind, temporality, monotonic, scope, attributes = rest
        ordered = tuple(sorted(points[key], key=lambda point: point.time_us))
        series.append(
            MetricSeries(
                name,
                of,
                unit,
                description,
                kind,
                temporality,
                bool(monotonic),
                scope,
                json.loads(attributes),
                ordered,
            )
        )
    series.sort(key=lambda one: -(one.points[-1].time_us if one.points else 0))
    return series[:most_series]
