"""Throughput of a ledger in PostgreSQL, with exactness checked after every part.

python benchmarks/postgres_ledger.py postgresql://user@host/empty_database
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger import KEY, make_calls, timed

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.query.queries import calls, costs

SINCE = datetime(2025, 10, 1, tzinfo=UTC)


def new_writer(url: str) -> LedgerWriter:
    """Return a writer with its own spill file."""
    spill = Path(tempfile.gettempdir()) / f"ledger-bench-{os.getpid()}.spill.jsonl"
    writer = LedgerWriter(url, pseudonym_key=KEY, busy_timeout_ms=60_000, spill_to=spill)
    writer.write([])
    return writer


def _work(url: str, number: int, count: int, ready: Any, done: Any) -> None:
    made = make_calls(count, seed=number)
    writer = new_writer(url)
    ready.wait()
    seconds = timed(lambda: [writer.write(made[at : at + 1024]) for at in range(0, count, 1024)])
    done.put((seconds, writer.counters.written, writer.counters.faults))
    writer.shutdown()


def write(url: str, count: int, rounds: int) -> None:
    """Print the rate of one writer, and of replaying everything."""
    writer = new_writer(url)
    made = make_calls(count * rounds)
    rates = [
        count / timed(lambda at=at: writer.write(made[at : at + count]))
        for at in range(0, count * rounds, count)
    ]
    print(f"  {statistics.median(rates):9.0f} /s  one writer, PricedCall to committed")
    seconds = timed(lambda: writer.write(made[:count]))
    print(f"  {count / seconds:9.0f} /s  replay, nothing new")
    writer.shutdown()


def processes(url: str, how_many: int, count: int) -> None:
    """Print the rate of several processes at once."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Barrier(how_many), context.Queue()
    started = [
        context.Process(target=_work, args=(url, 1000 * how_many + n, count, ready, done))
        for n in range(how_many)
    ]
    for process in started:
        process.start()
    results = [done.get(timeout=300) for _ in started]
    for process in started:
        process.join()
    slowest = max(seconds for seconds, _, _ in results)
    written = sum(number for _, number, _ in results)
    lost = how_many * count - written
    faults = sum(number for _, _, number in results)
    print(
        f"  {written / slowest:9.0f} /s  {how_many} processes, lost {lost}, faults {faults}, "
        f"fastest/slowest {min(s for s, _, _ in results) / slowest:.2f}"
    )


def questions(url: str) -> None:
    """Print the duration of queries, and whether the sums equal the rows."""
    with open_ledger(url) as ledger:
        until = SINCE + timedelta(days=30)
        for name, ask in (
            ("30 days by model, sums", lambda: costs(ledger, SINCE, until, percentiles=False)),
            ("30 days by model, with percentiles", lambda: costs(ledger, SINCE, until)),
            ("last 100 calls", lambda: calls(ledger, limit=100)),
        ):
            taken = [timed(ask) for _ in range(5)]
            print(f"  {statistics.median(taken) * 1000:9.1f} ms  {name}")
        began = time.perf_counter()
        report = check_integrity(ledger)
        print(
            f"  {report.calls} calls, sums {'exact' if report.ok else 'WRONG'}"
            f" ({time.perf_counter() - began:.1f} s)"
        )
        ((size,),) = ledger.rows(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'otel_distro' AND c.relkind = 'r'"
        )
        print(f"  {size / report.calls:9.1f} bytes a call, sums, names and keys included")


def main() -> None:
    """Run every part on one database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    write(options.url, options.calls, options.rounds)
    for how_many in (1, 4):
        processes(options.url, how_many, options.calls)
    questions(options.url)


if __name__ == "__main__":
    main()
