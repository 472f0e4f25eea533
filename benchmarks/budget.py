"""What a budget costs a model call: the check itself, and the whole gate around a request.

    python benchmarks/budget.py                 # 8 processes
    python benchmarks/budget.py --processes 1

The check is a hold and its settlement in the shared file. The gate adds reading the request, the
estimate, and reading the answer; it is timed as the difference between a client with and without
it, over a transport that answers at once. Each process reports its own percentiles, of which the
median is printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

CALLS = 400
BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hello " * 150}],
    "max_tokens": 300,
}
ANSWER = {
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"role": "assistant", "content": "word " * 300}}],
    "usage": {"prompt_tokens": 200, "completion_tokens": 300},
}


def measure(folder: str, results: Any) -> None:
    import httpx2

    from otel_budget import httpx_gate
    from otel_budget.books import Books
    from otel_budget.cost_budget import Action, CostBudget
    from otel_budget.endpoints import read_request
    from otel_budget.gate import Gate
    from otel_budget.turn import Turn
    from otel_pricing import PriceBook

    prices = PriceBook()
    budget = CostBudget.per_day(Decimal(1_000_000), Action.REFUSE)
    gate = Gate([budget], Books(Path(folder)), lambda: prices)
    answer = json.dumps(ANSWER).encode()
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=answer))
    client = httpx2.Client(transport=transport)
    path, body = "/v1/chat/completions", json.dumps(BODY).encode()
    request = read_request("", path, body)
    assert request is not None

    def check() -> None:
        turn = Turn(gate, request, dict)
        turn.ask()
        assert turn.ticket is not None
        turn.ticket.failed(sent=False)

    def call() -> None:
        client.post(f"https://api.example{path}", content=body)

    def reading() -> None:
        read_request("", path, body)

    for action in (check, call, reading):
        action()
    figures = {"reading the request": timed(reading), "check: hold and settle": timed(check)}
    bare = timed(call)
    httpx_gate.install(httpx2, gate)
    call()
    with_gate = timed(call)
    figures["request, no gate"] = bare
    figures["request, with gate"] = with_gate
    results.put(figures)


def timed(action: Any) -> tuple[float, float]:
    """Microseconds at the median and the 99th percentile."""
    figures = []
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        action()
        figures.append((time.perf_counter_ns() - began) / 1000)
    figures.sort()
    return figures[len(figures) // 2], figures[int(len(figures) * 0.99)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=8)
    processes = parser.parse_args().processes
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        pool = [context.Process(target=measure, args=(folder, results)) for _ in range(processes)]
        for process in pool:
            process.start()
        figures = [results.get(timeout=120) for _ in pool]
        for process in pool:
            process.join()
    print(f"{processes} processes, {CALLS} calls each, us")
    for name in figures[0]:
        p50, p99 = (statistics.median(f[name][i] for f in figures) for i in (0, 1))
        print(f"{name:<24} p50 {p50:9.1f}   p99 {p99:9.1f}")


if __name__ == "__main__":
    main()
