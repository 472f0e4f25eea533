"""Forks repeatedly while threads emit spans, log records, metrics and model calls.

usage: forking_app.py FORKS

Prints the outcome of the children as JSON. A child that does not end is made to dump its stack
(SIGABRT under PYTHONFAULTHANDLER) and is counted as hung.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time

from opentelemetry import metrics, trace

THREADS = 4
AT_ONCE = 4
"""Maximum number of concurrent children."""
PATIENCE_S = 30.0
"""More than the exit of a child takes on a busy machine, less than its wait for exports."""

tracer = trace.get_tracer("forks")
counter = metrics.get_meter("forks").create_counter("rounds")
log = logging.getLogger("forks")
log.setLevel(logging.INFO)
CALL: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 400,
    "gen_ai.usage.output_tokens": 0,
}


def one_round(who: str) -> None:
    """One of everything."""
    with tracer.start_as_current_span("work", attributes={"who": who}):
        log.info("round of %s", who)
        counter.add(1, {"who": who})
        tracer.start_span("chat gpt-4o", attributes=CALL).end()


def emit_until(stop: threading.Event, rounds: list[int], index: int) -> None:
    while not stop.is_set():
        one_round("parent")
        rounds[index] += 1
        time.sleep(0.02)


def leave(number: int) -> None:
    """Leave in one of three ways; the first takes the interpreter half a second."""
    if number % 6 == 0:
        sys.exit(0)
    if number % 2:
        os._exit(0)
    os.kill(os.getpid(), signal.SIGTERM)


def reap(children: dict[int, float], hung: list[int], failed: list[int], at_most: int) -> None:
    """Wait until *at_most* children are left."""
    while len(children) > at_most:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            children.pop(child)
            code = os.waitstatus_to_exitcode(status)
            if code not in (0, -signal.SIGTERM) and child not in hung:
                failed.append(code)
            continue
        for child, began in children.items():
            if time.monotonic() - began > PATIENCE_S and child not in hung:
                hung.append(child)
                os.kill(child, signal.SIGABRT)
        time.sleep(0.002)


def main(forks: int) -> None:
    stop = threading.Event()
    rounds = [0] * THREADS
    threads = [
        threading.Thread(target=emit_until, args=(stop, rounds, index)) for index in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    children: dict[int, float] = {}
    hung: list[int] = []
    failed: list[int] = []
    pauses: list[float] = []
    for number in range(forks):
        began = time.perf_counter()
        child = os.fork()
        if child == 0:
            one_round("child")
            leave(number)
        pauses.append(time.perf_counter() - began)
        children[child] = time.monotonic()
        reap(children, hung, failed, AT_ONCE - 1)
    reap(children, hung, failed, 0)
    stop.set()
    for thread in threads:
        thread.join()
    pauses.sort()
    print(
        json.dumps(
            {
                "forks": forks,
                "hung": len(hung),
                "failed": failed,
                "rounds": sum(rounds) + forks,
                "fork_ms_p50": round(1000 * pauses[len(pauses) // 2], 1),
                "fork_ms_max": round(1000 * pauses[-1], 1),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
