"""Speed and size of the ledger, beside SQLite itself in the same run.

    python benchmarks/ledger.py [--calls 30000] [--rounds 3] [--report-calls 100000]

Machines differ and are noisy, so every figure is a ratio of two numbers of one run.
The limit is the same facts in one flat table with no key, no interning, no sums, in a single
transaction with synchronous=OFF: the upper bound of any INSERT.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.model.entries import Entry
from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.privacy import Pseudonyms, bounded_cleaner
from otel_cost_ledger.model.row_maker import RowMaker
from otel_cost_ledger.model.sums import add_up_to
from otel_cost_ledger.query.breakdown import breakdown
from otel_cost_ledger.query.queries import calls, costs
from otel_cost_ledger.sqlite.ledger_file import LedgerFile
from otel_cost_ledger.write.writer import CALLS_PER_TRANSACTION
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = b"benchmark key 16"
DAY_NS = 86_400 * 10**9
MODELS = ["gpt-4o", "gpt-4o-mini", "o3", "claude-sonnet-4-5", "claude-haiku-4-5", "gemini-2.5-pro"]


def make_calls(
    count: int, *, days: int = 30, seed: int = 1, daily_users: int = 0
) -> list[PricedCall]:
    """Return calls of an app with 120 combinations of names, 500 users, 5,000 sessions.

    With *daily_users* there are so many users, each of whom has one session a day.
    """
    rng = random.Random(seed)
    first = int(datetime(2025, 10, 1, tzinfo=UTC).timestamp()) * 10**9
    step = days * DAY_NS // count
    made = []
    for number in range(count):
        # Whole microseconds, so that copies a nanosecond later are not copied again.
        start = (first + number * step + rng.randrange(step)) // 1000 * 1000
        failed = rng.random() < 0.02
        model = rng.choice(MODELS)
        user = f"user-{rng.randrange(500)}"
        session = f"session-{rng.randrange(5000)}"
        if daily_users:
            user = f"user-{number % daily_users}"
            session = f"{user} {start // DAY_NS}"
        call = ModelCall(
            trace_id=rng.getrandbits(128),
            span_id=rng.getrandbits(64),
            parent_span_id=rng.getrandbits(64),
            start_ns=start,
            end_ns=start + int(rng.lognormvariate(0.3, 0.8) * 1e9),
            scope="opentelemetry.instrumentation.genai.openai",
            operation=rng.choice(["chat", "chat", "embeddings"]),
            provider="openai",
            request_model=model,
            response_model=model,
            response_id=f"chatcmpl-{rng.getrandbits(96):024x}",
            usage=Usage(
                input_tokens=rng.randrange(50, 8000),
                output_tokens=rng.randrange(1, 1000),
                cache_read_tokens=rng.choice([None, rng.randrange(4000)]),
            ),
            error_type="RateLimitError" if failed else None,
            http_status_code=429 if failed else None,
            service=f"service-{rng.randrange(4)}",
            tenant=f"tenant-{rng.randrange(3)}",
            user=user,
            session=session,
        )
        made.append(
            PricedCall(
                call=call,
                status=CostStatus.FREE if failed else CostStatus.PRICED,
                cost_nano_usd=0 if failed else rng.randrange(30_000_000),
                price_source=f"genai-prices 0.2.3 openai/{model}",
            )
        )
    return made


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a path in a temporary directory."""
    directory = Path(tempfile.mkdtemp(prefix="ledger-bench-"))
    try:
        yield directory / "ledger.db"
    finally:
        shutil.rmtree(directory)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that *work* takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def flat(priced: PricedCall) -> tuple[Any, ...]:
    """Return all fields of a call as one flat row of plain values."""
    call = priced.call
    usage = call.usage or Usage()
    return (
        call.start_ns,
        call.span_id - 2**63,
        call.trace_id.to_bytes(16, "big"),
        (call.parent_span_id or 0) - 2**63,
        call.service,
        call.provider,
        call.model,
        call.operation,
        call.tenant,
        call.user,
        call.session,
        call.scope,
        call.end_ns - call.start_ns,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        priced.cost_nano_usd,
        str(priced.status),
        call.error_type,
        call.http_status_code,
        priced.price_source,
        call.response_id,
    )


def limit_rate(rows: list[tuple[Any, ...]]) -> float:
    """Return rows a second into a flat table without key, in one transaction, synchronous=OFF."""
    with scratch() as path, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        width = len(rows[0])
        connection.execute(f"CREATE TABLE flat ({', '.join(f'c{n}' for n in range(width))})")

        def insert() -> None:
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO flat VALUES ({', '.join('?' * width)})", rows)
            connection.execute("COMMIT")

        return len(rows) / timed(insert)


def store_rate(entries: list[Entry]) -> float:
    """Return rows a second through our transactions, key, names, sums and histogram included."""
    with scratch() as path:
        file = LedgerFile(path, synchronous="NORMAL", busy_timeout_ms=5000, max_names=10_000)
        file.opened()

        def store() -> None:
            for start in range(0, len(entries), CALLS_PER_TRANSACTION):
                file.apply(entries[start : start + CALLS_PER_TRANSACTION])

        seconds = timed(store)
        file.release()
        return len(entries) / seconds


def write_rate(made: list[PricedCall]) -> tuple[float, float]:
    """Return calls a second through `LedgerWriter.write`, and bytes a call in the file."""
    with scratch() as path:
        writer = LedgerWriter(path, pseudonym_key=KEY)
        writer.write([])

        def write() -> None:
            for start in range(0, len(made), CALLS_PER_TRANSACTION):
                writer.write(made[start : start + CALLS_PER_TRANSACTION])

        seconds = timed(write)
        writer.shutdown()
        return len(made) / seconds, path.stat().st_size / len(made)


def writes(count: int, rounds: int) -> None:
    """Print the write rates beside the limit of the same round."""
    made = make_calls(count)
    rows = [flat(priced) for priced in made]
    maker = RowMaker(bounded_cleaner(str), Pseudonyms(KEY))
    entries = [Entry("insert", maker.row(priced)) for priced in made]
    # Otherwise the garbage collector traverses all of this repeatedly, in both variants.
    gc.collect()
    gc.freeze()
    found: dict[str, list[float]] = {"limit": [], "store": [], "limit, calls": [], "write": []}
    size = 0.0
    for _ in range(rounds):
        found["limit"].append(limit_rate(rows))
        found["store"].append(store_rate(entries))
        began = time.perf_counter()
        again = [flat(priced) for priced in made]
        flattening = time.perf_counter() - began
        found["limit, calls"].append(count / (flattening + count / limit_rate(again)))
        rate, size = write_rate(made)
        found["write"].append(rate)
    print(f"writes: {count} calls, median of {rounds} rounds, ratio within the round")
    for name, base, what in (
        ("limit", "limit", "raw SQLite limit, rows ready made"),
        ("store", "limit", "ours, rows ready made: key, names, exact sums, histogram"),
        ("limit, calls", "limit, calls", "raw SQLite limit, flattening PricedCall included"),
        ("write", "limit, calls", "ours, LedgerWriter.write(PricedCall), nothing left out"),
    ):
        ratio = statistics.median(a / b for a, b in zip(found[name], found[base], strict=True))
        print(f"  {statistics.median(found[name]):9.0f} /s  x{ratio:.2f}  {what}")
    print(f"  {size:9.1f} bytes a call, sums and names included")


def _hammer(path: Path, number: int, seconds: float, ready: Any, counts: Any) -> None:
    made = make_calls(4096, seed=number)
    writer = LedgerWriter(path, pseudonym_key=KEY, busy_timeout_ms=10_000)
    writer.write([])
    ready.wait()
    until = time.perf_counter() + seconds
    written = rounds = 0
    while time.perf_counter() < until:
        start = rounds * 64 % len(made)
        batch = made[start : start + 64]
        if start == 0 and rounds:
            made = make_calls(4096, seed=number + 1000 * rounds)
            batch = made[:64]
        written += writer.write(batch).written
        rounds += 1
    result = writer.shutdown()
    counts.put((written + result.written, writer.counters.faults))


def processes(seconds: float) -> None:
    """Print the write rate of eight processes into one ledger beside one process."""
    context = multiprocessing.get_context("spawn")
    rates: dict[int, float] = {}
    for how_many in (1, 8):
        with scratch() as path:
            LedgerWriter(path).write([])
            ready, counts = context.Barrier(how_many), context.Queue()
            started = [
                context.Process(target=_hammer, args=(path, n, seconds, ready, counts))
                for n in range(how_many)
            ]
            for process in started:
                process.start()
            results = [counts.get(timeout=120) for _ in started]
            for process in started:
                process.join()
            with open_ledger(path) as ledger:
                report = check_integrity(ledger)
        shares = [written for written, _ in results]
        rates[how_many] = sum(shares) / seconds
        print(
            f"  {how_many} processes: {rates[how_many]:7.0f} /s, slowest/fastest"
            f" {min(shares) / max(shares):.2f}, lock faults {sum(f for _, f in results)},"
            f" lost {sum(shares) - report.calls}, sums {'exact' if report.ok else 'WRONG'}"
        )
    print(f"  eight against one: x{rates[8] / rates[1]:.2f}")


def fill(path: Path, count: int) -> None:
    """Make a ledger of *count* calls: as many as can be made in a minute, then copies of them.

    A copy starts some nanoseconds later; the triggers add it to the sums like any other call.
    """
    writer = LedgerWriter(path, pseudonym_key=KEY)
    made = min(count, 200_000)
    # Of one piece, so that each of the users has calls on each day.
    priced = make_calls(made, days=30, daily_users=5000)
    for start in range(0, made, 50_000):
        writer.write(priced[start : start + 50_000])
    writer.shutdown()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(calls)")]
        kept = ", ".join(names[2:])
        step = made
        for shift in range(1, -(-count // step)):
            connection.execute(
                f"INSERT INTO calls ({', '.join(names)})"
                f" SELECT start_ns + ?, span_id, {kept} FROM calls"
                " WHERE start_ns % 1000 = 0 LIMIT ?",
                (shift, min(step, count - shift * step)),
            )
        # In one step, which takes a third of the time of the steps beside a running app.
        connection.execute("BEGIN")
        add_up_to(connection, int(connection.execute(_AFTER_LAST).fetchone()[0]))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


_AFTER_LAST = "SELECT (max(start_ns) / 86400000000000 + 1) * 86400000000000 FROM calls"


def reports(count: int) -> None:
    """Print the duration of queries on a ledger of *count* calls, and of a retention step."""
    with scratch() as path:
        fill(path, count)
        since = datetime(2025, 10, 1, tzinfo=UTC)
        questions: dict[str, Callable[[Any], object]] = {
            "30 whole days by model, sums": lambda ledger: costs(
                ledger, since, since + timedelta(days=30), percentiles=False
            ),
            "30 whole days by model, with percentiles": lambda ledger: costs(
                ledger, since, since + timedelta(days=30)
            ),
            "30 days by day and model": lambda ledger: costs(ledger, since, by=("day", "model")),
            "24 hours across midnight by model": lambda ledger: costs(
                ledger, since + timedelta(days=9, hours=7), since + timedelta(days=10, hours=7)
            ),
            **{
                f"{label} by {name}{', the 100 dearest' if top else ''}": partial(
                    costs, since=begin, until=until, by=(name,), most_groups=top
                )
                for label, begin, until in (
                    ("a whole day", since + timedelta(days=9), since + timedelta(days=10)),
                    ("30 whole days", since, since + timedelta(days=30)),
                )
                for name in ("user", "session")
                for top in (100, None)
            },
            "24 hours by hour, of users": lambda ledger: breakdown(
                ledger,
                Window.between(
                    since + timedelta(days=9, hours=7), since + timedelta(days=10, hours=7)
                ),
                3_600 * 10**9,
                "user",
                Filters(),
            ),
            "last 100 calls": lambda ledger: calls(ledger, limit=100),
        }
        print(f"questions: {count} calls, median of 5")
        for name, ask in questions.items():
            with open_ledger(path) as ledger:
                taken = [timed(lambda ask=ask: ask(ledger)) for _ in range(5)]  # type: ignore[misc]
            print(f"  {statistics.median(taken) * 1000:9.1f} ms  {name}")
        now = since + timedelta(days=40)
        began = time.perf_counter()
        result = retain(path, days=30, now_ns=int(now.timestamp()) * 10**9)
        print(
            f"  {(time.perf_counter() - began) * 1000:9.1f} ms  retention of"
            f" {result.deleted_calls} calls, longest lock {result.longest_lock_ms:.1f} ms"
        )


def main() -> None:
    """Run every part and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--report-calls", type=int, default=100_000)
    options = parser.parse_args()
    writes(options.calls, options.rounds)
    print(f"processes: batches of 64, {options.seconds:g} s each")
    processes(options.seconds)
    reports(options.report_calls)


if __name__ == "__main__":
    main()
