"""Admissions: a model call in the gate, and its final charge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import otel_budget
from otel_budget import LatencyBudget, LatencyBudgets
from otel_budget.accounts.account import BudgetAccount, State
from otel_budget.accounts.schema import BudgetFileError
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget, Unit, _limit
from otel_budget.estimate import Tokens, usage_ceilings
from otel_budget.gate import Gate, Listener
from otel_budget.inspection import reading_accounts
from otel_budget.latency import LatencyRecord
from otel_budget.refusal import Refusal, Refused
from otel_distro.pipeline.budgets.admitted_calls import GatedCalls
from otel_distro.pipeline.budgets.call_charges import CallCharges
from otel_distro.pipeline.budgets.scopes import Scopes, ScopeSpanProcessor, trace_from_elsewhere
from otel_pricing import CostStatus, ModelCall, PriceBook, PricedCall, Usage
from otel_wire.exchange import Exchange
from otel_wire.observer import Observer
from otel_wire.record import Ending
from otel_wire.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_budget.admission import Admission

HOST, PATH = "api.openai.com", "/v1/chat/completions"
CHAT = b'{"model": "gpt-4o", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}'
PRICES = PriceBook()
ANSWER = {
    "id": "c-1",
    "model": "gpt-4o",
    "choices": [{"finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Gate]]:
    opened: list[BudgetAccounts] = []

    def made(*budgets: CostBudget, **options: Any) -> Gate:
        accounts = BudgetAccounts(tmp_path / "state")
        accounts._flusher.stop()
        opened.append(accounts)
        return Gate(budgets, accounts, lambda: PRICES, **options)

    yield made
    for accounts in opened:
        accounts.close()


def budget(unit: Unit = Unit.USD, limit: int = 10**9) -> CostBudget:
    return CostBudget(name=unit.value, limit=limit, unit=unit, action=Action.REFUSE)


def asked(gate: Gate, body: bytes = CHAT) -> Admission:
    admission = gate.admission_for(HOST, PATH, body, {})
    assert admission is not None
    assert admission.ask() == 0
    return admission


def state(gate: Gate, unit: Unit = Unit.USD) -> State:
    account = gate.budgets[unit.value].account({}, gate.now_ns())
    assert account is not None
    return gate.accounts.state(account)


def sent(body: bytes, *, path: str = PATH) -> Exchange:
    return Exchange(Observer(), "test", HOST, path, {}, body)


def test_each_unit_is_charged_by_the_call(make: Callable[..., Gate]) -> None:
    """100 × 2.5 + 10 × 10 millionths of a dollar, 110 tokens, one call."""
    gate = make(*(budget(unit) for unit in Unit))
    admission = asked(gate)
    exchange = sent(CHAT)
    exchange._admitted = admission.admitted
    exchange.whole(200, {}, json.dumps(ANSWER).encode())

    assert [state(gate, unit).spent for unit in Unit] == [350_000, 110, 1]
    assert admission.admitted is not None
    assert admission.admitted.is_settled


def test_a_decision_is_made_once(make: Callable[..., Gate]) -> None:
    """Asking again changes nothing."""
    gate = make(budget(limit=0))
    admission = asked(gate)

    assert admission.refusal is not None
    assert admission.ask() == 0
    assert admission.ask_here()


def test_an_error_of_ours_is_decided_without_waiting_too(
    make: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the policy, with a report."""
    errors: list[BaseException] = []
    gate = make(budget(), refuse_on_fault=True, listener=Listener(failed=errors.append))
    admission = gate.admission_for(HOST, PATH, CHAT, {})
    assert admission is not None

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(gate, "accounts_of", broken)
    assert admission.ask_here()

    assert admission.refusal is not None
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_refusal_by_the_scope_precedes_any_account(make: Callable[..., Gate]) -> None:
    """The function that finds scope values may refuse."""

    def nobody(*_: Any) -> Any:
        raise Refused(Refusal("name the tenant", "gpt-4o"))

    by_tenant = CostBudget(name="b", limit=1, scope="tenant", action=Action.REFUSE)
    gate = make(by_tenant, scope_values=nobody)

    admission = asked(gate)

    assert admission.refusal is not None
    assert admission.refusal.reason == "name the tenant"


def test_a_call_that_no_budget_is_for_passes_without_an_account(make: Callable[..., Gate]) -> None:
    """Here a budget for another model."""
    other = CostBudget(name="b", limit=0, scope="model", match="o3", action=Action.REFUSE)
    gate = make(other)
    admission = asked(gate)
    again = gate.admission_for(HOST, PATH, CHAT, {})
    assert again is not None

    assert again.ask_here()
    assert (admission.refusal, admission.admitted) == (None, None)


def test_a_call_reserved_by_another_process_passes(make: Callable[..., Gate]) -> None:
    """And a free one, such as a moderation."""
    gate = make(budget(limit=0), listener=Listener(is_covered=lambda _request: True))
    moderation = b'{"model": "omni-moderation-latest", "input": "hi"}'

    assert gate.admission_for(HOST, PATH, CHAT, {}) is None
    assert make(budget(limit=0)).admission_for(HOST, "/v1/moderations", moderation, {}) is None


def test_after_a_fault_only_model_calls_are_refused(make: Callable[..., Gate]) -> None:
    """Unless the policy admits all."""
    strict, open_ = make(budget()), make(budget(), refuse_on_fault=False)

    assert strict.at_fault(HOST, "/v1/files") is None
    assert open_.at_fault(HOST, PATH) is None
    refused = strict.at_fault(HOST, PATH)
    assert refused is not None
    assert refused.refusal is not None


def test_cached_tariffs_are_bounded(
    make: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found again."""
    monkeypatch.setattr("otel_budget.gate._MOST_TARIFFS", 1)
    gate = make(budget())
    for model in (b"gpt-4o", b"gpt-4o-mini", b"gpt-4o"):
        asked(gate, CHAT.replace(b"gpt-4o", model))

    assert len(gate._tariffs) == 1


def test_a_response_that_proves_not_to_be_a_model_call_is_charged_at_most(
    make: Callable[..., Gate],
) -> None:
    """Nothing better is known."""
    gate = make(budget())
    admission = asked(gate)
    assert admission.admitted is not None
    reserved = admission.admitted.reserved_nano_usd
    exchange = sent(CHAT, path="/v1/files")
    exchange._admitted = admission.admitted
    exchange.whole(200, {}, b"{}")

    assert reserved > 0
    assert state(gate).spent == reserved


def test_a_response_that_is_read_after_it_expired_corrects_the_charge(
    make: Callable[..., Gate],
) -> None:
    """First the highest possible cost, then the actual one."""
    gate = make(budget())
    admission = asked(gate)
    exchange = sent(CHAT)
    exchange._admitted = admission.admitted
    exchange.responded(200, {}, decoded=True)
    exchange.expire()
    exchange.expire()
    before = state(gate).spent
    exchange.add(json.dumps(ANSWER).encode())
    exchange.end(Ending.COMPLETE)

    assert before > 0
    assert state(gate).spent == 350_000


def test_an_error_while_settling_is_reported_and_blocks_no_call(
    make: Callable[..., Gate],
) -> None:
    """The thread that settles has no caller."""
    errors: list[BaseException] = []
    gate = make(budget(), listener=Listener(failed=errors.append))
    admission = asked(gate)

    class Broken:
        output_pieces = 0

        def record(self) -> None:
            raise ZeroDivisionError

    assert admission.admitted is not None
    exchange: Any = Broken()
    admission.admitted.ended(exchange)
    gate.accounts.finish_late()

    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_call_whose_audio_is_not_counted_apart_is_charged_at_most(
    make: Callable[..., Gate],
) -> None:
    """1000 + 100 tokens of gpt-audio at the dearest rate of each."""
    gate = make(budget())
    body = CHAT.replace(b"gpt-4o", b"gpt-audio")
    admission = asked(gate, body)
    exchange = sent(body)
    exchange._admitted = admission.admitted
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    exchange.whole(200, {}, json.dumps({**ANSWER, "model": "gpt-audio", "usage": usage}).encode())

    text_only = 1000 * 2_500 + 100 * 10_000
    assert state(gate).spent > text_only


def test_a_call_without_counts_adds_no_usage() -> None:
    """Nor does output that the request limited."""
    request = read_request(HOST, PATH, CHAT)
    assert request is not None

    assert usage_ceilings(request, Usage()) == []
    assert len(usage_ceilings(request, Usage(input_tokens=5, output_tokens=5))) == 1
    assert Tokens(3, 4).total == 7


def test_a_file_from_before_leases_is_read(tmp_path: Path) -> None:
    """And a folder without a file has empty accounts."""
    account = BudgetAccount("day", "", 0, 0, 100)
    with reading_accounts(tmp_path) as reader:
        assert reader.scopes("day", 0) == []
        assert reader.state(account) is None
        assert reader._unused(account) == 0
    accounts = BudgetAccounts(tmp_path)
    accounts.charge([(account, 5)])
    with accounts.store.transaction() as db:
        db.execute("DROP TABLE leases")
    accounts.store.close()

    with reading_accounts(tmp_path) as reader:
        assert reader.state(account) == State(5, 0)
        assert reader.state(BudgetAccount("other", "", 0, 0, 1)) is None


def test_a_span_without_times_is_not_judged() -> None:
    """It has no latency."""
    budgets = LatencyBudgets([LatencyBudget("serve", 1)])
    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("a").start_span("serve")

    assert LatencyRecord.of(span, budgets) is None
    span.end(span.start_time + 10**9)
    record = LatencyRecord.of(span, budgets)
    assert record is not None
    assert record.attributes()
    fast = LatencyRecord.of(span, LatencyBudgets([LatencyBudget("serve", 60_000)]))
    assert fast is not None
    assert fast.attributes() == {}


@pytest.mark.parametrize("table", ["text", 5, None, ["operation"]])
def test_a_latency_budget_is_a_table(table: object) -> None:
    """Other values are reported with the valid keys."""
    with pytest.raises(ValueError, match="is not a table with the keys operation"):
        LatencyBudget.from_mapping(table)


def test_the_package_has_no_other_names() -> None:
    """Its processor is loaded on access."""
    assert otel_budget.BudgetSpanProcessor.__name__ == "BudgetSpanProcessor"
    with pytest.raises(AttributeError, match="has no attribute 'UnheardOf'"):
        getattr(otel_budget, "Unheard" + "Of")


def test_a_received_trace_is_known_in_its_child_spans() -> None:
    """And none without a current trace."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ScopeSpanProcessor(Scopes(())))
    assert trace_from_elsewhere() == 0
    remote = trace.SpanContext(5, 6, is_remote=True, trace_flags=trace.TraceFlags(1))
    parent = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    outer = provider.get_tracer("a").start_span("serve", context=parent)
    inner = provider.get_tracer("a").start_span("in", context=trace.set_span_in_context(outer))

    with trace.use_span(inner):
        assert trace_from_elsewhere() == 5


def test_spans_whose_baggage_is_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is dropped, and a fork starts with a new lock."""
    from opentelemetry import baggage

    monkeypatch.setattr("otel_distro.pipeline.budgets.scopes._MOST_REMEMBERED", 1)
    scopes = Scopes(())
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ScopeSpanProcessor(scopes))
    came_in = baggage.set_baggage("tenant.id", "forged")
    spans = [provider.get_tracer("a").start_span("s", context=came_in) for _ in range(2)]
    ids = [span.get_span_context() for span in spans]
    lock = scopes._lock
    scopes.at_fork()

    forged: dict[str, str | None] = {"tenant": "forged"}
    assert scopes.trusted(forged, ids[0].trace_id, ids[0].span_id) == forged
    assert scopes.trusted(forged, ids[1].trace_id, ids[1].span_id) == {"tenant": None}
    assert scopes._lock is not lock


def test_calls_that_are_remembered_are_bounded(
    make: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is dropped; each is still charged once."""
    monkeypatch.setattr("otel_distro.pipeline.budgets.call_charges._REMEMBERED", 1)
    each = CostBudget(name="b", limit=10**9)
    gate = make(each)
    booking = CallCharges(
        [each], gate.accounts, GatedCalls(), lambda _s, v: v, lambda _c: None
    )  # fmt: skip
    for key in ((1, 1), (2, 2)):
        admitted: Any = object()
        booking.note_admitted(key, admitted)
    assert list(booking._admitted) == [(2, 2)]
    booking.at_fork()

    def priced(number: int, cost: int) -> PricedCall:
        call = ModelCall(trace_id=number, span_id=number, start_ns=1, end_ns=2, scope="s",
                         operation="chat", provider="openai", request_model="m")  # fmt: skip
        return PricedCall(call=call, status=CostStatus.PRICED, cost_nano_usd=cost)

    booking.take([priced(1, 100)], [priced(1, 60)])
    booking.take([priced(2, 10)], [])

    account = each.account({}, 1)
    assert account is not None
    assert gate.accounts.state(account).spent == 70
    assert list(booking._by_call) == [(2, 2)]


def test_a_call_that_cannot_be_written_is_written_with_the_next(
    make: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settled entries wait in the process."""
    gate = make(budget(limit=6_000_000))
    first = asked(gate)
    assert first.refusal is None
    exchange = sent(CHAT)
    exchange._admitted = first.admitted
    transaction = gate.accounts.store.transaction
    attempts: list[int] = []

    def locked(*_: Any) -> Any:
        attempts.append(1)
        raise BudgetFileError("it is locked")

    monkeypatch.setattr(gate.accounts.store, "transaction", locked)
    exchange.whole(200, {}, json.dumps(ANSWER).encode())
    gate.accounts.tick()
    monkeypatch.setattr(gate.accounts.store, "transaction", transaction)
    gate.accounts.tick()

    assert state(gate).spent == 350_000


def test_a_correction_of_something_else_than_a_model_call_changes_nothing(
    make: Callable[..., Gate],
) -> None:
    """Nor does settling a reservation of a parent process."""
    gate = make(budget())
    admission = asked(gate)
    exchange = sent(CHAT, path="/v1/files")
    assert admission.admitted is not None
    admission.admitted.corrected(exchange)
    gate.accounts.finish_late()
    reservation = admission.admitted._reservation
    gate.accounts.at_fork()
    account = gate.budgets["usd"].account({}, gate.now_ns())
    assert account is not None

    gate.accounts.settle(reservation, [(account, 10**6)])

    assert state(gate).spent == 0


def test_a_limit_in_dollars_is_exact() -> None:
    """To the nano-dollar."""
    assert _limit("b", {"limit_usd": "0.000000001"}) == (Unit.USD, 1)
    assert _limit("b", {"limit_calls": 3.0}) == (Unit.CALLS, 3)
