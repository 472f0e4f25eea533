"""Cost budgets wired up: the gate in HTTP clients, and every priced call booked.

Calls that pass the gate are held and settled there. Everything else the ledger hears of (calls
through clients without a gate, all calls of budgets that only warn) is booked when it is priced.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import wrapt

from otel_budget.books import Books
from otel_budget.cost_budget import Action, Unit
from otel_budget.gate import Gate, Listener, Refused
from otel_budget.refusal import Refusal
from otel_distro import notices
from otel_distro.budget_calls import GatedCalls
from otel_distro.budget_ledger import spent_by_ledger
from otel_distro.budget_telling import BudgetTeller
from otel_distro.installation_key import installation_key
from otel_pricing import Price, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.books import Book, Crossing
    from otel_budget.endpoints import ModelRequest
    from otel_distro.faults import Faults
    from otel_distro.settings import Settings
    from otel_pricing import PriceBook, PricedCall


class Budgets:
    """The cost budgets of this process; a `CallSink` of the accounts."""

    def __init__(
        self, settings: Settings, open_book: Callable[[], PriceBook], faults: Faults
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._teller: BudgetTeller | None = None
        self._booked: dict[tuple[int, int], list[tuple[Book, int]]] = {}
        self._key: bytes | None = None
        self.service = ""
        self.all = settings.cost_budgets
        self.books = Books(settings.state_dir, opening=self._already_spent)
        self.gated = GatedCalls()
        hard = tuple(budget for budget in self.all if budget.action is Action.REFUSE)
        self.gate = Gate(
            hard,
            self.books,
            open_book,
            unknown_model=self._unknown_model,
            scope_values=self._scope_values,
            hide=self._hide,
            refuse_on_fault=settings.budget_on_fault == "refuse",
            listener=Listener(
                crossed=self._crossed,
                refused=lambda refusal: self._tell().refused(refusal),
                failed=lambda error: faults.record("budget", error),
                passed=self.gated.add,
            ),
        )
        self._hard = {budget.name for budget in hard}

    def install(self) -> None:
        """Put the gate into HTTP clients, each when it is imported, if a budget refuses calls."""
        if not self._hard:
            return
        from otel_budget import httpx_gate

        for name in httpx_gate.MODULES:
            wrapt.register_post_import_hook(
                lambda module: httpx_gate.install(module, self.gate), name
            )

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Book what calls cost where the gate has not, and correct what turned out otherwise."""
        for priced in (*new, *revised):
            key = priced.call.trace_id, priced.call.span_id
            entries = self._entries(priced, key)
            before = self._booked.pop(key, [])
            change = _difference(entries, before)
            if change:
                self._crossed(self.books.charge(change))
            if entries:
                while len(self._booked) >= _REMEMBERED:
                    del self._booked[next(iter(self._booked))]
                self._booked[key] = entries

    def flush(self) -> None:
        """Nothing is held back."""

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        self.books.at_fork()
        self.gated.at_fork()
        self._booked.clear()

    def close(self) -> None:
        """Be known as ended."""
        self.books.close()

    def _entries(self, priced: PricedCall, key: tuple[int, int]) -> list[tuple[Book, int]]:
        call, usage = priced.call, priced.call.usage
        if not priced.billed:
            return []
        # A call is looked up once; a revision is not another call.
        gated = bool(self._hard) and key not in self._booked and self.gated.take(call)
        values = {
            "service": call.service,
            "tenant": call.tenant,
            "user": call.user,
            "session": call.session,
            "agent": call.agent,
            "model": call.request_model or call.model,
            "provider": call.provider,
        }
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0
        amounts = {Unit.USD: priced.cost_nano_usd or 0, Unit.TOKENS: tokens, Unit.CALLS: 1}
        return [
            (book, amounts[budget.unit])
            for budget in self.all
            if not (gated and budget.name in self._hard)
            and (book := budget.book(values, call.start_ns, self._hide)) is not None
        ]

    def _scope_values(
        self, request: ModelRequest, headers: Mapping[str, str]
    ) -> Mapping[str, str | None]:
        return {
            "service": self.service,
            "model": request.model,
            "provider": request.provider,
        }

    def _hide(self, scope: str, value: str) -> str:
        """Return the pseudonym under which the ledger, too, knows a user or a session."""
        from otel_cost_ledger.privacy import pseudonym

        if self._key is None:
            self._key = installation_key(self._settings.state_dir) or secrets.token_bytes(32)
        named = f"key {value}" if scope == "api_key" else value
        return pseudonym(self._key, "session" if scope == "session" else "user", named)

    def _unknown_model(self, model: str) -> Price | None:
        policy = self._settings.budget_unknown_model
        if policy == "deny":
            reason = (
                f"no price is known for the model {model!r}, and budgets are set to refuse such "
                "calls; declare one in the file of OTEL_DISTRO_PRICES"
            )
            raise Refused(Refusal(reason, model))
        if not isinstance(policy, str):
            return Price(input=Rate(policy), output=Rate(policy), source="assumed by the settings")
        notices.say_once(
            f"no price is known for the model {model!r}, so budgets in USD do not count its "
            "calls; declare one in the file of OTEL_DISTRO_PRICES"
        )
        return None

    def _already_spent(self, book: Book) -> int:
        """Return what the ledger knows of *book*: spent before there was a budget, or its file."""
        budget = next(budget for budget in self.all if budget.name == book.budget)
        try:
            return spent_by_ledger(self._settings, budget, book)
        except Exception as error:  # noqa: BLE001 - a ledger in trouble must not stop the budget
            self._faults.record("budget", error)
            return 0

    def _tell(self) -> BudgetTeller:
        # Made late, so that the providers the process ends up with are the ones used.
        if self._teller is None:
            self._teller = BudgetTeller({budget.name: budget for budget in self.all})
        return self._teller

    def _crossed(self, crossings: Sequence[Crossing]) -> None:
        for crossing in crossings:
            self._tell().crossed(crossing)


_REMEMBERED = 10_000


def _difference(
    entries: Sequence[tuple[Book, int]], before: Sequence[tuple[Book, int]]
) -> list[tuple[Book, int]]:
    change: dict[Book, int] = dict(entries)
    for book, cost in before:
        change[book] = change.get(book, 0) - cost
    return [(book, cost) for book, cost in change.items() if cost]
