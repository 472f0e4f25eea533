"""Hourly sums, computed from the rows once no more of them arrive.

Queries are exact without these sums: hours without current ones are summed from their rows. Runs
may overlap; for each hour the sums of the latest run count, and only if no row has arrived since it
counted the rows. Partial results of a killed run are never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_cost_ledger.clickhouse.connection import (
    NOW,
    ClickHouseConnection,
    arrived_and_summed,
    read_meta,
    rows_since,
)
from otel_cost_ledger.clickhouse.hourly import HOURLY
from otel_cost_ledger.clickhouse.tables import Tables, in_hours, ranges_of
from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.model.schema import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.model.location import ClickHouseUrl

QUIET_SECONDS: Final = 60
"""Minimum time without new rows for an hour and its neighbours before it is summed."""
_ROWS_AT_ONCE: Final = 5_000_000
_HOURS_AT_ONCE: Final = 48
_SUPERSEDED_NS: Final = NS_PER_HOUR
"""Delay before replaced sums are removed: a query may still read them."""


def sum_hours(url: ClickHouseUrl, *, quiet_seconds: float = QUIET_SECONDS) -> int:
    """Compute the sums of hours without current ones; return the number of hours.

    Raises `LedgerError` without a ledger or if the server refuses.
    """
    connection = ClickHouseConnection(url, writes=True)
    meta = read_meta(connection)
    if meta is None:
        raise LedgerNotFoundError(
            f"there is no cost ledger in {url} yet; run: otel-distro stack clickhouse init URL"
        )
    now_ns, since_ns = int(meta[NOW]), rows_since(meta)
    hours = connection.read(
        f"SELECT hour, rows, summed FROM ({arrived_and_summed()})"
        f" WHERE stale AND hour >= {since_ns // NS_PER_HOUR}"
        f" AND arrived <= {now_ns - int(quiet_seconds * 1e9)} ORDER BY hour"
    )
    tables = Tables(now_ns, since_ns)
    for batch in _batches([(hour, rows) for hour, rows, _ in hours]):
        _sum(connection, tables, batch)
    if any(again for _, _, again in hours):
        _remove_superseded(connection, now_ns)
    return len(hours)


def waiting_hours(connection: ClickHouseConnection, since_ns: int, now_ns: int) -> int:
    """Return the number of hours without current sums although no rows have arrived for long."""
    (found,) = connection.read(
        f"SELECT count() FROM ({arrived_and_summed()})"
        f" WHERE stale AND hour >= {since_ns // NS_PER_HOUR}"
        f" AND arrived <= {now_ns - 10 * QUIET_SECONDS * 10**9}"
    )
    return int(found[0])


def _batches(hours: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield (hour, rows) in groups of a bounded number of hours and rows."""
    batch: list[tuple[int, int]] = []
    total = 0
    for hour, rows in hours:
        if batch and (len(batch) >= _HOURS_AT_ONCE or total + rows > _ROWS_AT_ONCE):
            yield batch
            batch, total = [], 0
        batch.append((hour, rows))
        total += rows
    if batch:
        yield batch


def _sum(connection: ClickHouseConnection, tables: Tables, batch: list[tuple[int, int]]) -> None:
    ((made,),) = connection.read("SELECT toUnixTimestamp64Nano(now64(9))")
    hours = ranges_of((hour for hour, _ in batch), _HOURS_AT_ONCE)
    repeats = tables.found_repeats(hours)
    connection.command(
        "INSERT INTO ledger_repeats (hour, start_ns, span_id, made)"
        f" SELECT intDiv(start_ns, {NS_PER_HOUR}), start_ns, span_id, {made} FROM ({repeats})"
    )
    calls = f"({tables.calls(repeats)})"
    for table in HOURLY:
        columns = ", ".join(("hour", *table.columns, table.counted))
        connection.command(
            f"INSERT INTO {table.name} ({columns}, made) SELECT {columns}, {made}"
            f" FROM ({table.from_rows(calls, in_hours('c.start_ns', hours))})"
        )
    # Written last, with the row count from before the run: sums without it are not read.
    values = ", ".join(f"({hour}, {made}, {rows})" for hour, rows in batch)
    connection.command(f"INSERT INTO ledger_summed (hour, made, rows) VALUES {values}")


def _remove_superseded(connection: ClickHouseConnection, now_ns: int) -> None:
    latest = "SELECT hour, max(made) FROM ledger_summed GROUP BY hour"
    for table in ("ledger_repeats", *(hourly.name for hourly in HOURLY), "ledger_summed"):
        connection.command(
            f"DELETE FROM {table} WHERE made < {now_ns - _SUPERSEDED_NS}"
            f" AND (hour, made) NOT IN ({latest})"
        )
