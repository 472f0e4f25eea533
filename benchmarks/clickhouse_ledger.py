"""Answers of a ledger in ClickHouse over many calls, generated in its engine (chdb).

    python benchmarks/clickhouse_ledger.py [--calls 10000000] [--folder DIR] [--rounds 5]

Two million calls of the last thirty days are made by SQL and go through the views that fill the
ledger; one in a hundred arrives twice, and one in five hundred again at another price. The others
are copies that start nanoseconds later. Then the sums are computed, totals are compared with the
generated calls, and the queries of the page run over HTTP. With *--folder* the calls of an earlier
run are queried again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from otel_cost_ledger.clickhouse.connection import ClickHouseConnection
from otel_cost_ledger.clickhouse.schema import init
from otel_cost_ledger.clickhouse.summing import sum_hours
from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.location import ClickHouseUrl
from otel_cost_ledger.model.schema import NS_PER_DAY, NS_PER_HOUR
from otel_cost_ledger.query.breakdown import breakdown
from otel_cost_ledger.query.calls import calls
from otel_cost_ledger.query.costs import costs
from otel_cost_ledger.query.durations import durations
from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.query.most_expensive import most_expensive_calls
from otel_cost_ledger.query.timeline import extent, timeline
from support.clickhouse_server import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_cost_ledger.query.ledger import Ledger

DAYS = 30
_MADE = 2_000_000
_AT_ONCE = 100_000
_PRICE = "1000 + intHash32(number + 4) % 20000000"


def generated(first_ns: int, step_ns: int, start: int, count: int, where: str, price: str) -> str:
    """Return the INSERT of calls number *start* and on, *step_ns* apart."""
    return f"""
        INSERT INTO ledger_spans
        SELECT
            {first_ns} + number * {step_ns} AS start_ns,
            reinterpretAsInt64(sipHash64(number)) AS span_id,
            reinterpretAsFixedString(sipHash128(intDiv(number, 3))) AS trace_id,
            NULL AS parent_span_id,
            concat('service-', toString(number % 8)) AS service, 'openai' AS provider,
            arrayElement(['gpt-4o', 'gpt-4o-mini', 'o3', 'claude', 'gemini', 'house'],
                1 + (number % 8 + intHash32(number) % 2) % 6) AS model,
            'chat' AS operation,
            concat('tenant-', toString(intHash32(number + 1) % 5)) AS tenant,
            'opentelemetry.instrumentation.genai.openai' AS scope, model AS request_model,
            if(number % 16 < 8, 'planner', '') AS agent,
            '' AS feature_flag, '' AS service_tier, toInt8(number % 2) AS streamed,
            if(number % 50 = 0, 'unpriced', 'priced') AS status, toUInt8(1) AS billed,
            toUInt8(number % 40 = 7) AS failed, '' AS reason,
            'only span of this call' AS billing_reason, 'list' AS price_source,
            if(number % 40 = 7, 'timeout', '') AS error_type, toUInt16(0) AS http_status_code,
            concat('user-', toString(intHash32(intDiv(number, 7)) % 20000)) AS user,
            concat('session-', toString(intDiv(number, 25))) AS session,
            toInt64(200000 + intHash32(number + 2) % 3000000) AS latency_us,
            if(number % 3 = 0, NULL, toInt64(50000 + intHash32(number + 3) % 900000)) AS ttft_us,
            toInt64(100 + number % 2000) AS input_tokens,
            toInt64(20 + number % 500) AS output_tokens,
            NULL AS cache_read_tokens, NULL AS cache_write_tokens, NULL AS reasoning_tokens,
            if(number % 50 = 0, NULL, toInt64({price})) AS cost_nano_usd,
            if(number % 50 = 0, toInt64(9000000), NULL) AS exposure_nano_usd,
            NULL AS max_output_tokens,
            concat('chatcmpl-', toString(number)) AS response_id, NULL AS extra
        FROM numbers({start}, {count}) WHERE {where}
    """


def fill(url: ClickHouseUrl, count: int) -> tuple[int, int]:
    """Make the calls; return their number and cost, in nano-US-dollars."""
    connection = ClickHouseConnection(url, writes=True)
    until_ns = time.time_ns() // NS_PER_HOUR * NS_PER_HOUR - NS_PER_HOUR
    made = min(count, _MADE)
    step_ns = (DAYS - 1) * NS_PER_DAY // made
    first_ns = until_ns - made * step_ns
    began = time.monotonic()
    for start in range(0, made, _AT_ONCE):
        for where, price in (
            ("1", _PRICE),
            ("number % 100 = 3", _PRICE),
            ("number % 500 = 11", f"{_PRICE} + 1"),
        ):
            some = min(_AT_ONCE, made - start)
            connection.command(generated(first_ns, step_ns, start, some, where, price))
    seconds = time.monotonic() - began
    print(f"{made:,} calls and their repeats, through the views: {made / seconds:,.0f} /s")
    copies = count // made
    began = time.monotonic()
    for day in range(DAYS if copies > 1 else 0):
        since_ns = first_ns + day * NS_PER_DAY
        connection.command(
            "INSERT INTO ledger_calls SELECT * REPLACE (start_ns + copy AS start_ns,"
            " reinterpretAsInt64(sipHash64(span_id, copy)) AS span_id,"
            " sipHash64(response_key, copy) AS response_key)"
            f" FROM ledger_calls ARRAY JOIN range(1, {copies}) AS copy"
            f" WHERE start_ns >= {since_ns} AND start_ns < {since_ns + NS_PER_DAY}"
        )
    seconds = time.monotonic() - began
    if copies > 1:
        print(f"{made * (copies - 1):,} copies: {made * (copies - 1) / seconds:,.0f} /s")
    ((cost,),) = connection.read(
        f"SELECT sum(if(number % 50 = 0, 0, {_PRICE} + (number % 500 = 11))) FROM numbers({made})"
    )
    return made * copies, int(cost) * copies


def questions(now: datetime) -> Iterator[tuple[str, Callable[[Ledger], Any]]]:
    """Yield the seven queries of a page, for thirty days, and some more in brackets."""
    until_ns = int(now.timestamp()) * 10**9
    today_ns = until_ns // NS_PER_DAY * NS_PER_DAY
    month = Window(today_ns - 29 * NS_PER_DAY, today_ns + NS_PER_DAY)
    day = Window(until_ns - NS_PER_DAY, until_ns)
    since = datetime.fromtimestamp(month.since_ns // 10**9, UTC)
    every = Filters()
    yield "extent and mark", extent
    yield "cost by day, names and outcome", lambda at: timeline(at, month, NS_PER_DAY, every)
    yield "cost by model, with percentiles", lambda at: costs(at, since, by=("model",))
    yield "cost by day and agent", lambda at: breakdown(at, month, NS_PER_DAY, "agent", every)
    yield "latency by day", lambda at: durations(at, month, NS_PER_DAY, "latency_us", every)
    yield "first token by day", lambda at: durations(at, month, NS_PER_DAY, "ttft_us", every)
    yield "the dearest 15 calls", lambda at: most_expensive_calls(at, month, every)
    yield "(cost by day and user)", lambda at: breakdown(at, month, NS_PER_DAY, "user", every)
    yield "(the latest 100 calls)", lambda at: calls(at, limit=100)
    yield (
        "(24 hours by model, percentiles)",
        lambda at: costs(at, now - timedelta(hours=24), by=("model",)),
    )
    yield "(24 hours by hour)", lambda at: timeline(at, day, NS_PER_HOUR, every)


def ask(url: ClickHouseUrl, rounds: int) -> None:
    """Print the duration of each query."""
    for name, question in questions(datetime.now(UTC)):
        seconds = []
        for _ in range(rounds):
            began = time.monotonic()
            with open_ledger(url) as ledger:
                question(ledger)
            seconds.append(time.monotonic() - began)
        print(
            f"  {name:34} median {1000 * statistics.median(seconds):7.0f} ms,"
            f" fastest {1000 * min(seconds):7.0f} ms, slowest {1000 * max(seconds):7.0f} ms",
            flush=True,
        )


def make(url: ClickHouseUrl, count: int) -> None:
    """Make the ledger, its calls and sums; compare the totals."""
    init(url, rows_days=40)
    count, cost = fill(url, count)
    began = time.monotonic()
    hours = sum_hours(url, quiet_seconds=0)
    print(f"{hours} hours summed in {time.monotonic() - began:.0f} s")
    with open_ledger(url) as ledger:
        total = costs(ledger, percentiles=False).total
    if (total.calls, total.cost_nano_usd) != (count, cost):
        raise AssertionError(f"{total.calls, total.cost_nano_usd} is not {count, cost}")
    print(f"{count:,} calls, totals exact to the nano-dollar")


def _most_memory_mb(pid: int) -> float:
    """Return the peak memory of a process, from Linux."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    """Fill, sum, compare, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        is_new = not (folder / "data").exists()
        folder.mkdir(parents=True, exist_ok=True)
        with server(folder) as base:
            url = ClickHouseUrl.parse(f"{base}/otel")
            if is_new:
                make(url, chosen.calls)
            sizes = ClickHouseConnection(url).read(
                "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts"
                " WHERE active AND database = 'otel' GROUP BY 1 HAVING sum(rows) > 1000 ORDER BY 3"
            )
            for table, rows, size in sizes:
                print(f"  {table:26} {rows:>13,} rows {size / 1e6:>9,.1f} MB")
            ask(url, chosen.rounds)
            (engine,) = psutil.Process().children()
            print(f"  memory of the engine at most {_most_memory_mb(engine.pid):,.0f} MB")


if __name__ == "__main__":
    main()
