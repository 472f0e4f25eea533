"""What a call claims of each book it falls under."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.book import Book, Claim
from otel_budget.cost_budget import CostBudget, Unit
from otel_budget.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_budget.estimate import Tariff
    from otel_budget.lessons import Lesson
    from otel_wire.requests import ModelRequest


def claims(
    request: ModelRequest,
    learned: Sequence[Lesson | None],
    books: Mapping[Book, CostBudget],
    tariff: Tariff | None,
) -> list[Claim]:
    """Return what *request* claims of *books*, which belong to the budgets given with them.

    Without a tariff nothing is claimed of budgets in money.
    """
    estimate = Estimate.of(request, learned)
    found = []
    for book, budget in books.items():
        if budget.unit is Unit.CALLS:
            found.append(Claim(book, 1, 1, 1))
            continue
        if budget.unit is Unit.TOKENS:
            most, least = estimate.ceiling.total, estimate.least.total
        elif tariff is not None:
            most, least = tariff.nano_usd(estimate.ceiling), tariff.nano_usd(estimate.least)
        else:
            continue
        found.append(Claim(book, most * estimate.caution, min(least, most), most))
    return found
