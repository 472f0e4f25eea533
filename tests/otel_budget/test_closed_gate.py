"""The gate that refuses every call, where budgets could not be set up."""

from __future__ import annotations

import pytest

from otel_budget.accounts.schema import BudgetFileError
from otel_distro.pipeline.budgets.closed_gate import closed_gate


def test_it_refuses_a_model_call_and_says_that_budgets_cannot_be_checked() -> None:
    gate = closed_gate()
    admission = gate.at_fault("api.openai.com", "/v1/chat/completions")

    assert admission is not None
    assert admission.refuse_unchecked() == 0
    assert admission.refusal is not None
    assert "budget" in admission.refusal.reason


def test_its_accounts_and_prices_are_never_read() -> None:
    gate = closed_gate()
    with pytest.raises(BudgetFileError):
        gate.accounts.reserve("m", (), lambda _: [])
    with pytest.raises(BudgetFileError):
        _ = gate.prices
