"""The panel of budgets: remaining amount and burn-down of each."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_budget.cost_budget import Unit
from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_cost_ledger.query.sources import rows_up_to
from otel_cost_ledger.query.timeline import timeline
from otel_distro.reports.budgets.standing import budget_left, budget_lines, budget_name, outlook
from otel_distro.ui.burn_down import burn_down
from otel_distro.ui.panels import Block, Panel
from otel_distro.ui.query_cache import ROWS_AT_ONCE
from otel_distro.ui.view import HOUR_NS

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.timeline import Extent, Sums
    from otel_distro.reports.budgets.report import BudgetLine
    from otel_distro.settings import Settings
    from otel_distro.ui.query_cache import QueryCache

_SHOWN: Final = 4
_HOURS: Final = 49
_NONE: Final = (
    "No budget is set. For example OTEL_DISTRO_BUDGET_USD_PER_DAY=5, and "
    "OTEL_DISTRO_BUDGET_ACTION=refuse to enforce it."
)


@dataclass(frozen=True, slots=True)
class BudgetProgress:
    """The status of a budget and its history."""

    line: BudgetLine
    course: list[tuple[int, int]] | None
    """(time, spent until then) in order; None if the ledger does not have it."""


def budgets(settings: Settings, ledger: Ledger, query_cache: QueryCache, known: Extent) -> Panel:
    """Return the panel of cost budgets."""
    title = "Budgets"
    if not settings.cost_budgets:
        return Panel("budgets", title, "side", empty=_NONE)
    try:
        lines = budget_lines(settings, time.time_ns())
    except sqlite3.Error as error:
        why = f"The budget store cannot be read: {error}."
        return Panel("budgets", title, "side", empty=why)
    if not lines:
        return Panel("budgets", title, "side", empty="Nothing spent in these windows yet.")
    shown = [
        BudgetProgress(line, _course(line, ledger, query_cache, known)) for line in lines[:_SHOWN]
    ]
    more = len(lines) - _SHOWN
    return Panel(
        "budgets",
        title,
        "side",
        blocks=[_block(progress) for progress in shown],
        notes=[f"{more:,} more: otel-distro budgets"] if more > 0 else [],
    )


def _block(progress: BudgetProgress) -> Block:
    line = progress.line
    share = line.left / line.budget.limit if line.budget.limit else 0.0
    name, left, ahead = budget_name(line), budget_left(line), outlook(line)
    return Block(
        title=name,
        detail=left,
        figure=burn_down(f"Budget {name}: {left}; {ahead}.", line, progress.course),
        foot=ahead,
        tone="bad" if line.left == 0 else "warn" if share <= 0.2 else "",
    )


def _course(
    line: BudgetLine, ledger: Ledger, query_cache: QueryCache, known: Extent
) -> list[tuple[int, int]] | None:
    budget = line.budget
    if budget.scope == "api_key":
        return None  # the ledger does not record API keys
    scope: dict[str, Any] = {} if budget.scope == "total" else {budget.scope: line.scope}
    try:
        filters = Filters(**scope)
        filters.conditions("calls")
    except ValueError:
        return None
    short = line.until_ns - line.since_ns <= _HOURS * HOUR_NS
    step = HOUR_NS if short else NS_PER_DAY
    window = Window(line.since_ns, line.until_ns)
    result = query_cache.run(
        ledger,
        known.mark,
        ("budget", window, step, filters),
        lambda opened: timeline(opened, window, step, filters),
        rows=lambda: rows_up_to(ledger, window, ROWS_AT_ONCE + 1) if short else 0,
    )
    return None if result.value is None else _added_up(result.value, budget.unit, step, line)


def _added_up(sums: list[Sums], unit: Unit, step: int, line: BudgetLine) -> list[tuple[int, int]]:
    by_step: dict[int, int] = {}
    for one in sums:
        if unit is Unit.USD:
            value = one.cost_nano_usd
        else:
            value = one.calls if unit is Unit.CALLS else one.input_tokens + one.output_tokens
        by_step[one.at_ns] = by_step.get(one.at_ns, 0) + value
    spent, course = 0, [(line.since_ns, 0)]
    for at in sorted(by_step):
        spent += by_step[at]
        course.append((min(max(at + step, line.since_ns), line.now_ns), spent))
    course.append((line.now_ns, spent))
    return course
