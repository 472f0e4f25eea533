"""Detects hours with anomalous cost, latency or error rate.

The expected value of an hour of the day is a moving average over the days, weighted towards recent
ones, with a moving average of the deviations. If too few days have that hour, all earlier hours are
used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HOUR_NS = 3_600_000_000_000
DAYS = 21
"""Length of the history."""
FEWEST_CALLS = 20
"""An hour with fewer calls is neither an anomaly nor part of the expected value."""
FEWEST_DAYS, FEWEST_HOURS = 5, 24
WEIGHT = 0.3
"""Weight of the latest day in the moving averages."""
DEVIATIONS = 4.0
TIMES = 1.5
"""Minimum ratio to the expected value: a steady figure has a very small deviation."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The billed calls that began in one hour."""

    calls: int = 0
    failed_calls: int = 0
    cost_nano_usd: int = 0
    latency_us: int = 0
    """Total of all calls."""

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
    """The expected value."""

    mean: float
    deviation: float

    @property
    def most(self) -> float:
        """The highest expected value."""
        return max(self.mean * TIMES, self.mean + DEVIATIONS * self.deviation)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An anomalous figure."""

    figure: str
    value: float
    usual: Usual


_FIGURES: tuple[tuple[str, Callable[[Hour], float], float], ...] = (
    ("cost", lambda hour: hour.cost_nano_usd / 1e9, 0.01),
    ("latency", lambda hour: hour.latency_ms, 100.0),
    ("error_rate", lambda hour: hour.error_rate, 0.05),
)
"""Name, accessor, and the value below which it is ignored: US dollars, ms, share."""


def anomalies(hours: Mapping[int, Hour], at_ns: int) -> Iterator[Anomaly]:
    """Yield the anomalies of the last whole hour before *at_ns*.

    *hours* are keyed by their start; those without calls may be missing.
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
    """Return the moving averages of *values*, in order of time, and of their deviations."""
    mean, variance = values[0], 0.0
    for number, value in enumerate(values[1:], 2):
        # The first few have equal weights, or the very first would dominate for long.
        weight = max(WEIGHT, 1 / number)
        off = value - mean
        mean += weight * off
        variance = (1 - weight) * (variance + weight * off * off)
    return Usual(mean, variance**0.5)
