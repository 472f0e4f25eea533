"""How long each part of the start took, for `otel-distro doctor --startup`.

Always on: two readings of a clock for each part.
"""

from __future__ import annotations

import time
from typing import Final

_MOST: Final = 200
"""Instrumentors wait for their libraries, and so may still come when the app has long been up."""

INSTRUMENTOR: Final = "instrumentor "
"""What the names of parts begin with that are one instrumentor each."""

taken: list[tuple[str, int, int]] = []
"""Name of the part, begin and end on the monotonic clock in nanoseconds; in order of ending."""


class phase:  # noqa: N801 - reads as a statement
    """Notes how long the block called *name* takes."""

    __slots__ = ("_began", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._began = time.monotonic_ns()

    def __exit__(self, *_: object) -> None:
        if len(taken) < _MOST:
            taken.append((self._name, self._began, time.monotonic_ns()))
