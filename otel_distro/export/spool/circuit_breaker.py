"""Circuit breaker of a connection: no attempts for a while after a failed one."""

from __future__ import annotations

import random
import time
from typing import Final

_FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0
_JITTER: Final = 0.2


class Breaker:
    """Whether the endpoint is down, and when to try again."""

    def __init__(self) -> None:
        self._attempts = 0
        self.open = False
        self.retry_at = 0.0
        """`time.monotonic()`; 0 while the endpoint is up."""

    def failed(self) -> None:
        """Record a failed attempt, and increase the wait."""
        wait = min(_FIRST_WAIT * 2.0**self._attempts, LONGEST_WAIT)
        self._attempts = min(self._attempts + 1, 10)
        # Not for secrets: only keeps processes from retrying in step.
        self.retry_at = time.monotonic() + wait * random.SystemRandom().uniform(
            1 - _JITTER, 1 + _JITTER
        )
        self.open = True

    def succeeded(self) -> None:
        """Record that the endpoint is up."""
        self._attempts = 0
        self.retry_at = 0.0
        self.open = False
