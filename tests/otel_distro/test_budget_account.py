"""Budgets and the ledger agree: charges equal the cost in the ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_budget.cost_budget import Action, CostBudget
from otel_distro.pipeline.budgets.admitted_calls import GatedCalls
from otel_distro.pipeline.budgets.call_charges import CallCharges
from otel_pricing import CostStatus, ModelCall, PricedCall, Usage
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.accounts.account import BudgetAccount

BUDGETS = (
    CostBudget.per_day(Decimal(5), Action.REFUSE),
    replace(CostBudget.per_day(Decimal(5), Action.WARN), name="soft"),
)
NOON_NS = 1_763_000_000_000_000_000


class Sums:
    """Sum of charges of each budget."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def charge(self, entries: Sequence[tuple[BudgetAccount, int]]) -> list[Any]:
        for account, amount in entries:
            self.spent[account.budget] += amount
        return []


@dataclass
class Admission:
    """A call at the gate, from the view of the accounts."""

    written: tuple[tuple[BudgetAccount, int], ...]
    is_settled: bool = True
    is_in_ledger: bool = False


@dataclass(frozen=True)
class Case:
    """One call: the charge of the gate, the cost in the ledger, and the final cost."""

    admission_of: int | None
    in_ledger: int
    billed: bool
    billed_in_the_end: bool
    late: bool


CASES = st.builds(
    Case,
    admission_of=st.none() | st.integers(0, 10_000),
    in_ledger=st.integers(0, 10_000),
    billed=st.booleans(),
    billed_in_the_end=st.booleans(),
    late=st.booleans(),
)


def priced(number: int, cost: int | None, *, billed: bool = True) -> PricedCall:
    call = ModelCall(
        trace_id=number + 1,
        span_id=number + 1,
        start_ns=NOON_NS,
        end_ns=NOON_NS + 1,
        scope=WIRE_SCOPE,
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        usage=Usage(input_tokens=1, output_tokens=1),
    )
    status = CostStatus.UNPRICED if cost is None else CostStatus.PRICED
    return PricedCall(call=call, status=status, cost_nano_usd=cost, billed=billed)


def admission_of(accounts: Sums, amount: int) -> Admission:
    account = BUDGETS[0].account({}, NOON_NS, lambda _scope, value: value)
    assert account is not None
    accounts.charge([(account, amount)])
    return Admission(((account, amount),))


@pytest.fixture
def accounts() -> Sums:
    return Sums()


def charges_of(accounts: Sums) -> CallCharges:
    return CallCharges(
        BUDGETS,
        accounts,  # type: ignore[arg-type]  # all that it asks of them
        GatedCalls(),
        lambda _scope, value: value,
        lambda _crossings: None,
    )


@given(st.lists(CASES, max_size=8))
def test_charges_equal_the_costs_in_the_ledger(cases: list[Case]) -> None:
    """For any charge at the gate and any revision, settled late or not."""
    accounts = Sums()
    charges = charges_of(accounts)
    admissions = []
    for number, case in enumerate(cases):
        if case.admission_of is not None:
            admission = admission_of(accounts, case.admission_of)
            admission.is_settled = not case.late
            admissions.append(admission)
            charges.note_admitted((number + 1, number + 1), admission)  # type: ignore[arg-type]
    new = [priced(n, case.in_ledger, billed=case.billed) for n, case in enumerate(cases)]
    charges.take(new, [])
    for admission in admissions:
        admission.is_settled = True
    revised = [
        priced(n, case.in_ledger, billed=case.billed_in_the_end)
        for n, case in enumerate(cases)
        if case.billed_in_the_end is not case.billed
    ]
    charges.take([], revised)

    in_ledger = sum(case.in_ledger for case in cases if case.billed_in_the_end)
    assert (accounts.spent["day"], accounts.spent["soft"]) == (in_ledger, in_ledger)


def test_a_call_of_unknown_cost_keeps_the_charge_of_the_gate(accounts: Sums) -> None:
    """It is the highest possible cost."""
    charges = charges_of(accounts)
    charges.note_admitted((1, 1), admission_of(accounts, 500))  # type: ignore[arg-type]
    charges.take([priced(0, None)], [])

    assert accounts.spent["day"] == 500


def test_a_call_of_unknown_cost_that_proves_to_be_a_duplicate_costs_nothing(
    accounts: Sums,
) -> None:
    """The call billed instead is charged."""
    charges = charges_of(accounts)
    charges.note_admitted((1, 1), admission_of(accounts, 500))  # type: ignore[arg-type]
    charges.take([priced(0, None)], [])
    charges.take([priced(1, 300)], [priced(0, None, billed=False)])

    assert accounts.spent["day"] == 300
