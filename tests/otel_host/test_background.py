"""A background thread starts once, on demand, and again after it has ended."""

from __future__ import annotations

import threading

from otel_host.background import BackgroundThread


def test_many_that_need_it_start_it_once() -> None:
    go, started = threading.Event(), []

    def work() -> None:
        started.append(threading.current_thread().name)
        go.wait(10)

    background = BackgroundThread("worker", work)
    callers = [threading.Thread(target=background.ensure) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    go.set()
    assert background.thread is not None
    background.thread.join(10)
    assert started == ["worker"]


def test_one_that_ends_with_more_to_do_continues() -> None:
    pending = [True]
    rounds: list[int] = []

    def work() -> None:
        while True:
            rounds.append(1)
            if background.end(unless=lambda: bool(pending) and pending.pop()):
                return

    background = BackgroundThread("worker", work)
    background.ensure()
    for thread in threading.enumerate():
        if thread.name == "worker":
            thread.join(10)
    assert len(rounds) == 2
    assert background.thread is None
    background.ensure()


def test_it_never_waits_for_a_start_under_way() -> None:
    background = BackgroundThread("worker", lambda: None)
    with background._lock:
        assert background.ensure()
    assert background.thread is None
