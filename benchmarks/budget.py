"""Overhead of a budget per model call: the check itself, and the whole gate around a request.

    python benchmarks/budget.py                 # 8 processes
    python benchmarks/budget.py --processes 1

The check is a reservation, inside a lease or in the shared file. The gate adds reading the request
and the estimate before a call, and queueing the response after it; another thread reads and prices
the response, and its work is timed separately. Added latency is the difference
between calls with and without the gate, taken in turns, to a server that answers after a few
milliseconds. "Busy" is the processor time of the app's thread, which other programs on the machine
disturb less. A call after a pause finds the caches cold, which makes every part of it slower, the
gate's as well; the parts are timed one after the other. Each process reports its own percentiles,
of which the median is printed.
"""

from __future__ import annotations

import argparse
import http.server
import json
import multiprocessing
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

CALLS = 400
CHECKS = 20_000
THINKING_S = 0.005
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
PATH, CONTENT, REPLY = (
    "/v1/chat/completions",
    json.dumps(BODY).encode(),
    json.dumps(ANSWER).encode(),
)


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers every call after a while."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(THINKING_S)
        self.send_response(200)
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, format: str, *_args: Any) -> None:
        """Print nothing."""


def serve(ports: Any) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    ports.put(server.server_port)
    server.serve_forever()


def measure(folder: str, port: int, start: Any, results: Any) -> None:
    import httpx2

    from otel_budget.budget_accounts import BudgetAccounts
    from otel_budget.cost_budget import Action, CostBudget
    from otel_budget.gate import Gate
    from otel_pricing import PriceBook
    from otel_wire import clients
    from otel_wire.observer import observer

    prices = PriceBook()
    budget = CostBudget.per_day(Decimal(1_000_000), Action.REFUSE)
    gate = Gate([budget], BudgetAccounts(Path(folder)), lambda: prices)
    url = f"http://127.0.0.1:{port}{PATH}"
    client = httpx2.Client()
    clients.install(httpx2)
    observer.admission = gate
    for _ in range(5):
        client.post(url, content=CONTENT)
    start.wait()
    figures = checks(folder)
    figures.update(parts(gate))
    wall: dict[str, list[float]] = {"no": [], "with": []}
    busy: dict[str, list[float]] = {"no": [], "with": []}
    for _ in range(CALLS):
        for name, in_force in (("with", gate), ("no", None)):
            observer.admission = in_force
            began, began_busy = time.perf_counter_ns(), time.thread_time_ns()
            client.post(url, content=CONTENT)
            busy[name].append((time.thread_time_ns() - began_busy) / 1000)
            wall[name].append((time.perf_counter_ns() - began) / 1000)
    for name in ("no", "with"):
        figures[f"request, {name} gate"] = percentiles(wall[name])
        figures[f"of it busy, {name} gate"] = percentiles(busy[name])
    results.put(figures)


def checks(folder: str) -> dict[str, tuple[float, float]]:
    """Time a reservation and its settlement alone."""
    from otel_budget.accounts.account import BudgetAccount, Claim
    from otel_budget.budget_accounts import BudgetAccounts
    from otel_budget.reservations.leases import Reservation

    plenty = BudgetAccount("plenty", "", 0, 0, 10**17)
    tight = BudgetAccount("tight", "", 0, 0, 10**6)
    accounts = BudgetAccounts(Path(folder))
    found: dict[str, tuple[float, float]] = {}
    for name, account, amount, times in (
        ("leased", plenty, 10**6, CHECKS),
        ("in the shared file", tight, 10**5, CALLS),
    ):
        claims = [Claim(account, amount, amount, amount)]
        held: list[float] = []
        settled: list[float] = []
        for _ in range(times):
            began = time.perf_counter_ns()
            reservation: Any = accounts.reserve("m", (), lambda _learned: claims)  # noqa: B023
            held.append((time.perf_counter_ns() - began) / 1000)
            if not isinstance(reservation, Reservation):
                continue
            began = time.perf_counter_ns()
            accounts.settle(reservation, [(account, 1)])
            settled.append((time.perf_counter_ns() - began) / 1000)
        found[f"check: hold, {name}"] = percentiles(held)
        found[f"settle, {name}"] = percentiles(settled)
    accounts.close()
    return found


def parts(gate: Any) -> dict[str, tuple[float, float]]:
    """Time the gate on the app's thread, and its background thread."""
    from otel_wire.admission import admit
    from otel_wire.observer import observer

    transactions: list[float] = []
    ends: list[float] = []
    later: list[float] = []
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        exchange = observer.begin("httpx2", "api.example", PATH, {}, CONTENT)
        assert exchange is not None
        assert admit(exchange) is None
        transactions.append((time.perf_counter_ns() - began) / 1000)
        began = time.perf_counter_ns()
        exchange.whole(200, {}, REPLY)
        ends.append((time.perf_counter_ns() - began) / 1000)
        began = time.perf_counter_ns()
        gate.accounts.finish_late()
        later.append((time.perf_counter_ns() - began) / 1000)
    return {
        "gate before: read, estimate, hold": percentiles(transactions),
        "gate after: note the answer": percentiles(ends),
        "by its thread: read, price, settle": percentiles(later),
    }


def percentiles(figures: list[float]) -> tuple[float, float]:
    """Microseconds at the median and the 99th percentile."""
    figures = sorted(figures)
    return figures[len(figures) // 2], figures[int(len(figures) * 0.99)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=8)
    processes = parser.parse_args().processes
    context = multiprocessing.get_context("spawn")
    results, ports = context.Queue(), context.Queue()
    start = context.Barrier(processes)
    server = context.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        arguments = (folder, ports.get(timeout=20), start, results)
        pool = [context.Process(target=measure, args=arguments) for _ in range(processes)]
        for process in pool:
            process.start()
        figures = [results.get(timeout=240) for _ in pool]
        for process in pool:
            process.join()
    server.terminate()
    print(f"{processes} processes, microseconds")
    for name in figures[0]:
        p50, p99 = (statistics.median(f[name][i] for f in figures) for i in (0, 1))
        print(f"{name:<36} p50 {p50:9.2f}   p99 {p99:9.2f}")
    for kind in ("request", "of it busy"):
        bare, gated = (
            statistics.median(f[f"{kind}, {x} gate"][0] for f in figures) for x in ("no", "with")
        )
        print(f"added to {kind:<27} p50 {gated - bare:9.2f}   {(gated - bare) / bare:8.2%}")


if __name__ == "__main__":
    main()
