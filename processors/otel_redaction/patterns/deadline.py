"""How long the redaction of one record may take, whatever else the machine does."""

from __future__ import annotations

import time


class DeadlineExceeded(Exception):  # named for what happened
    """Redaction of one record took longer than the policy allows; its content must be dropped."""


class Deadline:
    """A limit in seconds of time passed and, after it, as much processor time of this thread again.

    A thread that waits for a busy machine has done no work. The processor's
    clock costs ten times as much to read, so it is read only once the limit has
    passed by the clock: a record takes at most twice the limit of processor time.
    """

    __slots__ = ("_ends", "_ends_busy", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._ends_busy: float | None = None

    def check(self) -> None:
        """Raise DeadlineExceeded when the time is up."""
        if time.monotonic() > self._ends:
            self._check_busy()

    def _check_busy(self) -> None:
        now = time.thread_time()
        if self._ends_busy is None:
            self._ends_busy = now + self._seconds
        elif now > self._ends_busy:
            raise DeadlineExceeded("redaction passed its deadline; drop this record's content")


def check_deadline(deadline: Deadline | None) -> None:
    """Raise DeadlineExceeded when the time of *deadline* is up; None is no limit."""
    if deadline is not None:
        deadline.check()
