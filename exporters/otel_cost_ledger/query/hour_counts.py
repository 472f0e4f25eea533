"""Durations by bucket, where the database keeps them by the hour: ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from otel_cost_ledger.model.filters import BILLED, Window
from otel_cost_ledger.model.schema import NS_PER_DAY, NS_PER_HOUR
from otel_cost_ledger.query.sources import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.query.ledger import Ledger

Column = Literal["latency_us", "ttft_us"]
_TABLES: Final = {"latency_us": "latency_hours", "ttft_us": "first_token_hours"}
_BUCKETS: Final = {"latency_us": "bucket", "ttft_us": "ttft_bucket"}


def counted(
    ledger: Ledger,
    window: Window,
    column: Column,
    by: Sequence[str],
    filters: Filters,
    *,
    from_sums: bool,
) -> Iterator[tuple[Any, ...]]:
    """Yield (*by*..., bucket, calls) of the billed calls in *window* that have the duration.

    *by* names `day`, `hour` and id columns. *from_sums* says that the sums of hours know them and
    the filters; then whole hours come from those, and rows are read for the rest of the window.
    """
    windows = [window]
    if from_sums:
        first, end = -(-window.since_ns // NS_PER_HOUR), window.end_of_whole(NS_PER_HOUR)
        if first < end:
            yield from _of_hours(ledger, (first, end), column, by, filters)
            parts = ((window.since_ns, first * NS_PER_HOUR), (end * NS_PER_HOUR, window.until_ns))
            windows = [Window(since, until) for since, until in parts if since < until]
    for part in windows:
        source = rows(part)
        named = [*source.columns(by), _BUCKETS[column]]
        sql, values = source.selected(", ".join([*named, "count(*)"]), filters)
        sql += f" AND {column} IS NOT NULL AND {BILLED} GROUP BY {', '.join(named)}"
        yield from ledger.rows(sql, values)


def _of_hours(
    ledger: Ledger, hours: tuple[int, int], column: Column, by: Sequence[str], filters: Filters
) -> Iterator[tuple[Any, ...]]:
    named = [f"hour / {NS_PER_DAY // NS_PER_HOUR}" if name == "day" else name for name in by]
    conditions, values = filters.conditions("latency_histogram")
    where = " AND ".join(["hour >= ?", "hour < ?", *conditions])
    places = ", ".join(str(place + 1) for place in range(len(by) + 1))
    sql = (
        f"SELECT {', '.join([*named, 'bucket', 'sum(calls)'])} FROM {_TABLES[column]}"
        f" WHERE {where} GROUP BY {places}"
    )  # names are constants, values are bound
    yield from ledger.rows(sql, [*hours, *values])
