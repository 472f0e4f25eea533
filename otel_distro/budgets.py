"""Cost budgets wired up: the gate in HTTP clients, and every priced call booked.

Calls that pass the gate are held and settled there. Everything else the ledger hears of (calls
through clients without a gate, all calls of budgets that only warn) is booked when it is priced.
"""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import wrapt

from otel_budget import httpx_gate, urllib3_gate
from otel_budget.books import Books
from otel_budget.cost_budget import Action, Unit
from otel_budget.gate import Gate, Listener
from otel_budget.refusal import Refusal, Refused
from otel_distro import notices
from otel_distro.budget import Remaining, note_refusal, tell_callbacks
from otel_distro.budget_calls import GatedCalls
from otel_distro.budget_ledger import spent_by_ledger
from otel_distro.budget_scopes import Scopes, ScopeSpanProcessor
from otel_distro.budget_telling import BudgetTeller
from otel_distro.errors import OtelDistroError
from otel_distro.installation_key import installation_key
from otel_pricing import Price, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.book import Book, Crossing
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
        self._scopes = Scopes(settings.budget_baggage)
        self.all = settings.cost_budgets
        self.books = open_books(settings, faults)
        self.gated = GatedCalls()
        hard = tuple(budget for budget in self.all if budget.action is Action.REFUSE)
        self.gate = Gate(
            hard,
            self.books,
            open_book,
            unknown_model=self._unknown_model,
            scope_values=self._scopes,
            hide=self.hide,
            refuse_on_fault=settings.budget_on_fault == "refuse",
            listener=Listener(
                crossed=self._crossed,
                refused=self._refused,
                failed=lambda error: faults.record("budget", error),
                passed=self.gated.add,
            ),
        )
        self._hard = {budget.name for budget in hard}

    def install(self, tracer_provider: Any) -> None:
        """Put the gate into HTTP clients, each when it is imported, if a budget refuses calls."""
        resource = getattr(tracer_provider, "resource", None)
        if resource is not None:
            self._scopes.service = str(resource.attributes.get("service.name", ""))
            tracer_provider.add_span_processor(ScopeSpanProcessor(self._scopes))
        if not self._hard:
            return
        for gate_module in (httpx_gate, urllib3_gate):
            for name in gate_module.MODULES:
                wrapt.register_post_import_hook(partial(self._put, gate_module), name)

    def _put(self, gate_module: Any, module: Any) -> None:
        try:
            gate_module.install(module, self.gate)
        except Exception as error:  # noqa: BLE001 - the app must be able to import its library
            self._faults.record("budget", error)
            notices.say(
                f"calls through {module.__name__} are not stopped by budgets, because this "
                f"version of it cannot be wrapped ({type(error).__name__})"
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
            and (book := budget.book(values, call.start_ns, self.hide)) is not None
        ]

    def hide(self, scope: str, value: str) -> str:
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

    def _tell(self) -> BudgetTeller:
        # Made late, so that the providers the process ends up with are the ones used.
        if self._teller is None:
            self._teller = BudgetTeller({budget.name: budget for budget in self.all})
        return self._teller

    def remaining(self, name: str, scope_values: Mapping[str, str]) -> Remaining:
        """Return how the budget *name* stands; raises OtelDistroError for one there is not."""
        budget = next((budget for budget in self.all if budget.name == name), None)
        if budget is None:
            known = ", ".join(repr(budget.name) for budget in self.all)
            raise OtelDistroError(f"there is no budget called {name!r}; there is {known}")
        book = budget.book(scope_values, time.time_ns(), self.hide)
        if book is None:
            raise OtelDistroError(f"budget {name!r} needs a value for its scope {budget.scope}")
        state = self.books.state(book)
        return Remaining(book.limit, state.spent, state.reserved)

    def _refused(self, refusal: Refusal) -> None:
        note_refusal(refusal)
        self._tell().refused(refusal)

    def _crossed(self, crossings: Sequence[Crossing]) -> None:
        for crossing in crossings:
            self._tell().crossed(crossing)
            try:
                tell_callbacks(crossing)
            except Exception as error:  # noqa: BLE001 - the app's own code
                self._faults.record("budget callback", error)


_REMEMBERED = 10_000


def open_books(settings: Settings, faults: Faults | None = None) -> Books:
    """Return the shared books, which open with what the ledger knows was spent already."""
    budgets = {budget.name: budget for budget in settings.cost_budgets}

    def opening(book: Book) -> int:
        try:
            return spent_by_ledger(settings, budgets[book.budget], book)
        except Exception as error:  # noqa: BLE001 - a ledger in trouble must not stop the budget
            if faults is not None:
                faults.record("budget", error)
            return 0

    return Books(settings.state_dir, opening=opening)


def _difference(
    entries: Sequence[tuple[Book, int]], before: Sequence[tuple[Book, int]]
) -> list[tuple[Book, int]]:
    change: dict[Book, int] = dict(entries)
    for book, cost in before:
        change[book] = change.get(book, 0) - cost
    return [(book, cost) for book, cost in change.items() if cost]
