"""Latency budgets: selection, and the distance of a span from its budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_budget import DEFAULT_LATENCY_BUDGETS, LatencyBudget, LatencyBudgets

MS = 1_000_000


def test_a_span_within_its_budget_leaves_a_margin() -> None:
    """1500 ms of 2000 ms: not exceeded, 500 ms left."""
    verdict = LatencyBudgets([LatencyBudget("search", 2000)]).judge("search", 0, 1500 * MS)

    assert verdict is not None
    assert not verdict.exceeded
    assert verdict.overage_ms == -500


def test_a_span_beyond_its_budget_has_the_overage() -> None:
    """2500 ms of 2000 ms: 500 ms too long, which is 25 %."""
    verdict = LatencyBudgets([LatencyBudget("search", 2000)]).judge("search", 0, 2500 * MS)

    assert verdict is not None
    assert verdict.exceeded
    assert (verdict.overage_ms, verdict.overage_percent) == (500, 25.0)


def test_a_span_that_takes_exactly_its_budget_has_met_it() -> None:
    """The bound is inclusive."""
    verdict = LatencyBudgets([LatencyBudget("search", 2000)]).judge("search", 0, 2000 * MS)

    assert verdict is not None
    assert not verdict.exceeded


def test_a_span_without_a_budget_is_not_judged() -> None:
    """Only names with a budget count."""
    assert LatencyBudgets([LatencyBudget("search", 1)]).judge("other", 0, MS) is None


@pytest.mark.parametrize(
    ("name", "ms"),
    [
        ("intent_classification", 1),
        ("query_normalization", 10),
        ("search_operation", 2000),
        ("total_request", 3000),
    ],
)
def test_the_four_budgets_of_the_default(name: str, ms: float) -> None:
    """The thresholds without a setting."""
    budget = LatencyBudgets(DEFAULT_LATENCY_BUDGETS).for_name(name)

    assert budget is not None
    assert budget.ms == ms


@pytest.mark.parametrize(
    ("budgets", "expected_ms"),
    [
        ([LatencyBudget("chat *", 9, 2), LatencyBudget("*", 5, 1)], 5),
        ([LatencyBudget("*", 5), LatencyBudget("chat gpt-4o", 9)], 9),
        ([LatencyBudget("chat ?pt-4o", 7)], 7),
    ],
    ids=["the more urgent pattern", "an exact name before a pattern", "one unknown letter"],
)
def test_the_most_specific_budget_applies(budgets: list[LatencyBudget], expected_ms: float) -> None:
    """Priority first, then the exact name."""
    found = LatencyBudgets(budgets).for_name("chat gpt-4o")

    assert found is not None
    assert found.ms == expected_ms


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"operation": "a", "ms": "soon"}, "not a number of milliseconds"),
        ({"operation": "a", "ms": -1}, "not a number of milliseconds"),
        ({"operation": "a", "ms": float("nan")}, "not a number of milliseconds"),
        ({"operation": "", "ms": 1}, "needs an operation"),
        ({"operation": "a", "ms": 1, "prio": 1}, "unknown key 'prio'"),
        ({"operation": "a", "ms": 1, "priority": 0}, "from 1 to 9"),
        ("a=1", "not a table"),
    ],
)
def test_an_invalid_budget_is_refused(table: object, said: str) -> None:
    """The message names the limit."""
    with pytest.raises(ValueError, match=said):
        LatencyBudget.from_mapping(table)


@given(names=st.lists(st.text(min_size=1), max_size=30))
def test_asking_for_any_name_any_number_of_times_answers_the_same(names: list[str]) -> None:
    """The cache never changes an answer."""
    budgets = LatencyBudgets([LatencyBudget("a*", 1), LatencyBudget("*b", 2)])
    fresh = LatencyBudgets([LatencyBudget("a*", 1), LatencyBudget("*b", 2)])

    for name in [*names, *names]:
        assert budgets.for_name(name) == fresh.for_name(name)


def test_the_memory_of_names_is_bounded() -> None:
    """Span names with ids must not grow the process."""
    budgets = LatencyBudgets([LatencyBudget("*", 1)])

    for number in range(10_000):
        budgets.for_name(f"job {number}")

    assert len(budgets.by_name) <= 4096
