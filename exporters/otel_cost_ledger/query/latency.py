"""Latency percentiles by any grouping, exact if that is cheap."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import BILLED
from otel_cost_ledger.model.histogram import bucket_of, middle_us, percentile
from otel_cost_ledger.query import sources
from otel_cost_ledger.query.grouping import IN_HISTOGRAM, key_maker
from otel_cost_ledger.query.hour_counts import counted
from otel_cost_ledger.query.model_names import with_same_models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_cost_ledger.model.filters import Filters, Window
    from otel_cost_ledger.query.grouping import Key
    from otel_cost_ledger.query.ledger import Ledger

EXACT_CALLS: Final = 10_000
"""Up to this many calls percentiles are computed from the rows, in about 10 ms."""


MOST_ROWS: Final = 20_000
"""Up to this many calls a cost report reads rows for percentiles of groups without a stored
histogram, in some 50 ms; statistics read all of them.
"""


MOST_SCANNED: Final = 200_000
"""Maximum rows that a cost report scans for those calls, in some 30 ms."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Count of each latency, or latency bucket, in each group."""

    counts: dict[Key, Counter[int]]
    exact: bool

    def percentile_ms(self, key: Key | None, percent: int) -> float | None:
        """Return a percentile of one group, or with None of all; None without latencies."""
        found = percentile(self._counts_of(key), percent)
        if found is None:
            return None
        return round((found if self.exact else middle_us(found)) / 1000, 3)

    def _counts_of(self, key: Key | None) -> Counter[int]:
        if key is not None:
            return self.counts.get(key, Counter())
        total: Counter[int] = Counter()
        for occurring in self.counts.values():
            total.update(occurring)
        return total


def are_measurable(
    ledger: Ledger, window: Window, by: Sequence[str], filters: Filters, calls: int
) -> bool:
    """Return whether percentiles of *calls* calls in such groups are stored or cheap to compute."""
    if {*by, *filters.names()} <= IN_HISTOGRAM:
        return True
    if calls > MOST_ROWS:
        return False
    return sources.rows_up_to(ledger, window, MOST_SCANNED + 1) <= MOST_SCANNED


def are_soon_read(ledger: Ledger, window: Window, filters: Filters) -> bool:
    """Return whether percentiles over all calls of *window* need few rows."""
    if not filters.names() <= IN_HISTOGRAM:
        return False
    most = MOST_ROWS + 1
    return sum(sources.rows_up_to(ledger, edge, most) for edge in window.edges()) < most


def measure_latencies(
    ledger: Ledger, window: Window, by: Sequence[str], filters: Filters, *, calls: int
) -> Latencies:
    """Return the latencies of the billed calls in *window*, about *calls* of them.

    Empty if retention has removed required rows: a percentile of the remaining ones would be wrong.
    """
    filters = with_same_models(ledger, filters)
    has_rows = sources.rows_are_complete(ledger, window, whole_days_needed=True)
    if calls <= EXACT_CALLS and has_rows:
        return Latencies(_from_rows(ledger, (window,), by, filters, int), exact=True)
    stored = {*by, *filters.names()} <= IN_HISTOGRAM
    if ledger.counts_rows and (has_rows or stored):
        return Latencies(_counted(ledger, window, by, filters, stored=stored), exact=False)
    if stored and sources.rows_are_complete(ledger, window, whole_days_needed=False):
        counts = _from_rows(ledger, window.edges(), by, filters, bucket_of)
        for key, counted in _from_histogram(ledger, window, by, filters).items():
            counts.setdefault(key, Counter()).update(counted)
        return Latencies(counts, exact=False)
    if has_rows:
        return Latencies(_from_rows(ledger, (window,), by, filters, bucket_of), exact=False)
    return Latencies({}, exact=False)


def _from_rows(
    ledger: Ledger,
    windows: Sequence[Window],
    by: Sequence[str],
    filters: Filters,
    value_of: Callable[[int], int],
) -> dict[Key, Counter[int]]:
    columns, key_of = key_maker(ledger, by)
    by_ids: dict[tuple[int | None, ...], Counter[int]] = {}
    for window in windows:
        source = sources.rows(window)
        named = source.columns(columns)
        sql, values = source.selected(", ".join([*named, "latency_us"]), filters)
        for *ids, latency_us in ledger.rows(f"{sql} AND {BILLED}", values):
            by_ids.setdefault(tuple(ids), Counter())[value_of(latency_us)] += 1
    counts: dict[Key, Counter[int]] = {}
    for group, occurring in by_ids.items():
        counts.setdefault(key_of(group), Counter()).update(occurring)
    return counts


def _counted(
    ledger: Ledger, window: Window, by: Sequence[str], filters: Filters, *, stored: bool
) -> dict[Key, Counter[int]]:
    """Return the count of each bucket, computed by the database."""
    columns, key_of = key_maker(ledger, by, of_series=stored)
    counts: dict[Key, Counter[int]] = {}
    for *ids, bucket, calls in counted(
        ledger, window, "latency_us", columns, filters, from_sums=stored
    ):
        counts.setdefault(key_of(ids), Counter())[bucket] += calls
    return counts


def _from_histogram(
    ledger: Ledger, window: Window, by: Sequence[str], filters: Filters
) -> dict[Key, Counter[int]]:
    columns, key_of = key_maker(ledger, by, of_series=True)
    sql, values = sources.histogram(window).grouped((*columns, "bucket"), ("sum(calls)",), filters)
    counts: dict[Key, Counter[int]] = {}
    for *ids, bucket, calls in ledger.rows(sql, values):
        key = key_of(ids)
        counted = counts.get(key)
        if counted is None:
            counted = counts[key] = Counter()
        counted[bucket] += calls
    return counts
