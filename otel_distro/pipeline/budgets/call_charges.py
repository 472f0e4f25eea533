"""Charges budgets as the ledger does: each call once, at its cost in the ledger.

A call that the gate admitted is charged there at once, at the gate's estimate. When the call is
priced for the ledger, the difference is charged; a call that passed no gate is charged then. A call
of unknown cost keeps the gate's charge, its upper bound.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_budget.cost_budget import Action, CostBudget, Unit
from otel_distro.pipeline.budgets.admitted_calls import Covered
from otel_distro.pipeline.budgets.scopes import without_scope
from otel_pricing import CostStatus
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.admitted_call import AdmittedCall
    from otel_budget.budget_accounts import BudgetAccounts
    from otel_budget.cost_budget import Hide
    from otel_distro.pipeline.budgets.admitted_calls import GatedCalls
    from otel_pricing import PricedCall

_REMEMBERED = 10_000
Trusted = Callable[[Mapping[str, "str | None"], int, int], Mapping[str, "str | None"]]
"""Takes the scope values of a call and its span's trace id and span id, and returns the values that
the app itself set."""
Key = tuple[int, int]
"""Trace id and span id."""
Entries = list[tuple["BudgetAccount", int]]


@dataclass(frozen=True, slots=True)
class _Charge:
    """The charges of one call."""

    entries: Entries
    by_gate: bool = False
    """Whether the gate's charge is used in place of the ledger's cost."""


class CallCharges:
    """Remembers the charges of each call, so that a revision charges only the difference."""

    def __init__(
        self,
        budgets: Sequence[CostBudget],
        accounts: BudgetAccounts,
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
        self._by_key = {budget.name for budget in budgets if budget.scope == "api_key"}
        self._accounts = accounts
        self._gated = gated
        self._hide = hide
        self._crossed = crossed
        self.at_fork()

    def at_fork(self) -> None:
        """Reset after fork: open calls belong to the parent."""
        self._lock = threading.Lock()
        self._admitted: dict[Key, AdmittedCall] = {}
        self._by_call: dict[Key, _Charge] = {}
        self._due: dict[BudgetAccount, int] = {}
        self._unsettled: list[AdmittedCall] = []

    def note_admitted(self, key: Key, admitted: AdmittedCall) -> None:
        """Remember that the call with *key* is *admitted*; thread-safe."""
        self._gated.forget(admitted)
        with self._lock:
            while len(self._admitted) >= _REMEMBERED:
                del self._admitted[next(iter(self._admitted))]
            self._admitted[key] = admitted

    def take(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Charge new calls, and correct the charges of revised ones.

        Raises BudgetFileError while the accounts cannot be written; the charges are kept and
        written with the next calls.
        """
        for priced in (*new, *revised):
            self._take(priced)
        self.write()

    def _take(self, priced: PricedCall) -> None:
        key = priced.call.trace_id, priced.call.span_id
        before = self._by_call.pop(key, None)
        admissions, is_covered = self._admissions_of(priced, key) if before is None else ([], False)
        if priced.billed and _is_left_to_gate(priced):
            if before is not None and before.by_gate:
                self._by_call[key] = before
                return
            if admissions:
                more = self._entries(priced, skip=self._hard)
                self._add(more, 1)
                charged = [entry for admitted in admissions for entry in admitted.written]
                for admitted in admissions:
                    admitted.is_in_ledger = True
                self._remember(key, _Charge([*charged, *more], by_gate=True))
                return
        skip = self._hard if is_covered else self._by_key if admissions else frozenset()
        entries = self._entries(priced, skip=skip)
        self._add(entries, 1)
        if before is not None:
            self._add(before.entries, -1)
        for admitted in admissions:
            self._replace(admitted)
        self._remember(key, _Charge(entries))

    def _remember(self, key: Key, charge: _Charge) -> None:
        # Also for a call that is not billed: it has been looked up once.
        while len(self._by_call) >= _REMEMBERED:
            del self._by_call[next(iter(self._by_call))]
        self._by_call[key] = charge

    def _admissions_of(self, priced: PricedCall, key: Key) -> tuple[list[AdmittedCall], bool]:
        """Return the admissions of a new call, and whether a process up the path reserved it."""
        with self._lock:
            admitted = self._admitted.pop(key, None)
        if admitted is not None:
            return ([] if admitted.is_in_ledger else [admitted]), False
        if not self._hard or not priced.billed:
            return [], False
        found = self._gated.take(priced.call, only_covered=priced.call.scope == WIRE_SCOPE)
        admissions = [each for each in found if not isinstance(each, Covered)]
        is_covered = any(isinstance(each, Covered) for each in found)
        return [each for each in admissions if not each.is_in_ledger], is_covered

    def _replace(self, admitted: AdmittedCall) -> None:
        """Reverse the gate's charge: the ledger's cost replaces it."""
        admitted.is_in_ledger = True
        if admitted.is_settled:
            self._add([e for e in admitted.written if e[0].budget not in self._by_key], -1)
        else:
            self._unsettled.append(admitted)

    def _add(self, entries: Sequence[tuple[BudgetAccount, int]], sign: int) -> None:
        for account, amount in entries:
            self._due[account] = self._due.get(account, 0) + sign * amount

    def write(self) -> None:
        """Write the pending charges; raises BudgetFileError if that fails."""
        waiting, self._unsettled = self._unsettled, []
        for admitted in waiting:
            self._replace(admitted)
        change = [(account, cost) for account, cost in self._due.items() if cost]
        if change:
            crossings = self._accounts.charge(change)
            self._crossed(crossings)
        self._due = {}

    def _entries(self, priced: PricedCall, *, skip: AbstractSet[str]) -> Entries:
        call, usage = priced.call, priced.call.usage
        if not priced.billed:
            return []
        values: Mapping[str, str | None] = {
            "service": call.service,
            "tenant": call.tenant,
            "user": call.user,
            "session": call.session,
            "agent": call.agent,
            "model": call.request_model or call.model,
            "provider": call.provider,
        }
        # A request has the scope of the span around it.
        around = call.parent_span_id if call.scope == WIRE_SCOPE else None
        values = self._trusted(values, call.trace_id, around or call.span_id)
        if self._together:
            values = without_scope(values, "together", ())
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0
        amounts = {Unit.USD: priced.cost_nano_usd or 0, Unit.TOKENS: tokens, Unit.CALLS: 1}
        return [
            (account, amounts[budget.unit])
            for budget in self._budgets
            if budget.name not in skip
            and (account := budget.account(values, call.start_ns, self._hide)) is not None
        ]


def _is_left_to_gate(priced: PricedCall) -> bool:
    """Whether the ledger has no better figure than the gate: unknown cost, or a rejection."""
    if priced.status in {CostStatus.UNPRICED, CostStatus.PARTIAL}:
        return True
    return priced.status is CostStatus.FREE and priced.call.failed
