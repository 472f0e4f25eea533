"""Speed of the page with a million calls in the ledger.

    python benchmarks/ui.py [--calls 1000000] [--rounds 5]

The command itself is run. Each view is requested cold, and again. Figures that need single calls
are counted in the background; the chart then answers at once that it is being counted, and the time
until it is drawn has a separate column; "busy" is the processor time of the server for the first
answer, which other programs on the machine hardly change. Where Chromium and
playwright are installed, the time until a browser has drawn the page is measured too. The baseline
is what SQLite needs to look at every row once, on the same machine in the same run.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from ledger import DAY_NS, KEY, make_calls

from otel_cost_ledger import LedgerWriter
from otel_distro.settings import Settings
from otel_distro.ui.page import PANELS
from otel_distro.ui.report_file import report

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_MS, CHART_MS, REPORT_BYTES = 1000, 200, 2_000_000
VIEWS = ("window=30d", "window=24h", "window=30d&by=session", "window=30d&model=gpt-4o",
         "window=30d&tenant=tenant-1", "window=7d&service=service-0&by=user")  # fmt: skip
_MADE = 100_000


def fill(path: Path, count: int, days: int = 30) -> None:
    """Make a ledger of *count* calls that ends now; two in three say when their first token came.

    A hundred thousand are made and written; the rest are copies that start nanoseconds later, which
    the triggers add to the sums like any other call.
    """
    made = min(count, _MADE)
    began = int(datetime(2025, 10, 1, tzinfo=UTC).timestamp()) * 10**9 + days * DAY_NS
    shift = (time.time_ns() - began) // 1000 * 1000
    rng = random.Random(1)
    calls = []
    for priced in make_calls(made, days=days):
        call = priced.call
        first = int((call.end_ns - call.start_ns) * rng.uniform(0.1, 0.5))
        moved = dataclasses.replace(
            call,
            start_ns=call.start_ns + shift,
            end_ns=call.end_ns + shift,
            time_to_first_token_ns=first if rng.random() < 2 / 3 else None,
        )
        calls.append(dataclasses.replace(priced, call=moved))
    writer = LedgerWriter(path, pseudonym_key=KEY)
    for start in range(0, made, 5000):
        writer.write(calls[start : start + 5000])
    writer.shutdown()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(calls)")]
        kept = ", ".join(names[2:])
        for step in range(1, -(-count // made)):
            connection.execute(
                f"INSERT INTO calls ({', '.join(names)}) SELECT start_ns + ?, span_id, {kept}"
                " FROM calls WHERE start_ns % 1000 = 0 LIMIT ?",
                (step, min(made, count - step * made)),
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Server:
    """A running page."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self.port = port
        self._process = process

    def busy_ms(self) -> float:
        """Return its processor time, over all threads."""
        times = self._process.cpu_times()
        return float(times.user + times.system) * 1000


@contextmanager
def running(path: Path) -> Iterator[Server]:
    """Run `otel-distro ui` over *path*."""
    program = Path(sys.executable).with_name("otel-distro")
    command = [str(program), "ui", "--no-browser", "--port", "0", "--ledger", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        port = int(address.rstrip("/").rpartition(":")[2])
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def ask(port: int, path: str) -> tuple[float, str]:
    """Return the milliseconds for *path*, and the response."""
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path} answers {answer.status}")
    return (time.perf_counter() - began) * 1000, text


def until_drawn(port: int, path: str) -> float:
    """Return the milliseconds until *path* is not pending any more."""
    began = time.perf_counter()
    while "data-pending" in ask(port, path)[1]:
        time.sleep(0.02)
    return (time.perf_counter() - began) * 1000


def first_page(path: Path) -> float:
    """Print the duration of the first page of a new server."""
    with running(path) as server:
        port = server.port
        while True:
            try:
                first, text = ask(port, "/")
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                break
        drawn = first + until_drawn(port, "/")
        again = ask(port, "/")[0]
    counting = text.count("data-pending")
    print(f"first page of a new server: {first:.0f} ms, {counting} of its charts being counted;"
          f" all there after {drawn:.0f} ms; again {again:.0f} ms\n")  # fmt: skip
    return max(first, again)


def views(path: Path, rounds: int) -> tuple[float, float]:
    """Print the duration of each chart and the page in each view; return the slowest of both."""
    print(f"{'chart':14} {'view':36} {'first':>7} {'busy':>7} {'drawn':>7} {'again':>7}  ms")
    chart = page = 0.0
    for view in VIEWS:
        with running(path) as server:
            until_drawn(server.port, "/")
            for name in PANELS:
                found = measure(
                    server, f"/panel/{name}?{view}", rounds, CHART_MS, f"{name:14} {view:36}"
                )
                chart = max(chart, found)
        with running(path) as server:
            until_drawn(server.port, "/")
            page = max(
                page, measure(server, f"/?{view}", rounds, PAGE_MS, f"{'PAGE':14} {view:36}")
            )
    return chart, page


def measure(server: Server, url: str, rounds: int, goal: int, said: str) -> float:
    """Print one line about *url*; return the slower of its first and its usual answer."""
    port, before = server.port, server.busy_ms()
    first, _ = ask(port, url)
    busy = server.busy_ms() - before
    drawn = first + until_drawn(port, url)
    again = statistics.median(ask(port, url)[0] for _ in range(rounds))
    mark = "  SLOW" if max(first, again) > goal else ""
    print(f"{said} {first:7.0f} {busy:7.0f} {drawn:7.0f} {again:7.0f}{mark}", flush=True)
    return max(first, again)


def in_browser(path: Path, rounds: int) -> None:
    """Print the time until a browser has drawn the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        print("\nno Chromium with playwright here: not measured in a browser")
        return
    from playwright.sync_api import sync_playwright

    with running(path) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        taken = []
        for _ in range(rounds):
            page = browser.new_page()
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.port}/?window=30d")
            page.wait_for_selector("#panel-spend rect.bar")
            taken.append((time.perf_counter() - began) * 1000)
            page.close()
        browser.close()
    print(f"\nin Chromium, until bars are drawn: first {taken[0]:.0f} ms,"
          f" median {statistics.median(taken):.0f} ms")  # fmt: skip


def baseline(path: Path) -> float:
    """Return the milliseconds in which SQLite reads one column of every row."""
    with closing(sqlite3.connect(path)) as connection:
        began = time.perf_counter()
        connection.execute("SELECT sum(cost_nano_usd) FROM calls").fetchone()
        return (time.perf_counter() - began) * 1000


def main() -> None:
    """Run every part; exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ledger", type=Path, help="Measure this ledger instead of a new one.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ui-bench-"))
    try:
        path = options.ledger or folder / "ledger.db"
        if options.ledger is None:
            fill(path, options.calls)
        print(f"one column of every row, by SQLite itself: {baseline(path):.0f} ms\n")
        opening = first_page(path)
        chart, page = views(path, options.rounds)
        page = max(page, opening)
        in_browser(path, options.rounds)
        began = time.perf_counter()
        size = len(report(path, Settings(state_dir=folder), {"window": "all"}).encode())
        print(f"static report: {size / 1000:.0f} kB in {time.perf_counter() - began:.1f} s")
        print(
            f"slowest chart {chart:.0f} ms (goal {CHART_MS}), page {page:.0f} ms (goal {PAGE_MS})"
        )
    finally:
        shutil.rmtree(folder)
    sys.exit(chart > CHART_MS or page > PAGE_MS or size > REPORT_BYTES)


if __name__ == "__main__":
    main()
