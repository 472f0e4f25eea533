"""The cost budgets of a process: charges, queries, and failures."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otel_budget import LatencyBudget
from otel_budget.accounts.account import BudgetAccount, Crossing
from otel_budget.accounts.schema import BudgetFileError
from otel_budget.cost_budget import Action, CostBudget, Unit, _limit
from otel_budget.refusal import Refusal, Refused, amount
from otel_cost_ledger import LedgerWriter, pseudonym
from otel_distro.api import budget as budget_api
from otel_distro.base.errors import OtelDistroError
from otel_distro.base.installation_key import installation_key
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.budgets.admitted_calls import Covered, GatedCalls
from otel_distro.pipeline.budgets.closed_gate import closed_gate, install
from otel_distro.pipeline.budgets.shared_accounts import open_accounts
from otel_distro.pipeline.budgets.spending_in_ledger import spent_by_ledger
from otel_distro.pipeline.budgets.wiring import Budgets
from otel_distro.reports.budgets.report import BudgetLine
from otel_distro.reports.budgets.standing import budget_left, budget_lines, budget_name, outlook
from otel_distro.settings import load
from otel_pricing import PriceBook
from otel_wire.observer import observer
from otel_wire.requests import ModelRequest
from support.budgets import CALL_NS, a_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_distro.settings import Settings

CHAT = b'{"model": "gpt-4o", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}'
STRANGE = CHAT.replace(b"gpt-4o", b"house-model-1")
REQUEST = ModelRequest("openai", "gpt-4o", "chat", 10)
HOST, PATH = "api.openai.com", "/v1/chat/completions"

Make = "Callable[..., Budgets]"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load({"XDG_STATE_HOME": str(tmp_path)}).settings, ledger=None)


@pytest.fixture
def make(settings: Settings) -> Iterator[Callable[..., Budgets]]:
    opened: list[Budgets] = []

    def made(*budgets: CostBudget, **changed: Any) -> Budgets:
        faults = InternalErrors()
        found = Budgets(replace(settings, cost_budgets=budgets, **changed), PriceBook, faults)
        found.accounts._flusher.stop()
        opened.append(found)
        return found

    yield made
    for budgets in opened:
        budgets.close()


def budget(scope: str = "total", limit: int = 10**9, **more: Any) -> CostBudget:
    return CostBudget(name="b", limit=limit, scope=scope, action=Action.REFUSE, **more)


@pytest.mark.parametrize("scope", ["user", "session"])
def test_a_person_has_the_pseudonym_of_the_ledger(
    make: Callable[..., Budgets], settings: Settings, scope: str
) -> None:
    """So that accounts can be rebuilt from the ledger; the name is stored nowhere."""
    budgets = make(budget(scope))
    whose: dict[str, Any] = {scope: "ada"}
    budgets.settle([a_call(**whose)], [])
    key = installation_key(settings.state_dir)
    assert key is not None

    found = budgets.accounts.scopes("b", 0)

    assert found == [pseudonym(key, "session" if scope == "session" else "user", "ada")]
    assert b"ada" not in (settings.state_dir / "budget.db").read_bytes()


def test_a_key_of_an_api_is_hidden_as_no_user_is(make: Callable[..., Budgets]) -> None:
    """A user of that name has another account."""
    budgets = make(budget("api_key"))

    assert budgets.hide("api_key", "sk-1") != budgets.hide("user", "sk-1")
    assert budgets.hide("api_key", "sk-1") == budgets.hide("api_key", "sk-1")


def test_without_a_folder_for_the_key_users_still_have_accounts(
    make: Callable[..., Budgets], tmp_path: Path
) -> None:
    """For the life of the process."""
    (tmp_path / "file").touch()
    budgets = make(budget("user"))
    budgets._settings = replace(budgets._settings, state_dir=tmp_path / "file" / "state")

    assert budgets.hide("user", "ada") == budgets.hide("user", "ada") != ""


def test_a_model_without_a_price_is_refused_if_set(
    make: Callable[..., Budgets],
) -> None:
    """With the remedy."""
    admission = make(budget(), budget_unknown_model="deny").gate.admission_for(
        HOST, PATH, STRANGE, {}
    )
    assert admission is not None
    admission.ask()

    assert admission.refusal is not None
    assert "no price is known for the model 'house-model-1'" in admission.refusal.reason
    assert "OTEL_DISTRO_PRICES" in admission.refusal.reason


def test_a_model_without_a_price_may_be_assumed_to_cost_something(
    make: Callable[..., Budgets],
) -> None:
    """A million dollars a million tokens is a dollar a token, above the limit."""
    from decimal import Decimal

    gate = make(budget(), budget_unknown_model=Decimal(1_000_000)).gate
    admission = gate.admission_for(HOST, PATH, STRANGE, {})
    assert admission is not None
    admission.ask()

    assert admission.refusal is not None
    assert admission.refusal.budget == "b"


def test_a_model_without_a_price_passes_with_one_line(
    make: Callable[..., Budgets], capsys: pytest.CaptureFixture[str]
) -> None:
    """If the settings allow it, which is the default."""
    gate = make(budget(), budget_unknown_model="allow").gate
    for _ in range(2):
        admission = gate.admission_for(HOST, PATH, STRANGE, {})
        assert admission is not None
        assert admission.ask() == 0
        assert admission.refusal is None

    assert capsys.readouterr().err.count("no price is known for the model 'house-model-1'") <= 1


def test_remaining_takes_the_name_of_the_budget(make: Callable[..., Budgets]) -> None:
    """An unknown budget and a missing scope are errors that list the budgets."""
    budgets = make(budget("tenant", limit=1000))
    account = budgets.all[0].account({"tenant": "acme"}, time.time_ns())
    assert account is not None
    budgets.accounts.charge([(account, 400)])

    assert budgets.remaining("b", {"tenant": "acme"}).share == 0.6
    with pytest.raises(OtelDistroError, match="there is no budget called 'day'; there is 'b'"):
        budgets.remaining("day", {})
    with pytest.raises(OtelDistroError, match="needs a value for its scope tenant"):
        budgets.remaining("b", {})


def test_exceptions_of_callbacks_are_counted_and_the_next_one_is_called(
    make: Callable[..., Budgets], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are code of the app on our thread."""
    met: list[int] = []

    def broken(_crossing: Crossing) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(budget_api, "_callbacks", [])
    budget_api.on_threshold(broken)
    budget_api.on_threshold(lambda crossing: met.append(crossing.percent))
    budgets = make(CostBudget(name="b", limit=100))

    budgets.settle([a_call(1), a_call(2)], [])

    assert met
    assert budgets._internal_errors.counts() == {"budget callback": len(met)}


def test_errors_are_counted_as_those_of_accounts_or_of_budgets(
    make: Callable[..., Budgets], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first with a separate line."""
    budgets = make(budget())
    budgets._failed(BudgetFileError("full"))
    budgets._failed(ValueError("odd"))

    assert budgets._internal_errors.counts() == {"books": 1, "budget": 1}
    assert "budgets cannot be updated now: full" in capsys.readouterr().err


def test_charges_that_cannot_be_written_at_a_flush_are_counted(
    make: Callable[..., Budgets], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And written by the next one."""
    budgets = make(CostBudget(name="b", limit=1000))
    account = budgets.all[0].account_of("", CALL_NS)
    charge = budgets.accounts.charge
    attempts: list[int] = []

    def locked(entries: Any) -> Any:
        attempts.append(1)
        if len(attempts) < 3:
            raise BudgetFileError("locked")
        return charge(entries)

    monkeypatch.setattr(budgets.accounts, "charge", locked)
    budgets.settle([a_call()], [])
    budgets.flush()
    assert budgets._internal_errors.counts() == {"books": 2}
    budgets.flush()

    assert budgets.accounts.state(account).spent == 100


def test_a_forked_child_owns_nothing_of_its_parent(make: Callable[..., Budgets]) -> None:
    """The child only: reservations of the parent stay, and a revision is new."""
    budgets = make(budget(limit=10**9))
    admission = budgets.gate.admission_for(HOST, PATH, CHAT, {})
    assert admission is not None
    admission.ask()
    account = budgets.all[0].account_of("", budgets.gate.now_ns())
    held = budgets.accounts.state(account).reserved
    assert held > 0

    budgets.at_fork()

    assert admission.admitted is not None
    assert budgets.gated.take(a_call().call) == []
    assert budgets.accounts.state(account).reserved == held
    again = budgets.gate.admission_for(HOST, PATH, CHAT, {})
    assert again is not None
    assert again.ask() == 0
    assert budgets.accounts.state(account).reserved >= 2 * held


def test_budgets_that_only_warn_put_no_gate_into_clients(make: Callable[..., Budgets]) -> None:
    """Requests are sent unchanged."""
    before = observer.admission
    make(CostBudget(name="b", limit=1000)).install(None)

    assert observer.admission is before


def test_calls_to_a_local_gateway_are_reserved_once(
    make: Callable[..., Budgets], settings: Settings
) -> None:
    """The gateway, another process, finds the trace of the call on its way."""
    client = make(budget())
    gateway = make(budget())
    context = trace.SpanContext(5, 6, is_remote=True, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(context)):
        held = client.gate.admission_for("127.0.0.1", PATH, CHAT, {})
        assert held is not None
        held.ask()

        assert gateway.gate.admission_for(HOST, PATH, CHAT, {}) is None
        assert held.admitted is not None
        assert held.admitted.on_ended is not None
        held.admitted.on_ended()
        assert gateway.gate.admission_for(HOST, PATH, CHAT, {}) is not None


@pytest.mark.parametrize(("unit", "spent"), [(Unit.USD, 300), (Unit.TOKENS, 30), (Unit.CALLS, 3)])
@pytest.mark.parametrize("scope", ["total", "tenant"])
def test_accounts_begin_with_the_spending_of_the_ledger(
    settings: Settings, tmp_path: Path, unit: Unit, spent: int, scope: str
) -> None:
    """In the unit of the budget; a budget over API keys begins at zero."""
    path = tmp_path / "ledger.db"
    settings = replace(settings, ledger=path)
    each = CostBudget(name="b", limit=10**9, unit=unit, scope=scope)
    account = BudgetAccount("b", "acme" if scope == "tenant" else "", 0, 0, 10**9)
    assert spent_by_ledger(settings, each, account) == 0
    writer = LedgerWriter(path)
    writer.write([a_call(number, tenant="acme") for number in (1, 2, 3)])
    writer.write([a_call(4, tenant="other")] if scope == "tenant" else [])
    writer.shutdown()

    assert spent_by_ledger(settings, each, account) == spent
    assert spent_by_ledger(settings, replace(each, scope="api_key"), account) == 0


def test_remaining_reports_why_it_is_unknown(
    make: Callable[..., Budgets], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Budgets whose set-up failed, and an unreadable file."""

    class Running:
        settings = make(budget())._settings
        budgets: Any = None

    monkeypatch.setattr("otel_distro.base.current_runtime.running", Running)
    with pytest.raises(OtelDistroError, match="could not be set up; run `otel-distro doctor`"):
        budget_api.remaining("b")

    class Locked:
        def remaining(self, *_: Any) -> None:
            raise BudgetFileError("it is locked")

    Running.budgets = Locked()
    with pytest.raises(OtelDistroError, match="it is locked"):
        budget_api.remaining("b")


def test_a_refusal_as_an_error_has_its_reason() -> None:
    """And the response its budget."""
    error = Refused(Refusal("too dear", "gpt-4o", "b"))

    assert str(error) == "too dear"
    assert json.loads(error.refusal.body())["error"]["budget"] == "b"


def test_accounts_open_at_zero_where_the_ledger_is_in_trouble(
    settings: Settings, tmp_path: Path
) -> None:
    """Counted as an internal error; the budget is active."""
    (tmp_path / "ledger.db").write_bytes(b"no ledger at all, whatever its name says" * 20)
    each = CostBudget(name="b", limit=1000)
    faults = InternalErrors()
    accounts = open_accounts(
        replace(settings, ledger=tmp_path / "ledger.db", cost_budgets=(each,)), faults
    )
    account = each.account_of("", CALL_NS)

    assert accounts.state(account).spent == 0
    assert faults.counts() == {"budget": 1}
    accounts.close()
    alone = open_accounts(replace(settings, ledger=tmp_path / "ledger.db", cost_budgets=(each,)))
    assert alone.state(account).spent == 0
    alone.close()


def test_the_state_of_each_budget_is_described(settings: Settings) -> None:
    """Before any call one line for certain accounts, then one for each scope value."""
    total = CostBudget(name="all", limit=10**9)
    acme = CostBudget(name="acme", limit=100, scope="tenant", match="acme", unit=Unit.CALLS)
    users = CostBudget(name="users", limit=100, scope="user", unit=Unit.TOKENS)
    found = replace(settings, cost_budgets=(total, acme, users))
    assert budget_lines(settings, CALL_NS) == []
    before = budget_lines(found, CALL_NS)
    accounts = open_accounts(found)
    spent = [(total, "", 10**9), (acme, "acme", 1), (users, "7f3a00000000", 5)]
    accounts.charge([(each.account_of(scope, CALL_NS), n) for each, scope, n in spent])
    accounts.close()

    after = {budget_name(line): line for line in budget_lines(found, CALL_NS)}

    assert sorted(budget_name(line) for line in before) == ["acme / acme", "all"]
    assert all(outlook(line).startswith("nothing spent; resets") for line in before)
    assert list(after) == ["all", "users / 7f3a00000000", "acme / acme"]
    assert outlook(after["all"]).startswith("spent; resets")
    assert budget_left(after["acme / acme"]) == "99 calls of 100 calls left"
    assert budget_left(after["all"]) == "$0 of $1.00 left"
    assert outlook(after["acme / acme"]).startswith(("lasts until", "at this rate"))


def test_a_spending_rate_forecasts_the_end_of_the_budget(settings: Settings) -> None:
    """Half of it in the first hour of a day."""
    each = CostBudget(name="b", limit=100)
    window = each.calendar.window(CALL_NS)
    line = BudgetLine(each, "", 50, 0, window.since_ns, window.until_ns,
                      window.since_ns + 3_600 * 10**9)  # fmt: skip
    slow = replace(line, spent=1)

    assert outlook(line).startswith("at this rate it runs out")
    assert outlook(slow).startswith("lasts until it resets")


def test_a_closed_gate_refuses_every_call_with_the_remedy() -> None:
    """As when the set-up of configured budgets fails."""
    admission = closed_gate().admission_for(HOST, PATH, CHAT, {})
    assert admission is not None
    admission.ask()

    assert admission.refusal is not None
    assert "OTEL_DISTRO_BUDGET_ON_FAULT" in admission.refusal.reason


def test_a_closed_gate_is_asked_by_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded clients and later ones."""
    monkeypatch.setattr(observer, "admission", None)
    install()

    assert observer.admission is not None
    refused = observer.begin("test", HOST, PATH, {}, CHAT)
    assert refused is not None
    assert refused.asking is not None
    refused.asking.ask()
    assert refused.asking.refusal is not None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"limit_calls": 1.5}, "is not a whole number"),
        ({"limit_tokens": "many"}, "is not an amount"),
        ({"limit_usd": True}, "is not an amount"),
        ({"limit_usd": 1, "limit_calls": 1}, "needs exactly one of"),
    ],
)
def test_an_invalid_limit_is_refused(table: dict[str, Any], said: str) -> None:
    """With the key and the budget."""
    with pytest.raises(ValueError, match=said):
        _limit("b", table)


def test_a_budget_without_a_limit_above_zero_has_no_thresholds(
    make: Callable[..., Budgets],
) -> None:
    """Every call is above it, and refused if it refuses."""
    budgets = make(CostBudget(name="b", limit=0))
    budgets.settle([a_call()], [])

    assert budgets.accounts.state(budgets.all[0].account_of("", CALL_NS)).spent == 100


@pytest.mark.parametrize(("unit", "value", "shown"), [
    (Unit.USD, 1_500_000_000, "1.5"), (Unit.USD, 1_000_000_000, "1"), (Unit.CALLS, 12, "12"),
    (Unit.TOKENS, 12, "12"),
])  # fmt: skip
def test_amounts_are_exact_in_their_unit(unit: Unit, value: int, shown: str) -> None:
    """Dollars as a decimal."""
    assert amount(unit, value) == shown


@pytest.mark.parametrize("priority", [0, 10, "1", True, 1.5])
def test_a_priority_is_a_whole_number_from_one_to_nine(priority: object) -> None:
    """Anything else is named."""
    with pytest.raises(ValueError, match="is not a whole number from 1 to 9"):
        LatencyBudget.from_mapping({"operation": "serve", "ms": 5, "priority": priority})


def test_an_observed_call_is_removed_elsewhere() -> None:
    """A missing one changes nothing."""
    calls = GatedCalls()
    first, second = Covered(REQUEST, CALL_NS), Covered(REQUEST, CALL_NS)
    calls.add(first)
    noted: Any = first
    other: Any = second
    calls.forget(other)
    calls.forget(noted)

    assert calls.take(a_call().call) == []


def test_free_attempts_of_one_call_are_merged() -> None:
    """Those of its trace; an attempt in another trace belongs to another call."""

    class Try:
        def __init__(self, cost: int) -> None:
            self.request = REQUEST
            self.start_ns = CALL_NS
            self.cost_nano_usd = cost

    calls = GatedCalls()
    tries: list[Any] = [Try(0), Try(0), Try(50)]
    context = trace.SpanContext(1, 6, is_remote=False, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(context)):
        for each in tries:
            calls.add(each)

    taken: Any = calls.take(a_call(1).call)

    assert taken == tries[:2]
    calls.at_fork()
    assert calls.take(a_call(1).call) == []
