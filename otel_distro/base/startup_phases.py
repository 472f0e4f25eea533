"""Durations of the parts of start-up, for `otel-distro doctor --startup`.

Always on: two clock readings per part.
"""

from __future__ import annotations

import time
from typing import Final

_MOST: Final = 200
"""Limit of `taken`: instrumentors wait for their libraries and may start at any later time."""

INSTRUMENTOR: Final = "instrumentor "
"""Prefix of the name of each instrumentor's part."""

taken: list[tuple[str, int, int]] = []
"""Name of the part, start and end on the monotonic clock in nanoseconds; ordered by end."""


class startup_timer:  # reads as a statement
    """Records the duration of the block as *name*."""

    __slots__ = ("_began", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._began = time.monotonic_ns()

    def __exit__(self, *_: object) -> None:
        if len(taken) < _MOST:
            taken.append((self._name, self._began, time.monotonic_ns()))
