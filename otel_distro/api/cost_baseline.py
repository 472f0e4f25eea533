"""Cost and latency baseline for tests that call models, and comparison of a run with it.

A run is worse only beyond a 95 % interval and a minimum difference. With too few runs to estimate
their variance, a fixed tolerance applies.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from statistics import fmean, stdev, variance
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base.errors import OtelDistroError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VERSION: Final = 1
RUNS_KEPT: Final = 20
CALLS_KEPT: Final = 400
FEWEST_RUNS: Final = 3
FEWEST_CALLS: Final = 3
TOLERANCE: Final = 0.10
"""Share by which any run may cost more or take longer."""

# Student's t for a two-sided 95 % interval, by degrees of freedom; infinity for more.
_T: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14,
             2.13, 2.12, 2.11, 2.10, 2.09, 2.09, 2.08, 2.07, 2.07, 2.06, 2.06, 2.06, 2.05, 2.05,
             2.05, 2.04)  # fmt: skip
_T_INFINITE: Final = 1.96


@dataclass(frozen=True, slots=True)
class Measured:
    """Cost and latency of the model calls of one test, over one or more runs."""

    cost_nano_usd: tuple[int, ...] = ()
    """Per run."""
    latency_ms: tuple[float, ...] = ()
    """Per call."""

    def with_(self, other: Measured) -> Measured:
        """Return the merged data, limited to the latest runs and calls."""
        return Measured(
            (self.cost_nano_usd + other.cost_nano_usd)[-RUNS_KEPT:],
            (self.latency_ms + other.latency_ms)[-CALLS_KEPT:],
        )


@dataclass(slots=True)
class Baseline:
    """Earlier measurements, by test."""

    tests: dict[str, Measured] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Return the baseline in the file at *path*, or an empty one without a file.

        Raises OtelDistroError for an invalid file.
        """
        try:
            data: Any = json.loads(path.read_text())
            if data["version"] != VERSION:
                raise ValueError(f"version {data['version']!r}")
            tests = {
                str(name): Measured(
                    tuple(int(cost) for cost in test["cost_nano_usd"]),
                    tuple(float(ms) for ms in test["latency_ms"]),
                )
                for name, test in data["tests"].items()
            }
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise OtelDistroError(
                f"{path} is not a baseline of this version ({error}); recreate it "
                "with --cost-baseline-update"
            ) from error
        return cls(tests)

    def add(self, measured: Mapping[str, Measured]) -> None:
        """Add the runs of some tests."""
        for name, run in measured.items():
            self.tests[name] = self.tests.get(name, Measured()).with_(run)

    def write(self, path: Path) -> None:
        """Write it for review, one line per test; raises OSError."""
        lines = [
            f"    {json.dumps(name)}: "
            + json.dumps(
                {
                    "cost_nano_usd": list(test.cost_nano_usd),
                    "latency_ms": [round(ms, 1) for ms in test.latency_ms],
                }
            )
            for name, test in sorted(self.tests.items())
        ]
        body = ",\n".join(lines)
        path.write_text(f'{{\n  "version": {VERSION},\n  "tests": {{\n{body}\n  }}\n}}\n')

    def worse(self, name: str, run: Measured) -> list[str]:
        """Return a sentence for each regression of *run* of the test *name*; empty without any.

        A test without a baseline has no regression.
        """
        before = self.tests.get(name)
        if before is None:
            return []
        found = []
        if before.cost_nano_usd and run.cost_nano_usd:
            cost, most = fmean(run.cost_nano_usd), most_usual(before.cost_nano_usd)
            if cost > most:
                usual = fmean(before.cost_nano_usd)
                found.append(
                    f"cost ${cost / 1e9:.6f}, usual is ${usual / 1e9:.6f} and at most "
                    f"${most / 1e9:.6f}"
                )
        interval = slower(before.latency_ms, run.latency_ms)
        if interval is not None and interval[0] > 1 + TOLERANCE:
            low, high = interval
            found.append(f"model calls took {low:.2f} to {high:.2f} times as long (95 %)")
        return found


def most_usual(costs: Sequence[int]) -> float:
    """Return the cost limit of a run: at least the upper end of a 95 % prediction interval."""
    mean = fmean(costs)
    tolerated = mean * (1 + TOLERANCE)
    if len(costs) < FEWEST_RUNS:
        return tolerated
    spread = _t(len(costs) - 1) * stdev(costs) * math.sqrt(1 + 1 / len(costs))
    return max(tolerated, mean + spread)


def slower(before: Sequence[float], now: Sequence[float]) -> tuple[float, float] | None:
    """Return a 95 % interval of the latency ratio; None for too few calls.

    The ratio of geometric means, by Welch's method: logarithms of latencies are less skewed.
    """
    if min(len(before), len(now)) < FEWEST_CALLS or min(*before, *now) <= 0:
        return None
    logs = [[math.log(ms) for ms in sample] for sample in (before, now)]
    shares = [variance(sample) / len(sample) for sample in logs]
    error = sum(shares)
    difference = fmean(logs[1]) - fmean(logs[0])
    if not error:
        return math.exp(difference), math.exp(difference)
    freedom = error**2 / sum(
        share**2 / (len(sample) - 1) for share, sample in zip(shares, logs, strict=True)
    )
    margin = _t(int(freedom)) * math.sqrt(error)
    return math.exp(difference - margin), math.exp(difference + margin)


def _t(freedom: int) -> float:
    return _T[max(freedom, 1) - 1] if freedom <= len(_T) else _T_INFINITE
