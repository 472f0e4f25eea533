"""Line chart of one series of a metric, with its exemplars."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.markup import element
from otel_distro.ui.trace_list_page import when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from otel_trace_store.metric_list import MetricSeries

_HEIGHT: Final = 120
_DELTA: Final = 1
_MOST_POINTS: Final = 400


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """One series, prepared for display."""

    name: str
    attributes: str
    detail: str
    figure: Markup | None
    least: str
    most: str
    since: str
    until: str
    exemplars: tuple[tuple[str, str, str], ...]
    """(moment, value, URL of the trace)."""


def chart(series: MetricSeries, place: int) -> SeriesChart:
    """Return *series* prepared for display; counters as the increase between two points."""
    points = _rates(series)
    values = [value for _, value in points]
    labels = ", ".join(f"{key}={value}" for key, value in series.attributes.items())
    last = values[-1] if values else None
    unit = f" {series.unit}" if series.unit not in {"", "1"} else ""
    noun = "point" if len(series.points) == 1 else "points"
    what = "added between points" if _is_counter(series) else "value"
    if series.kind in {"histogram", "exponential_histogram", "summary"}:
        what = "mean of the measurements between points"
    detail = (
        f"{series.kind.replace('_', ' ')}, {figures.count(len(series.points))} {noun}; "
        f"{what}, last {figures.compact(last) if last is not None else '-'}{unit}"
    )
    return SeriesChart(
        name=series.service,
        attributes=figures.printable(labels),
        detail=detail,
        figure=_line(points, f"s{place % 7}") if len(points) > 1 else None,
        least=figures.compact(min(values)) if values else "-",
        most=figures.compact(max(values)) if values else "-",
        since=when(points[0][0]) if points else "-",
        until=when(points[-1][0]) if points else "-",
        exemplars=tuple(_exemplars(series)),
    )


def _is_counter(series: MetricSeries) -> bool:
    return series.kind == "sum" and series.monotonic


def _rates(series: MetricSeries) -> list[tuple[int, float]]:
    """Return the values to draw: gauges unchanged, counters and histograms as increases."""
    points = series.points
    if series.kind in {"histogram", "exponential_histogram", "summary"}:
        return _means(series)
    raw = [(point.time_us, float(point.value)) for point in points if point.value is not None]
    if not _is_counter(series) or series.temporality == _DELTA or len(raw) < 2:
        return raw
    return [
        # A counter that is lower than before was reset.
        (at, value - before if value >= before else value)
        for (_, before), (at, value) in pairwise(raw)
    ]


def _means(series: MetricSeries) -> list[tuple[int, float]]:
    means: list[tuple[int, float]] = []
    before_sum, before_count = 0.0, 0
    for point in series.points:
        count = int(point.more.get("count") or 0)
        total = float(point.value or 0.0)
        added, measured = total, count
        if series.temporality != _DELTA and count >= before_count:
            added, measured = total - before_sum, count - before_count
        before_sum, before_count = total, count
        if measured > 0:
            means.append((point.time_us, added / measured))
    return means


def _exemplars(series: MetricSeries) -> Sequence[tuple[str, str, str]]:
    exemplars: list[tuple[str, str, str]] = []
    for point in reversed(series.points):
        for at, value, trace_id, _ in point.more.get("exemplars", ()):
            if len(trace_id) == 32:
                text = "-" if value is None else figures.compact(value)
                exemplars.append((when(at), text, f"/trace/{trace_id}"))
        if len(exemplars) >= 5:
            break
    return exemplars[:5]


def _line(points: list[tuple[int, float]], tone: str) -> Markup:
    if len(points) > _MOST_POINTS:
        step = len(points) / _MOST_POINTS
        points = [points[int(place * step)] for place in range(_MOST_POINTS)]
    first, last = points[0][0], points[-1][0]
    low = min(0.0, *(value for _, value in points))
    high = max(value for _, value in points)
    width = max(1, last - first)
    height = (high - low) or 1.0
    path = " ".join(
        f"{'M' if place == 0 else 'L'}{1000 * (at - first) / width:.1f} "
        f"{_HEIGHT - 4 - (_HEIGHT - 8) * (value - low) / height:.1f}"
        for place, (at, value) in enumerate(points)
    )
    return element(
        "svg",
        element("path", d=path, class_=f"line {tone}"),
        viewBox=f"0 0 1000 {_HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height=_HEIGHT,
        role="img",
        aria_label=f"{len(points)} points",
    )
