"""Axes with round numbers, and the positions of values on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """A vertical axis from zero to `top`: `height` pixels, below a margin of `above` pixels."""

    top: float
    ticks: tuple[float, ...]
    height: float
    above: float

    def y(self, value: float) -> float:
        """Return the distance of *value* from the upper edge, in pixels."""
        share = min(1.0, max(0.0, value / self.top)) if self.top else 0.0
        return self.above + self.height * (1 - share)

    def length(self, value: float) -> float:
        """Return the height of *value* in pixels."""
        return self.above + self.height - self.y(value)


def scale(largest: float, *, height: float, above: float, whole: bool = False) -> Scale:
    """Return an axis up to *largest* or more in about four steps; *whole* allows no fractions."""
    if not largest > 0 or not math.isfinite(largest):
        return Scale(1.0, (0.0,), height, above)
    step = _nice(largest / _TICKS)
    if whole:
        step = max(1.0, math.ceil(step))
    count = math.ceil(largest / step - 1e-9)
    return Scale(step * count, tuple(step * n for n in range(count + 1)), height, above)


def _nice(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    for factor in _STEPS:
        if factor * magnitude >= rough * (1 - 1e-9):
            return factor * magnitude
    return 10 * magnitude


def spread(count: int, most: int) -> set[int]:
    """Return at most *most* of *count* label indexes, evenly spaced, including the last."""
    if count <= most:
        return set(range(count))
    stride = math.ceil(count / most)
    return set(range(count - 1, -1, -stride))
