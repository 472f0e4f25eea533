"""Hourly histograms of durations, in ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from otel_cost_ledger.model.filters import BILLED
from otel_cost_ledger.model.schema import NS_PER_HOUR
from otel_cost_ledger.query.sources import Source, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.model.filters import Filters, Window
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
    """Yield (*by*..., bucket, calls) of the billed calls in *window* with this duration.

    *by* names `day`, `hour` and id columns. *from_sums* means that the hourly sums have them and
    the filters; then whole hours come from those, and the rest of the window from rows.
    """
    first, end = window.whole(NS_PER_HOUR)
    if from_sums and first < end:
        hours = Source(_TABLES[column], "hour", first, end, NS_PER_HOUR)
        yield from ledger.rows(*hours.grouped((*by, "bucket"), ("sum(calls)",), filters))
    for part in window.edges(NS_PER_HOUR) if from_sums else (window,):
        source = rows(part)
        named = [*source.columns(by), _BUCKETS[column]]
        sql, values = source.selected(", ".join([*named, "count(*)"]), filters)
        sql += f" AND {column} IS NOT NULL AND {BILLED} GROUP BY {', '.join(named)}"
        yield from ledger.rows(sql, values)
