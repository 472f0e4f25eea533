"""The panel of budgets: what each has left, and how it has burned down in its window."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from otel_budget.cost_budget import PERSONAL_SCOPES, CostBudget, Unit
from otel_budget.reading import reading_books
from otel_cost_ledger.filters import Filters, Window
from otel_cost_ledger.schema import NS_PER_DAY
from otel_cost_ledger.timeline import rows_in, timeline
from otel_distro import figures
from otel_distro.budget_ledger import spent_by_ledger
from otel_distro.budget_report import BudgetLine
from otel_distro.ui.burn_down import burn_down
from otel_distro.ui.panels import Block, Panel
from otel_distro.ui.view import HOUR_NS

if TYPE_CHECKING:
    from otel_cost_ledger.ledger import Ledger
    from otel_cost_ledger.timeline import Extent, Sums
    from otel_distro.settings import Settings
    from otel_distro.ui.answers import Answers

_SHOWN: Final = 4
_MOST_SCOPES: Final = 500
_HOURS: Final = 49
_NONE: Final = (
    "No budget is set. For example OTEL_DISTRO_BUDGET_USD_PER_DAY=5, and "
    "OTEL_DISTRO_BUDGET_ACTION=refuse to have it kept."
)


@dataclass(frozen=True, slots=True)
class Stand:
    """How a budget stands, and how it came there."""

    line: BudgetLine
    course: list[tuple[int, int]] | None
    """(moment, spent until then) in order; None where the ledger cannot tell."""


def budget_lines(settings: Settings, now_ns: int) -> list[BudgetLine]:
    """Return how each budget stands for each scope value it has met, the tightest first.

    Raises `sqlite3.Error` when the file of the books cannot be read. Nothing is written.
    """
    found = []
    with reading_books(settings.state_dir) as books:
        for budget in settings.cost_budgets:
            window = budget.calendar.window(now_ns)
            scopes = books.scopes(budget.name, window.since_ns)[:_MOST_SCOPES]
            for scope in scopes or _sure_scopes(budget):
                book = budget.book_of(scope, now_ns)
                state = books.state(book)
                spent = spent_by_ledger(settings, budget, book) if state is None else state.spent
                reserved = 0 if state is None else state.reserved
                found.append(
                    BudgetLine(
                        budget, scope, spent, reserved, window.since_ns, window.until_ns, now_ns
                    )
                )
    return sorted(found, key=lambda line: (line.left / (line.budget.limit or 1), line.budget.name))


def _sure_scopes(budget: CostBudget) -> list[str]:
    """Return the scope values a budget has before any call was made under it."""
    if budget.scope == "total":
        return [""]
    if budget.match is None or budget.scope in PERSONAL_SCOPES:
        return []
    return [budget.match]


def budgets(settings: Settings, ledger: Ledger, answers: Answers, known: Extent) -> Panel:
    """Return the panel of cost budgets."""
    title = "Budgets"
    if not settings.cost_budgets:
        return Panel("budgets", title, "side", empty=_NONE)
    try:
        lines = budget_lines(settings, time.time_ns())
    except sqlite3.Error as error:
        why = f"The file of budgets cannot be read: {error}."
        return Panel("budgets", title, "side", empty=why)
    if not lines:
        return Panel("budgets", title, "side", empty="Nothing was spent in their windows yet.")
    stands = [Stand(line, _course(line, ledger, answers, known)) for line in lines[:_SHOWN]]
    more = len(lines) - _SHOWN
    return Panel(
        "budgets",
        title,
        "side",
        blocks=[_block(stand) for stand in stands],
        notes=[f"{more:,} more: otel-distro budgets"] if more > 0 else [],
    )


def _block(stand: Stand) -> Block:
    line = stand.line
    budget = line.budget
    share = line.left / budget.limit if budget.limit else 0.0
    left = f"{amount(budget, line.left)} of {amount(budget, budget.limit)} left"
    return Block(
        title=_name(line),
        detail=left,
        figure=burn_down(f"Budget {_name(line)}: {left}. {_outlook(line)}", line, stand.course),
        foot=_outlook(line),
        tone="bad" if line.left == 0 else "warn" if share <= 0.2 else "",
    )


def _name(line: BudgetLine) -> str:
    scope = f" / {line.scope}" if line.scope else ""
    return figures.printable(f"{line.budget.name}{scope}")


def amount(budget: CostBudget, value: int) -> str:
    """Return *value* in the unit of *budget*."""
    return figures.usd_short(value) if budget.unit is Unit.USD else f"{value:,} {budget.unit}"


def _outlook(line: BudgetLine) -> str:
    ends = line.runs_out_ns
    if line.left == 0:
        return f"spent; begins anew {_when(line.until_ns)}"
    if ends is not None:
        return f"at this rate it runs out {_when(ends)}"
    if not line.spent:
        return f"nothing spent; begins anew {_when(line.until_ns)}"
    return f"lasts until it begins anew {_when(line.until_ns)}"


def _when(ns: int) -> str:
    at = datetime.fromtimestamp(ns / 1e9, UTC)
    return f"{at.day} {at:%b %H:%M} UTC"


def _course(
    line: BudgetLine, ledger: Ledger, answers: Answers, known: Extent
) -> list[tuple[int, int]] | None:
    budget = line.budget
    if budget.scope == "api_key":
        return None  # the ledger knows nothing of API keys
    scope: dict[str, Any] = {} if budget.scope == "total" else {budget.scope: line.scope}
    try:
        filters = Filters(**scope)
        filters.conditions("calls")
    except ValueError:
        return None
    short = line.until_ns - line.since_ns <= _HOURS * HOUR_NS
    step = HOUR_NS if short else NS_PER_DAY
    window = Window(line.since_ns, line.until_ns)
    answer = answers.ask(
        ledger,
        known.mark,
        ("budget", window, step, filters),
        lambda opened: timeline(opened, window, step, filters),
        rows=lambda: rows_in(ledger, window) if short or not known.calls else 0,
    )
    return None if answer.value is None else _added_up(answer.value, budget.unit, step, line)


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
