"""One call's turn at the gate: asked until it is let through or refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_budget.book import Denied
from otel_budget.claims import claims
from otel_budget.estimate import kinds
from otel_budget.refusal import Refusal, Refused
from otel_budget.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.book import Book, Claim
    from otel_budget.cost_budget import CostBudget
    from otel_budget.estimate import Tariff
    from otel_budget.gate import Gate, ScopeValues
    from otel_budget.leases import Hold
    from otel_budget.lessons import Lesson
    from otel_wire.requests import ModelRequest

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05
_NO_CHECK = (
    "budgets cannot be checked now, and are set to refuse calls then; see `otel-distro doctor`, "
    "or set OTEL_DISTRO_BUDGET_ON_FAULT=allow"
)


class Turn:
    """One call at the gate."""

    def __init__(
        self,
        gate: Gate,
        request: ModelRequest,
        scope_values: Callable[[], ScopeValues],
        host: str = "",
    ) -> None:
        self._host = host
        self._gate = gate
        self.request = request
        self._scope_values = scope_values
        self._books: Mapping[Book, CostBudget] = {}
        self._tariff: Tariff | None = None
        self._reckoned = False
        self._now_ns = 0
        self._deadline: float | None = None
        self._pause = _FIRST_PAUSE_S
        self.ticket: Ticket | None = None
        """Given when the call was let through."""
        self.refusal: Refusal | None = None

    def ask_here(self) -> bool:
        """Ask without waiting for anything; return whether it is decided. Never raises."""
        return self._guarded(self._ask_here) == 0

    def ask(self) -> float:
        """Ask once; return how many seconds to wait before asking again, 0 once it is decided.

        It may wait for the shared books. Never raises: what goes wrong is decided as the gate's
        policy for faults says.
        """
        return self._guarded(self._ask)

    def refuse_unchecked(self) -> float:
        """Refuse the call, because budgets cannot be checked."""
        return self._refuse(Refusal(_NO_CHECK, self.request.model))

    def _guarded(self, ask: Callable[[], float]) -> float:
        if self.refusal is not None:
            return 0
        try:
            return ask()
        except Refused as refused:
            return self._refuse(refused.refusal)
        except Exception as error:  # noqa: BLE001 - the app must not see our errors
            self._gate.listener.failed(error)
            if not self._gate.refuse_on_fault:
                return 0
            return self.refuse_unchecked()

    def _ask_here(self) -> float:
        request = self.request
        if not self._prepare():
            return 0
        hold = self._gate.books.reserve_here(request.model, kinds(request), self._claims)
        return 1 if hold is None else self._pass(hold)

    def _ask(self) -> float:
        gate, request = self._gate, self.request
        if self._deadline is None:
            self._deadline = time.monotonic() + gate.patience_s
        if not self._prepare():
            return 0
        result = gate.books.reserve(request.model, kinds(request), self._claims)
        if not isinstance(result, Denied):
            return self._pass(result)
        if result.may_change and time.monotonic() < self._deadline:
            pause, self._pause = self._pause, min(self._pause * 1.5, _LONGEST_PAUSE_S)
            return pause
        budget = self._books[result.book]
        return self._refuse(Refusal.of(budget, result, request.model, self._now_ns))

    def _prepare(self) -> bool:
        """Find the books of the moment and what they are reckoned with; return if there are any."""
        gate, request = self._gate, self.request
        # Anew at every try: while a call waits another window may begin.
        self._now_ns = now_ns = gate.now_ns()
        self._books = gate.books_of(self._scope_values, now_ns)
        if not self._books:
            return False
        if not self._reckoned:
            self._reckoned, self._tariff = True, gate.tariff(request, now_ns)
        return True

    def _claims(self, learned: Sequence[Lesson | None]) -> Sequence[Claim]:
        return claims(self.request, learned, self._books, self._tariff)

    def _pass(self, hold: Hold) -> float:
        self.ticket = Ticket(
            self._gate, self.request, hold, self._books, self._tariff, self._now_ns
        )
        self.ticket.host = self._host
        self._gate.listener.passed(self.ticket)
        return 0

    def _refuse(self, refusal: Refusal) -> float:
        self.refusal = refusal
        self._gate.listener.refused(refusal)
        return 0
