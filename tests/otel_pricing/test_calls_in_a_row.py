"""Calls under a span that stays current, and answers from a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_pricing import BillingWindow, PriceBook, Usage, decide, price_call
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing import ModelCall, PricedCall

SECOND = 10**9
AT = 1_795_800_000 * SECOND


@pytest.fixture
def priced(call: Callable[..., ModelCall]) -> Callable[..., PricedCall]:
    def make(number: int, begin: int, end: int, tokens: int = 1200, **more: object) -> PricedCall:
        facts = {
            "trace_id": 1,
            "span_id": number,
            "start_ns": AT + begin,
            "end_ns": AT + end,
            "usage": Usage(input_tokens=tokens, output_tokens=300),
            **more,
        }
        return price_call(call(**facts), PriceBook())

    return make


def billed(calls: list[PricedCall]) -> list[int]:
    """Return the spans that are billed, decided together; live decisions are the same."""
    window = BillingWindow()
    live: dict[int, bool] = {}
    for one in calls:
        for decided in window.offer(one):
            live[decided.call.span_id] = decided.billed
    found = sorted(one.call.span_id for one in decide(calls) if one.billed)
    assert sorted(span for span, is_billed in live.items() if is_billed) == found
    return found


def test_calls_in_a_row_are_as_many_calls(priced: Callable[..., PricedCall]) -> None:
    """Each is the child of the previous one, which has ended, and has its own response."""
    calls = [
        priced(n, n * SECOND, n * SECOND + SECOND // 2, parent_span_id=n - 1, response_id=f"r{n}")
        for n in range(1, 5)
    ]

    assert billed(calls) == [1, 2, 3, 4]


def test_a_child_after_its_parents_end_is_not_an_attempt_of_it(
    priced: Callable[..., PricedCall],
) -> None:
    """Also without response ids."""
    assert billed([priced(1, 0, SECOND), priced(2, 2 * SECOND, 3 * SECOND, parent_span_id=1)]) == [
        1,
        2,
    ]


def test_two_sizes_of_one_instrumentation_are_two_calls(priced: Callable[..., PricedCall]) -> None:
    """A call of 50 tokens inside one of 1000 belongs to a tool."""
    outer = priced(1, 0, 9 * SECOND, 1000, response_id="A")
    inner = priced(2, SECOND, 2 * SECOND, 50, parent_span_id=1, response_id="B")

    assert billed([inner, outer]) == [1, 2]


def test_a_span_that_sums_up_the_calls_inside_it_repeats_them(
    priced: Callable[..., PricedCall],
) -> None:
    """1000 + 200 = 1200 in, 300 + 300 = 600 out."""
    usage = Usage(input_tokens=1200, output_tokens=600)
    outer = priced(1, 0, 9 * SECOND, usage=usage)
    inside = [
        priced(2, SECOND, 2 * SECOND, 1000, parent_span_id=1),
        priced(3, 3 * SECOND, 4 * SECOND, 200, parent_span_id=1),
    ]

    assert billed([*inside, outer]) == [2, 3]


@pytest.mark.parametrize(
    ("scope", "calls"), [("litellm", [1]), ("openai", [1, 2]), (WIRE_SCOPE, [1, 2])]
)
def test_an_answer_from_a_cache_is_not_billed_again(
    priced: Callable[..., PricedCall], scope: str, calls: list[int]
) -> None:
    """A gateway gives the same answer in a millisecond; a client library keeps none.

    A request on the wire was sent, for any response time and id.
    """
    first = priced(1, 0, SECOND, scope=scope, response_id="X")
    hit = priced(2, 60 * SECOND, 60 * SECOND + 10**6, trace_id=2, scope=scope, response_id="X")

    assert billed([first, hit]) == calls
