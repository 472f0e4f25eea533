"""The deadline of a record limits processor time, not waiting time."""

from __future__ import annotations

import pytest

from otel_redaction.patterns.deadline import Deadline, DeadlineExceeded


class Clocks:
    """The two clocks of a thread, in seconds."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.worked = 0.0

    def monotonic(self) -> float:
        return self.passed

    def thread_time(self) -> float:
        return self.worked

    def work(self, seconds: float) -> None:
        self.passed += seconds
        self.worked += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr("otel_redaction.patterns.deadline.time", made)
    return made


def test_waiting_for_a_busy_machine_costs_no_record(clocks: Clocks) -> None:
    """For any time without the processor."""
    deadline = Deadline(2)
    for _ in range(10):
        clocks.passed += 60
        clocks.work(0.1)
        deadline.check()


def test_work_beyond_the_deadline_raises(clocks: Clocks) -> None:
    """At most twice the limit is used."""
    deadline = Deadline(2)
    clocks.work(2)
    deadline.check()
    clocks.work(0.1)
    deadline.check()
    clocks.work(2.1)
    with pytest.raises(DeadlineExceeded):
        deadline.check()
