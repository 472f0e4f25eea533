"""The steps of a chart over time: minutes, hours, days, weeks or months, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from otel_cost_ledger.model.filters import to_ns


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of a chart over time."""

    start_ns: int
    label: str
    """Axis label."""
    name: str
    """Full label: the day with its year, the hour with its day."""


def steps_between(since: datetime, until: datetime, unit: str) -> tuple[Step, ...]:
    """Return the steps from *since* to *until* in order; at least one."""
    steps: list[Step] = []
    at = floor(since, unit)
    while at < until or not steps:
        steps.append(_step(at, unit))
        at = _next(at, unit)
    return tuple(steps)


def floor(at: datetime, unit: str) -> datetime:
    """Return the start of the *unit* that contains *at*."""
    if unit == "minute":
        return at.replace(second=0, microsecond=0)
    if unit == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _next(at: datetime, unit: str) -> datetime:
    if unit == "month":
        return (at + timedelta(days=32)).replace(day=1)
    lengths = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "week": timedelta(7)}
    return at + lengths.get(unit, timedelta(days=1))


def _step(at: datetime, unit: str) -> Step:
    day = f"{at.day} {at:%b}"
    if unit in {"minute", "hour"}:
        return Step(to_ns(at), f"{at:%H:%M}", f"{day}, {at:%H:%M} UTC")
    if unit == "month":
        return Step(to_ns(at), f"{at:%b %Y}", f"{at:%B %Y}")
    if unit == "week":
        return Step(to_ns(at), day, f"week of {day} {at:%Y}")
    return Step(to_ns(at), day, f"{day} {at:%Y}")
