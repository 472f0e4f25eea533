"""The live window: bounded in calls and time, and it returns only changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_pricing import BillingWindow, CostStatus, PricedCall
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

LANGCHAIN = "openinference.instrumentation.langchain"
CLIENT = "openinference.instrumentation.openai"
SECOND_NS = 1_000_000_000


def test_a_later_span_changes_the_decision_on_an_earlier_one(
    priced: Callable[..., PricedCall],
) -> None:
    """The client's span ends first and is billed; the framework's adds detail."""
    window = BillingWindow()
    inner = priced(scope=CLIENT, at=(5, 95), usage=None, status=CostStatus.UNPRICED)
    outer = priced(scope=LANGCHAIN, at=(0, 100))

    assert [call.billed for call in window.offer(inner)] == [True]
    decided = window.offer(outer)

    assert [(call.call.span_id, call.billed) for call in decided] == [
        (outer.call.span_id, True),
        (inner.call.span_id, False),
    ]


def test_a_span_that_changes_nothing_is_returned_alone(priced: Callable[..., PricedCall]) -> None:
    """Only rows to write are returned."""
    window = BillingWindow()
    window.offer(priced(scope=CLIENT, at=(5, 95)))

    assert len(window.offer(priced(scope=CLIENT, at=(5, 95)))) == 1


def test_a_span_offered_again_keeps_its_decision(priced: Callable[..., PricedCall]) -> None:
    """An exporter may send twice."""
    window = BillingWindow()
    inner = priced(scope=CLIENT, at=(5, 95))
    outer = priced(scope=LANGCHAIN, at=(0, 100))
    window.offer(inner)
    window.offer(outer)

    (reoffered,) = window.offer(outer)

    assert not reoffered.billed
    assert len(window) == 2


def test_the_window_is_bounded_in_calls(priced: Callable[..., PricedCall]) -> None:
    """The memory of a long-running program is bounded."""
    window = BillingWindow(most_calls=100)

    for number in range(300):
        window.offer(priced(scope=f"scope {number % 3}", response_id="r", at=(number, number + 50)))

    assert len(window) == 100
    assert sum(len(e) for scopes in window._buckets.values() for e in scopes.values()) == 200
    assert len(window._children) == 0
    assert len(window._near) == len(window._decided) == 100
    assert all(key in window._near for near in window._near.values() for key in near)


def test_links_between_calls_are_bounded_too(priced: Callable[..., PricedCall]) -> None:
    """There are many more spans than calls."""
    window = BillingWindow()

    for number in range(1, 20_000):
        window.link(number, number, number + 1)
        window.link(number, number, None)

    assert len(window._links) <= 8192
    assert len(window._children) <= 8192


def test_calls_older_than_the_window_are_final(priced: Callable[..., PricedCall]) -> None:
    """A duplicate an hour later is a separate call: the first one may be exported."""
    window = BillingWindow(window_ns=60 * SECOND_NS)
    inner = priced(scope=CLIENT, at=(5, 95))
    window.offer(inner)
    window.offer(priced(scope="other", at=(3_600_000, 3_600_100)))

    decided = window.offer(priced(scope=LANGCHAIN, at=(0, 100)))

    assert [call.billed for call in decided] == [True]
    assert len(window) == 1


def test_many_equal_calls_at_once_are_decided_in_bounded_groups(
    priced: Callable[..., PricedCall],
) -> None:
    """A load test: 400 equal calls in parallel, each seen twice; the count stays right."""
    window = BillingWindow()
    live: dict[int, bool] = {}

    for _ in range(400):
        for scope in (CLIENT, LANGCHAIN):
            at = (5, 95) if scope == CLIENT else (0, 100)
            for changed in window.offer(priced(scope=scope, at=at)):
                live[changed.call.span_id] = changed.billed

    assert sum(live.values()) == 400


def test_a_call_inside_another_kind_of_call_is_billed_separately(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """An embedding below a chat is not a duplicate of it, even with equal properties."""
    window = BillingWindow()
    chat = priced(scope=LANGCHAIN, response_id="one")
    embedding = inside(chat, scope=CLIENT, operation="embeddings", response_id="one")
    window.offer(embedding)
    window.offer(chat)

    for call in (chat, embedding):
        decision = window.decided((call.call.trace_id, call.call.span_id))
        assert decision is not None
        assert decision.billed
    assert window.decided((2**100, 2**60)) is None


@pytest.mark.parametrize(("estimate", "wire_is_billed"), [(9_000_000, True), (1, False)])
def test_of_an_estimate_and_a_reported_cost_the_dearer_is_billed(
    priced: Callable[..., PricedCall],
    inside: Callable[..., PricedCall],
    estimate: int,
    wire_is_billed: bool,
) -> None:
    """An aborted stream: the span may report only the tokens of its beginning."""
    window = BillingWindow()
    outer = priced(scope=CLIENT)
    wire = inside(outer, scope=WIRE_SCOPE, status=CostStatus.ESTIMATED)
    wire = replace(wire, cost_nano_usd=estimate)
    window.offer(wire)
    window.offer(outer)

    decision = window.decided((wire.call.trace_id, wire.call.span_id))
    assert decision is not None
    assert decision.billed is wire_is_billed
