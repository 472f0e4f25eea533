"""Books what calls cost that no gate has settled: through other clients, or under soft budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from otel_budget.cost_budget import Action, CostBudget, Unit
from otel_distro.pipeline.budgets.scopes import without_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.book import Book
    from otel_budget.books import Books
    from otel_budget.cost_budget import Hide
    from otel_distro.pipeline.budgets.calls import GatedCalls
    from otel_pricing import PricedCall

_REMEMBERED = 10_000
Trusted = Callable[[Mapping[str, "str | None"], int, int], Mapping[str, "str | None"]]
"""Takes the scope values of the call of a span, named by trace id and span id, and returns those
that the app itself set."""


class Booking:
    """Knows what was booked of which call, so that a revision is booked as a difference."""

    def __init__(
        self,
        budgets: Sequence[CostBudget],
        books: Books,
        gated: GatedCalls,
        hide: Hide,
        crossed: Callable[..., None],
        *,
        together: bool = False,
        trusted: Trusted = lambda values, _trace_id, _span_id: values,
    ) -> None:
        self._trusted = trusted
        self._together = together
        self._budgets = budgets
        self._hard = {budget.name for budget in budgets if budget.action is Action.REFUSE}
        self._books = books
        self._gated = gated
        self._hide = hide
        self._crossed = crossed
        self._booked: dict[tuple[int, int], list[tuple[Book, int]]] = {}
        self._due: dict[Book, int] = {}

    def take(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Book calls that are new, and correct what turned out otherwise.

        Raises BudgetFileError while the books cannot be written; nothing is lost, it is booked
        with the calls that come next.
        """
        for priced in (*new, *revised):
            key = priced.call.trace_id, priced.call.span_id
            entries = self._entries(priced, key)
            for book, cost in entries:
                self._due[book] = self._due.get(book, 0) + cost
            for book, cost in self._booked.pop(key, []):
                self._due[book] = self._due.get(book, 0) - cost
            if entries:
                while len(self._booked) >= _REMEMBERED:
                    del self._booked[next(iter(self._booked))]
                self._booked[key] = entries
        self.write()

    def write(self) -> None:
        """Write down what is due; raises BudgetFileError where that cannot be done."""
        change = [(book, cost) for book, cost in self._due.items() if cost]
        if change:
            crossings = self._books.charge(change)
            self._due = {}
            self._crossed(crossings)

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        self._booked = {}
        self._due = {}

    def _entries(self, priced: PricedCall, key: tuple[int, int]) -> list[tuple[Book, int]]:
        call, usage = priced.call, priced.call.usage
        if not priced.billed:
            return []
        # A call is looked up once; a revision is not another call.
        gated = bool(self._hard) and key not in self._booked and self._gated.take(call)
        values: Mapping[str, str | None] = {
            "service": call.service,
            "tenant": call.tenant,
            "user": call.user,
            "session": call.session,
            "agent": call.agent,
            "model": call.request_model or call.model,
            "provider": call.provider,
        }
        values = self._trusted(values, *key)
        if self._together:
            values = without_scope(values, "together", ())
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0
        amounts = {Unit.USD: priced.cost_nano_usd or 0, Unit.TOKENS: tokens, Unit.CALLS: 1}
        return [
            (book, amounts[budget.unit])
            for budget in self._budgets
            if not (gated and budget.name in self._hard)
            and (book := budget.book(values, call.start_ns, self._hide)) is not None
        ]
