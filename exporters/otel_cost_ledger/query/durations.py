"""Distributions of latency and time to first token, in steps of any length, for charts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import BILLED, Filters, Window
from otel_cost_ledger.model.histogram import middle_us
from otel_cost_ledger.model.schema import NS_PER_DAY, NS_PER_HOUR
from otel_cost_ledger.query.grouping import IN_HISTOGRAM, key_maker
from otel_cost_ledger.query.hour_counts import Column, counted
from otel_cost_ledger.query.model_names import with_same_models
from otel_cost_ledger.query.sources import histogram, rows, rows_are_complete, rows_up_to

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger

EXACT_ROWS: Final = 20_000
"""Up to this many rows durations are exact, above that rounded to the millisecond."""


def histogram_answers(window: Window, step_ns: int, filters: Filters) -> bool:
    """Return whether the stored histogram has the latencies of *window* in such steps."""
    return step_ns == NS_PER_DAY and not window.edges() and filters.names() <= IN_HISTOGRAM


def durations(
    ledger: Ledger, window: Window, step_ns: int, column: Column, filters: Filters
) -> dict[int, Counter[int]]:
    """Return the count of each duration, in microseconds, in each step.

    Latencies come from the stored histogram if it has them (at most 2.2 % off), everything else
    from the rows: exact, or rounded to the millisecond for many rows. Empty if retention has
    removed required rows.
    """
    filters = with_same_models(ledger, filters)
    in_histogram = column == "latency_us" and histogram_answers(window, step_ns, filters)
    if column == "latency_us" and not _has_rows(ledger, window):
        return _from_histogram(ledger, window, step_ns, filters) if in_histogram else {}
    are_many = _are_many(ledger, window)
    if are_many and in_histogram:
        return _from_histogram(ledger, window, step_ns, filters)
    if are_many and ledger.counts_rows:
        return _counted(ledger, window, step_ns, column, filters)
    value = _to_the_millisecond(column) if are_many else column
    sql, values = rows(window).selected(f"start_ns / {step_ns}, {value}, count(*)", filters)
    sql += f" AND {column} IS NOT NULL AND {BILLED} GROUP BY 1, 2"
    counts: dict[int, Counter[int]] = {}
    for step, duration_us, calls in ledger.rows(sql, values):
        counts.setdefault(int(step) * step_ns, Counter())[int(duration_us)] += int(calls)
    return counts


def latencies_by_model(ledger: Ledger, window: Window, filters: Filters) -> dict[str, Counter[int]]:
    """Return the count of each latency, in microseconds, for each model, from the rows."""
    if not _has_rows(ledger, window):
        return {}
    filters = with_same_models(ledger, filters)
    (column,), key_of = key_maker(ledger, ("model",))
    many = _are_many(ledger, window)
    value = _to_the_millisecond("latency_us") if many else "latency_us"
    sql, values = rows(window).selected(f"{column}, {value}, count(*)", filters)
    counts: dict[str, Counter[int]] = {}
    for dim_id, duration_us, calls in ledger.rows(f"{sql} AND {BILLED} GROUP BY 1, 2", values):
        counts.setdefault(key_of([dim_id])[0], Counter())[int(duration_us)] += int(calls)
    return counts


def _counted(
    ledger: Ledger, window: Window, step_ns: int, column: Column, filters: Filters
) -> dict[int, Counter[int]]:
    """Return the count of each duration, as the middle of its bucket (at most 2.2 % off)."""
    in_hours = step_ns in (NS_PER_HOUR, NS_PER_DAY)
    if not in_hours:
        source = rows(window)
        bucket = "bucket" if column == "latency_us" else "ttft_bucket"
        sql, values = source.selected(f"{source.step(step_ns)}, {bucket}, count(*)", filters)
        sql += f" AND {column} IS NOT NULL AND {BILLED} GROUP BY 1, 2"
        read = ledger.rows(sql, values)
    else:
        by = ("day",) if step_ns == NS_PER_DAY else ("hour",)
        stored = filters.names() <= IN_HISTOGRAM
        read = counted(ledger, window, column, by, filters, from_sums=stored)
    counts: dict[int, Counter[int]] = {}
    for step, bucket_index, calls in read:
        middle = round(middle_us(bucket_index))
        counts.setdefault(int(step) * step_ns, Counter())[middle] += int(calls)
    return counts


def _to_the_millisecond(column: Column) -> str:
    return f"{column} / 1000 * 1000 + 500"


def _are_many(ledger: Ledger, window: Window) -> bool:
    return rows_up_to(ledger, window, EXACT_ROWS + 1) > EXACT_ROWS


def _has_rows(ledger: Ledger, window: Window) -> bool:
    return rows_are_complete(ledger, window, whole_days_needed=True)


def _from_histogram(
    ledger: Ledger, window: Window, step_ns: int, filters: Filters
) -> dict[int, Counter[int]]:
    sql, values = histogram(window).grouped(("day", "bucket"), ("sum(calls)",), filters)
    counts: dict[int, Counter[int]] = {}
    for day, bucket, calls in ledger.rows(sql, values):
        counts.setdefault(int(day) * step_ns, Counter())[round(middle_us(bucket))] += int(calls)
    return counts
