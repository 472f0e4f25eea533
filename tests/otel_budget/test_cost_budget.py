"""Fields of a cost budget, the account of a call, and the bounds of windows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from otel_budget.cost_budget import Action, CostBudget, Unit
from otel_budget.refusal import amount
from otel_budget.windows import DAY_NS, HOUR_NS, Calendar, WindowKind
from otel_distro.settings import load


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def day(ns_value: int) -> str:
    return datetime.fromtimestamp(ns_value / 1e9, UTC).isoformat()


@pytest.mark.parametrize(
    ("kind", "since", "until"),
    [
        (WindowKind.HOUR, "2026-03-29T12:00:00+00:00", "2026-03-29T13:00:00+00:00"),
        (WindowKind.DAY, "2026-03-29T00:00:00+00:00", "2026-03-30T00:00:00+00:00"),
        (WindowKind.WEEK, "2026-03-23T00:00:00+00:00", "2026-03-30T00:00:00+00:00"),
        (WindowKind.MONTH, "2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"),
    ],
)
def test_calendar_windows(kind: WindowKind, since: str, until: str) -> None:
    """They end where the next begins."""
    window = Calendar(kind).window(ns("2026-03-29T12:34:56+00:00"))

    assert (day(window.since_ns), day(window.until_ns)) == (since, until)
    assert window.account_ns == window.since_ns


def test_a_day_follows_the_clocks_of_its_zone() -> None:
    """In Paris the 29th of March 2026 has 23 hours and begins at 23:00 UTC the day before."""
    window = Calendar(WindowKind.DAY, ZoneInfo("Europe/Paris")).window(
        ns("2026-03-29T12:00:00+00:00")
    )

    assert day(window.since_ns) == "2026-03-28T23:00:00+00:00"
    assert window.until_ns - window.since_ns == 23 * HOUR_NS


def test_a_rolling_window_moves_in_steps_and_covers_at_least_its_length() -> None:
    """24 hours in steps of one."""
    now = ns("2026-03-29T12:34:56+00:00")
    window = Calendar(WindowKind.ROLLING, rolling_hours=24).window(now)

    assert now - window.since_ns >= DAY_NS
    assert day(window.account_ns) == "2026-03-29T12:00:00+00:00"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"limit_usd": 1}, "needs a name"),
        ({"name": "a"}, "exactly one of limit_usd, limit_tokens, limit_calls"),
        ({"name": "a", "limit_usd": 1, "limit_calls": 1}, "exactly one of"),
        ({"name": "a", "limit_usd": -1}, "not an amount"),
        ({"name": "a", "limit_usd": "nan"}, "not an amount"),
        ({"name": "a", "limit_calls": 1.5}, "not a whole number"),
        ({"name": "a", "limit_usd": 1, "scope": "planet"}, "choose from total, service"),
        ({"name": "a", "limit_usd": 1, "window": "year"}, "choose from hour, day"),
        ({"name": "a", "limit_usd": 1, "action": "explode"}, "choose from warn, refuse"),
        ({"name": "a", "limit_usd": 1, "time_zone": "Mars/North"}, "for example Europe/Paris"),
        ({"name": "a", "limit_usd": 1, "thresholds": [0]}, "not percentages"),
        ({"name": "a", "limit_usd": 1, "rolling_hours": 0}, "not a number of hours"),
        ({"name": "a", "limit_usd": 1, "windw": "day"}, "unknown key 'windw'"),
        ("day", "not a table"),
    ],
    ids=str,
)
def test_unusable_budgets_are_reported(table: object, message: str) -> None:
    """With the name of the budget and its limit."""
    with pytest.raises(ValueError, match=message):
        CostBudget.from_mapping(table)


def test_a_budget_from_a_table() -> None:
    """Every key."""
    budget = CostBudget.from_mapping(
        {
            "name": "acme",
            "limit_usd": "0.5",
            "scope": "tenant",
            "match": "acme",
            "window": "month",
            "time_zone": "Europe/Paris",
            "action": "refuse",
            "thresholds": [90, 50],
        }
    )

    assert (budget.limit, budget.unit) == (500_000_000, Unit.USD)
    assert budget.action is Action.REFUSE
    assert budget.thresholds == (50, 90)
    assert budget.account({"tenant": "acme"}, 0) is not None
    assert budget.account({"tenant": "globex"}, 0) is None
    assert budget.account({}, 0) is None


def test_each_scope_value_has_a_separate_account() -> None:
    """Unless the budget is for one value."""
    budget = CostBudget(name="t", limit=1, scope="tenant")

    assert budget.account({"tenant": "a"}, 0) != budget.account({"tenant": "b"}, 0)


def test_persons_are_hidden_before_they_are_stored() -> None:
    """Tenants and services are not persons."""
    values = {"user": "ada", "tenant": "acme"}
    stored = [
        found.scope
        for scope in ("user", "tenant")
        if (
            found := CostBudget(name="b", limit=1, scope=scope).account(
                values, 0, lambda *_: "****"
            )
        )
    ]

    assert stored == ["****", "acme"]


def test_a_limit_is_never_rounded_up() -> None:
    """Half a nano-dollar is zero."""
    assert CostBudget.per_day(Decimal("0.0000000019"), Action.WARN).limit == 1


@pytest.mark.parametrize(
    ("value", "text"), [(60_000_000, "0.06"), (1, "0.000000001"), (2_000_000_000, "2"), (0, "0")]
)
def test_amounts_are_shown_exactly(value: int, text: str) -> None:
    """Without conversion to float."""
    assert amount(Unit.USD, value) == text


def test_two_variables_make_a_budget() -> None:
    """No file is needed; it warns unless set to refuse."""
    plain = load({"HOME": "/x", "OTEL_DISTRO_BUDGET_USD_PER_DAY": "5"}).settings
    hard = load(
        {
            "HOME": "/x",
            "OTEL_DISTRO_BUDGET_USD_PER_DAY": "5",
            "OTEL_DISTRO_BUDGET_ACTION": "refuse",
        }
    ).settings

    assert [b.action for b in plain.cost_budgets] == [Action.WARN]
    assert [b.action for b in hard.cost_budgets] == [Action.REFUSE]
    assert load({"HOME": "/x"}).settings.cost_budgets == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_DISTRO_BUDGET_USD_PER_DAY", "ten"),
        ("OTEL_DISTRO_BUDGET_USD_PER_DAY", "-1"),
        ("OTEL_DISTRO_BUDGET_USD_PER_DAY", "inf"),
        ("OTEL_DISTRO_BUDGET_ACTION", "block"),
        ("OTEL_DISTRO_BUDGET_ON_FAULT", "maybe"),
        ("OTEL_DISTRO_BUDGET_UNKNOWN_MODEL", "perhaps"),
    ],
)
def test_a_variable_that_cannot_be_used_withholds_content(variable: str, value: str) -> None:
    """Protection was meant."""
    loaded = load({"HOME": "/x", variable: value})

    assert loaded.withholds
    assert variable in str(loaded.problems[0])


def test_budgets_in_the_file_are_checked_together() -> None:
    """A bad table, and two of one name."""
    good = {"name": "a", "limit_usd": 1}
    loaded = load({"HOME": "/x"}, {"budgets": [good, good, {"name": "b", "limit_usd": "x"}]})

    assert [str(problem) for problem in loaded.problems] == [
        "[[budgets]]: there are two budgets named 'a'",
        "[[budgets]]: limit_usd 'x' of budget 'b' is not an amount; for example 5",
    ]
    assert [budget.name for budget in loaded.settings.cost_budgets] == ["a"]
