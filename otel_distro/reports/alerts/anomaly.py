"""Hours that are unlike the same hours of the days before: in cost, latency or error rate.

The usual value of an hour of the day is a moving average over the days, recent ones weighing more,
with a moving average of how far they were from it. Where too few days have had that hour, all
hours before are the measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HOUR_NS = 3_600_000_000_000
DAYS = 21
"""How far back is looked."""
FEWEST_CALLS = 20
"""An hour with fewer calls is no anomaly and does not count towards the usual value."""
FEWEST_DAYS, FEWEST_HOURS = 5, 24
WEIGHT = 0.3
"""Of the latest day in the moving averages."""
DEVIATIONS = 4.0
TIMES = 1.5
"""Least ratio to the usual value as well: a steady figure has a very small deviation."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The billed calls that began in one hour."""

    calls: int = 0
    failed_calls: int = 0
    cost_nano_usd: int = 0
    latency_us: int = 0
    """Of all calls together."""

    @property
    def latency_ms(self) -> float:
        """Average latency."""
        return self.latency_us / self.calls / 1000

    @property
    def error_rate(self) -> float:
        """Share of the calls that failed."""
        return self.failed_calls / self.calls


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual value."""

    mean: float
    deviation: float

    @property
    def most(self) -> float:
        """The highest usual value."""
        return max(self.mean * TIMES, self.mean + DEVIATIONS * self.deviation)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A figure that is unlike those before it."""

    figure: str
    value: float
    usual: Usual


_FIGURES: tuple[tuple[str, Callable[[Hour], float], float], ...] = (
    ("cost", lambda hour: hour.cost_nano_usd / 1e9, 0.01),
    ("latency", lambda hour: hour.latency_ms, 100.0),
    ("error_rate", lambda hour: hour.error_rate, 0.05),
)
"""Name, how to read it, and the value below which it is ignored: US dollars, ms, share."""


def anomalies(hours: Mapping[int, Hour], at_ns: int) -> Iterator[Anomaly]:
    """Yield the anomalies of the last whole hour before *at_ns*.

    *hours* are named by the moment they begin; those without calls may be missing.
    """
    last_ns = at_ns // HOUR_NS * HOUR_NS - HOUR_NS
    last = hours.get(last_ns, Hour())
    if last.calls < FEWEST_CALLS:
        return
    before = _like(hours, last_ns)
    if not before:
        return
    for name, read, least in _FIGURES:
        value, found = read(last), usual([read(hour) for hour in before])
        if value > max(found.most, least):
            yield Anomaly(name, value, found)


def _like(hours: Mapping[int, Hour], last_ns: int) -> Sequence[Hour]:
    same = [hours.get(last_ns - day * 24 * HOUR_NS, Hour()) for day in range(DAYS, 0, -1)]
    same = [hour for hour in same if hour.calls >= FEWEST_CALLS]
    if len(same) >= FEWEST_DAYS:
        return same
    earlier = [hours[ns] for ns in sorted(hours) if ns < last_ns]
    earlier = [hour for hour in earlier if hour.calls >= FEWEST_CALLS]
    return earlier if len(earlier) >= FEWEST_HOURS else ()


def usual(values: Sequence[float]) -> Usual:
    """Return the moving averages of *values*, the latest last, and of how far they were off."""
    mean, variance = values[0], 0.0
    for number, value in enumerate(values[1:], 2):
        # The first few count alike, or the very first would weigh most for long.
        weight = max(WEIGHT, 1 / number)
        off = value - mean
        mean += weight * off
        variance = (1 - weight) * (variance + weight * off * off)
    return Usual(mean, variance**0.5)
