"""Latency budgets: the maximum duration of spans by name."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from otel_budget import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext


_MAX_MS = 86_400_000.0
_KEYS = ("operation", "ms", "priority")
_MAX_CACHED_NAMES = 4096


@dataclass(frozen=True, slots=True)
class LatencyBudget:
    """The maximum duration of spans that match a name pattern."""

    operation: str
    """Span name, `*` and `?` as in file names: `chat *`, `search_operation`."""
    ms: float
    """Milliseconds from span start to span end."""
    priority: int = 3
    """1 is the most urgent; where several patterns match, the most urgent decides."""

    @classmethod
    def from_mapping(cls, table: object) -> LatencyBudget:
        """Build one from a table with keys operation, ms and optionally priority.

        Raises ValueError naming the key and the allowed values.
        """
        if not isinstance(table, dict):
            raise ValueError(f"{table!r} is not a table with the keys {', '.join(_KEYS)}")  # noqa: TRY004
        unknown = sorted(set(table) - set(_KEYS))
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r}; the keys are {', '.join(_KEYS)}")
        operation = str(table.get("operation", "")).strip()
        if not operation:
            raise ValueError("a latency budget needs an operation: a span name or pattern")
        return cls(operation, _milliseconds(operation, table), _priority(operation, table))


def _milliseconds(operation: str, table: Mapping[str, object]) -> float:
    try:
        ms = float(str(table.get("ms", "")))
    except ValueError:
        ms = 0.0
    if not 0 < ms <= _MAX_MS:
        raise ValueError(
            f"{table.get('ms')!r} for {operation!r} is not a number of "
            "milliseconds; for example 2000"
        )
    return ms


def _priority(operation: str, table: Mapping[str, object]) -> int:
    priority = table.get("priority", 3)
    if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= 9:
        raise ValueError(
            f"priority {priority!r} for {operation!r} is not a whole number from 1 to 9"
        )
    return priority


DEFAULT_LATENCY_BUDGETS = (
    LatencyBudget("intent_classification", 1, priority=1),
    LatencyBudget("query_normalization", 10, priority=2),
    LatencyBudget("search_operation", 2000, priority=2),
    LatencyBudget("total_request", 3000, priority=1),
)
"""Budgets in force when none are set; spans with other names have none."""


@dataclass(frozen=True, slots=True)
class LatencyVerdict:
    """Duration of one span compared with its budget."""

    budget: LatencyBudget
    actual_ms: float

    @property
    def exceeded(self) -> bool:
        """Whether the span took longer than allowed."""
        return self.actual_ms > self.budget.ms

    @property
    def overage_ms(self) -> float:
        """Milliseconds beyond the budget; negative for the margin left."""
        return self.actual_ms - self.budget.ms

    @property
    def overage_percent(self) -> float:
        """Overage as a percentage of the budget, to one decimal."""
        return round(100 * self.overage_ms / self.budget.ms, 1)


class _Remembered(dict[str, LatencyBudget | None]):
    """Bounded cache of *find*."""

    def __init__(self, find: Callable[[str], LatencyBudget | None]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, span_name: str) -> LatencyBudget | None:
        if len(self) >= _MAX_CACHED_NAMES:
            self.clear()
        found = self[span_name] = self._find(span_name)
        return found


class LatencyBudgets:
    """Finds the budget of a span name; a look-up is one dictionary access once a name is known."""

    def __init__(self, budgets: Iterable[LatencyBudget] = DEFAULT_LATENCY_BUDGETS) -> None:
        # An exact name beats a pattern of the same priority.
        self._budgets = sorted(
            budgets, key=lambda b: (b.priority, any(c in b.operation for c in "*?["))
        )
        self.by_name = _Remembered(self._find)
        """Span name -> its budget or None; indexing it is the only cost on the app's thread."""

    def _find(self, span_name: str) -> LatencyBudget | None:
        return next((b for b in self._budgets if fnmatchcase(span_name, b.operation)), None)

    def for_name(self, span_name: str) -> LatencyBudget | None:
        """Return the budget that applies to spans called *span_name*, or None."""
        return self.by_name[span_name]

    def judge(self, span_name: str, start_ns: int, end_ns: int) -> LatencyVerdict | None:
        """Compare a span with its budget; None without one."""
        budget = self.for_name(span_name)
        if budget is None:
            return None
        return LatencyVerdict(budget, (end_ns - start_ns) / 1e6)


@dataclass(frozen=True, slots=True)
class LatencyRecord:
    """One ended span compared with its latency budget."""

    verdict: LatencyVerdict
    context: SpanContext
    start_ns: int
    end_ns: int
    """Nanoseconds since the Unix epoch."""

    @classmethod
    def of(cls, span: ReadableSpan, budgets: LatencyBudgets) -> LatencyRecord | None:
        """Compare *span* with its budget; None without a budget or timestamps."""
        context, start, end = span.get_span_context(), span.start_time, span.end_time
        if context is None or start is None or end is None:
            return None
        verdict = budgets.judge(span.name, start, end)
        return None if verdict is None else cls(verdict, context, start, end)

    def attributes(self) -> dict[str, str | bool | float]:
        """Return the attributes that mark a span that exceeded its budget; empty for others."""
        if not self.verdict.exceeded:
            return {}
        return {
            names.EXCEEDED: True,
            names.LIMIT_MS: self.verdict.budget.ms,
            names.OVERAGE_MS: round(self.verdict.overage_ms, 2),
            names.OVERAGE_PERCENT: self.verdict.overage_percent,
        }
