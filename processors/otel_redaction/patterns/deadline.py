"""Time limit for the redaction of one record, also on a busy machine."""

from __future__ import annotations

import time


class DeadlineExceeded(Exception):  # named after the event
    """Redaction of one record took longer than the policy allows; its content must be dropped."""


class Deadline:
    """A limit in seconds of elapsed time, and after it the same CPU time of this thread again.

    A thread that waits for a busy machine has done no work. Reading the CPU clock takes ten times
    as long, so it is read only after the elapsed time reaches the limit: a record takes at most
    twice the limit of CPU time.
    """

    __slots__ = ("_ends", "_ends_busy", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._ends_busy: float | None = None

    def check(self) -> None:
        """Raise DeadlineExceeded after the deadline."""
        if time.monotonic() > self._ends:
            self._check_busy()

    def _check_busy(self) -> None:
        now = time.thread_time()
        if self._ends_busy is None:
            self._ends_busy = now + self._seconds
        elif now > self._ends_busy:
            raise DeadlineExceeded("redaction passed its deadline; drop this record's content")


def check_deadline(deadline: Deadline | None) -> None:
    """Raise DeadlineExceeded after *deadline*; None is no limit."""
    if deadline is not None:
        deadline.check()
