"""Admission of one call, polled until it is admitted or refused."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from otel_budget.accounts.account import Denied
from otel_budget.admitted_call import AdmittedCall
from otel_budget.estimate import claims, kinds
from otel_budget.refusal import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.accounts.account import BudgetAccount, Claim
    from otel_budget.cost_budget import CostBudget
    from otel_budget.estimate import Tariff
    from otel_budget.gate import Gate, ScopeValues
    from otel_budget.reservations.leases import Reservation
    from otel_budget.reservations.usage_ceilings import UsageCeiling
    from otel_wire.requests import ModelRequest

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05
_NO_CHECK = (
    "budgets cannot be checked now, and are set to refuse calls then; see `otel-distro doctor`, "
    "or set OTEL_DISTRO_BUDGET_ON_FAULT=allow"
)


class Admission:
    """One call at the gate."""

    admitted: AdmittedCall | None = None
    """Set once the call is admitted."""
    refusal: Refusal | None = None
    _accounts: Mapping[BudgetAccount, CostBudget] = MappingProxyType({})
    _tariff: Tariff | None = None
    _reckoned = False
    _now_ns = 0
    _deadline: float | None = None
    _pause = _FIRST_PAUSE_S

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

    def ask_here(self) -> bool:
        """Try without blocking; return whether the call is decided. Never raises."""
        if self.refusal is not None:
            return True
        try:
            return self._try_locally()
        except Exception as error:  # internal errors must not reach the app
            self._failed(error)
            return True

    def ask(self) -> float:
        """Try once; return the seconds to wait before the next try, 0 once decided.

        It may wait for the shared accounts. Never raises: the gate's fault policy decides after an
        error.
        """
        if self.refusal is not None:
            return 0
        try:
            return self._ask()
        except Exception as error:  # internal errors must not reach the app
            return self._failed(error)

    def refuse_unchecked(self) -> float:
        """Refuse the call, because budgets cannot be checked."""
        return self._refuse(Refusal(_NO_CHECK, self.request.model))

    def _failed(self, error: Exception) -> float:
        if isinstance(error, Refused):
            return self._refuse(error.refusal)
        self._gate.listener.failed(error)
        return self.refuse_unchecked() if self._gate.refuse_on_fault else 0

    def _try_locally(self) -> bool:
        if not self._prepare():
            return True
        request = self.request
        reservation = self._gate.accounts.reserve_here(request.model, kinds(request), self._claims)
        if reservation is None:
            return False
        self._pass(reservation)
        return True

    def _ask(self) -> float:
        gate, request = self._gate, self.request
        if self._deadline is None:
            self._deadline = time.monotonic() + gate.patience_s
        if not self._prepare():
            return 0
        result = gate.accounts.reserve(request.model, kinds(request), self._claims)
        if not isinstance(result, Denied):
            return self._pass(result)
        if result.may_change and time.monotonic() < self._deadline:
            pause, self._pause = self._pause, min(self._pause * 1.5, _LONGEST_PAUSE_S)
            return pause
        budget = self._accounts[result.account]
        return self._refuse(Refusal.of(budget, result, request.model, self._now_ns))

    def _prepare(self) -> bool:
        """Find the accounts and the tariff that apply now; return whether there are accounts."""
        gate, request = self._gate, self.request
        # Looked up at every try: another window may begin while a call waits.
        self._now_ns = now_ns = gate.now_ns()
        self._accounts = gate.accounts_of(self._scope_values, now_ns)
        if not self._accounts:
            return False
        if not self._reckoned:
            self._reckoned, self._tariff = True, gate.tariff(request, now_ns)
        return True

    def _claims(self, learned: Sequence[UsageCeiling | None]) -> Sequence[Claim]:
        return claims(self.request, learned, self._accounts, self._tariff)

    def _pass(self, reservation: Reservation) -> float:
        gate = self._gate
        self.admitted = admitted = AdmittedCall(
            gate, self.request, reservation, self._accounts, self._tariff, self._now_ns, self._host
        )
        gate.listener.passed(admitted)
        return 0

    def _refuse(self, refusal: Refusal) -> float:
        self.refusal = refusal
        self._gate.listener.refused(refusal)
        return 0
