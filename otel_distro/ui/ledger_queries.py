"""Ledger queries of one view, each run at most once."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from otel_cost_ledger.model.histogram import middle_us
from otel_cost_ledger.query.breakdown import Breakdown, breakdown, breakdown_of
from otel_cost_ledger.query.coverage import CoverageReport, coverage_of
from otel_cost_ledger.query.durations import durations, histogram_answers, latencies_by_model
from otel_cost_ledger.query.latency import measure_latencies
from otel_cost_ledger.query.most_expensive import most_expensive_calls
from otel_cost_ledger.query.sources import Source, are_complete, rows_read, rows_up_to
from otel_cost_ledger.query.timeline import (
    Extent,
    Sums,
    extent,
    known_names,
    stepped_sources,
    timeline,
)
from otel_cost_ledger.query.violations import ViolationSums, violation_sums, violations_up_to
from otel_distro.ui.query_cache import ROWS_AT_ONCE, QueryResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.filters import Window
    from otel_cost_ledger.query.calls import StoredCall
    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.ui.query_cache import QueryCache
    from otel_distro.ui.view import View

T = TypeVar("T")
MANY: Final = ROWS_AT_ONCE + 1
_IN_SUMS: Final = ("model", "provider", "service", "tenant", "operation")


class LedgerQueries:
    """Runs the queries of *view* on *ledger*, cached in *query_cache*."""

    def __init__(self, ledger: Ledger, view: View, query_cache: QueryCache, known: Extent) -> None:
        self._ledger = ledger
        self._query_cache = query_cache
        self.view = view
        self.extent = known
        # Relative windows move with the clock in steps, and so do their results.
        self._patience = query_cache.patience()
        self._scope = (view.window_name, view.window, view.step_ns, view.filters)

    @cached_property
    def rows(self) -> int:
        """Number of single calls in the window, counted up to a limit."""
        return rows_up_to(self._ledger, self.view.window, MANY)

    @cached_property
    def complete(self) -> bool:
        """False if retention removed calls of this window, so that the sums are too low."""
        return are_complete(self._ledger, self._plan(self.view.window))

    def _plan(self, window: Window, *names: str) -> list[Source]:
        used = {*self.view.filters.names(), *names}
        return stepped_sources(self._ledger, window, self.view.step_ns, used)

    def _rows_for_sums(self, window: Window, *names: str) -> int:
        return rows_read(self._ledger, self._plan(window, *names), MANY)

    def sums(self) -> QueryResult[list[Sums]]:
        """Return sums by step, names and outcome."""
        view = self.view
        return self._run(
            "sums",
            lambda ledger: timeline(ledger, view.window, view.step_ns, view.filters),
            rows=lambda: self._rows_for_sums(view.window),
        )

    def sums_before(self) -> QueryResult[list[Sums]] | None:
        """Return the sums of the previous window; None if there is none."""
        before = self.view.before()
        first = self.extent.first_day_ns
        if before is None or first is None or before.window.since_ns < first:
            return None
        return self._query_cache.run(
            self._ledger,
            self.extent.mark,
            ("before", before.window, before.step_ns, before.filters),
            lambda ledger: timeline(ledger, before.window, before.step_ns, before.filters),
            rows=lambda: self._rows_for_sums(before.window),
            patience=self._patience,
        )

    def breakdown(self) -> QueryResult[Breakdown]:
        """Return cost by step and by the view's breakdown."""
        view = self.view
        if view.by in _IN_SUMS:
            sums = self.sums()
            known = None if sums.value is None else breakdown_of(sums.value, view.by)
            return QueryResult(known, current=sums.current)
        return self._run(
            f"breakdown {view.by}",
            lambda ledger: breakdown(ledger, view.window, view.step_ns, view.by, view.filters),
            rows=lambda: self._rows_for_sums(view.window, view.by),
        )

    def latencies(self) -> QueryResult[dict[int, Counter[int]]]:
        """Return the latency distribution by step."""
        return self._durations("latency_us")

    def first_tokens(self) -> QueryResult[dict[int, Counter[int]]]:
        """Return the distribution of the time to first token by step."""
        return self._durations("ttft_us")

    def _durations(self, column: Any) -> QueryResult[dict[int, Counter[int]]]:
        view = self.view
        stored = column == "latency_us" and histogram_answers(
            view.window, view.step_ns, view.filters
        )
        return self._run(
            column,
            lambda ledger: durations(ledger, view.window, view.step_ns, column, view.filters),
            rows=lambda: 0 if stored else self.rows,
        )

    def latencies_by_model(self, calls: int) -> QueryResult[dict[str, Counter[int]]]:
        """Return the latency distribution by model; the window has *calls* calls."""
        view = self.view
        if histogram_answers(view.window, view.step_ns, view.filters):
            return self._run("by model", lambda ledger: _by_model(ledger, view, calls), rows=int)
        return self._run(
            "by model",
            lambda ledger: latencies_by_model(ledger, view.window, view.filters),
            rows=lambda: self.rows,
        )

    def most_expensive(self) -> QueryResult[tuple[StoredCall, ...]]:
        """Return the most expensive calls, in descending order."""
        return self._run(
            "dearest",
            lambda ledger: most_expensive_calls(ledger, self.view.window, self.view.filters),
            rows=lambda: self.rows,
        )

    def violations(self) -> QueryResult[tuple[ViolationSums, ...]]:
        """Return the latency budgets that were exceeded, by operation; filters do not apply."""
        window = self.view.window
        return self._query_cache.run(
            self._ledger,
            self.extent.mark,
            ("violations", window),
            lambda ledger: violation_sums(ledger, window),
            rows=lambda: violations_up_to(self._ledger, window, MANY),
            patience=self._patience,
        )

    def coverage(self) -> QueryResult[CoverageReport]:
        """Return the sources of each provider's calls: wire, span or both."""
        view = self.view
        return self._run(
            "coverage",
            lambda ledger: coverage_of(ledger, view.window, view.filters),
            rows=lambda: self.rows,
        )

    def choices(self) -> dict[str, list[str]]:
        """Return the available values by filter."""
        result = self._query_cache.run(self._ledger, self.extent.mark, "choices", _choices)
        return result.value or {}

    def _run(
        self, what: str, query: Callable[[Ledger], T], *, rows: Callable[[], int]
    ) -> QueryResult[T]:
        return self._query_cache.run(
            self._ledger,
            self.extent.mark,
            (what, *self._scope),
            query,
            rows=rows,
            patience=self._patience,
        )


def _by_model(ledger: Ledger, view: View, calls: int) -> dict[str, Counter[int]]:
    latencies = measure_latencies(ledger, view.window, ("model",), view.filters, calls=calls)
    if latencies.exact:
        return {model: counts for (model,), counts in latencies.counts.items()}
    return {
        model: Counter({round(middle_us(bucket)): n for bucket, n in counts.items()})
        for (model,), counts in latencies.counts.items()
    }


def _choices(ledger: Ledger) -> dict[str, list[str]]:
    tables = {
        "model": "dims",
        "service": "dims",
        "tenant": "dims",
        "provider": "dims",
        "operation": "dims",
        "agent": "origins",
        "feature_flag": "origins",
        "status": "outcomes",
        "error_type": "outcomes",
    }
    return {name: known_names(ledger, table, name) for name, table in tables.items()}


def everything(ledger: Ledger, view: View, query_cache: QueryCache) -> LedgerQueries:
    """Return the queries of *view* on the current ledger."""
    return LedgerQueries(ledger, view, query_cache, extent(ledger))
