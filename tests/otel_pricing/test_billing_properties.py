"""Invariants of billing for any calls in any order."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_pricing import BillingWindow, CostStatus, ModelCall, PricedCall, Usage, decide
from otel_pricing.billing.matching import pair

MS = 1_000_000
SCOPES = ("openinference.instrumentation.langchain", "litellm", "client.a", "client.b")
MODELS = ("gpt-4o", "gpt-4o-2024-08-06", "claude-sonnet-4-5")


@dataclass(frozen=True)
class Shape:
    """Distinguishing properties of a span."""

    scope: str
    model: str
    start: int
    length: int
    tokens: int | None
    response_id: str | None
    parent: int | None
    failed: bool


SHAPES = st.builds(
    Shape,
    scope=st.sampled_from(SCOPES),
    model=st.sampled_from(MODELS),
    start=st.integers(0, 60),
    length=st.integers(0, 60),
    tokens=st.sampled_from([None, 100, 100, 200]),
    response_id=st.sampled_from([None, None, "r1", "r2"]),
    parent=st.sampled_from([None, None, 1, 2, 3]),
    failed=st.booleans(),
)


def calls_of(shapes: list[Shape]) -> list[PricedCall]:
    """Return one priced call per shape; those with a parent share one trace."""
    return [call_of(shape, number) for number, shape in enumerate(shapes, start=1)]


def call_of(shape: Shape, number: int) -> PricedCall:
    """Return the priced call of *shape* with *number* as its span id."""
    usage = None
    if shape.tokens is not None:
        usage = Usage(input_tokens=shape.tokens, output_tokens=shape.tokens)
    status = CostStatus.PRICED if usage else CostStatus.UNPRICED
    call = ModelCall(
        trace_id=1 if shape.parent or number <= 3 else number,
        span_id=number,
        parent_span_id=shape.parent,
        start_ns=shape.start * 20 * MS,
        end_ns=(shape.start + shape.length) * 20 * MS,
        scope=shape.scope,
        operation="chat",
        provider="openai",
        request_model=shape.model,
        response_id=shape.response_id,
        usage=usage,
        error_type="TimeoutError" if shape.failed else None,
    )
    return PricedCall(call=call, status=status, cost_nano_usd=100 if usage else None)


def billed(calls: list[PricedCall]) -> set[int]:
    """Return the span ids that are billed."""
    return {call.call.span_id for call in decide(calls) if call.billed}


@given(st.lists(SHAPES, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_change_who_is_billed(
    shapes: list[Shape], shuffler: random.Random
) -> None:
    """Spans of one call arrive as they end, from several threads and processes."""
    calls = calls_of(shapes)
    shuffled = calls[:]
    shuffler.shuffle(shuffled)

    assert billed(shuffled) == billed(calls)


@given(st.lists(SHAPES, max_size=10), st.randoms(use_true_random=False))
def test_live_decisions_end_as_those_on_the_whole(
    shapes: list[Shape], shuffler: random.Random
) -> None:
    """The final decision of the window on each call equals that of the import."""
    calls = calls_of(shapes)
    shuffler.shuffle(calls)
    window = BillingWindow()
    live: dict[int, bool] = {}

    for call in calls:
        live |= {changed.call.span_id: changed.billed for changed in window.offer(call)}

    assert {span_id for span_id, is_billed in live.items() if is_billed} == billed(calls)


@given(st.lists(SHAPES, min_size=1, max_size=12))
def test_every_span_that_is_not_billed_points_to_one_that_is(shapes: list[Shape]) -> None:
    """No call disappears: each has one billed span."""
    decided = decide(calls_of(shapes))

    carriers = {call.call.span_id for call in decided if call.billed}
    assert carriers
    for call in decided:
        assert call.billing_reason
        assert call.billed == (call.billed_span_id is None)
        assert call.billed or call.billed_span_id in carriers


@given(st.lists(SHAPES, max_size=12))
def test_n_independent_calls_are_n_calls(shapes: list[Shape]) -> None:
    """One instrumentation, no nesting: each is a call, even with equal properties."""
    alone = [replace(shape, scope="client.a", parent=None) for shape in shapes]

    assert len(billed(calls_of(alone))) == len(shapes)


@given(st.lists(SHAPES, max_size=8))
def test_stacking_a_second_instrumentation_changes_no_count(shapes: list[Shape]) -> None:
    """Every call seen twice, a little later and a little shorter, is still one call."""
    alone = [
        replace(shape, scope="client.a", parent=None, length=shape.length + 1) for shape in shapes
    ]
    outer = calls_of([replace(shape, scope=SCOPES[0]) for shape in alone])
    inner = [
        replace(
            call,
            call=replace(
                call.call,
                trace_id=call.call.trace_id + 1000,
                span_id=call.call.span_id + 1000,
                start_ns=call.call.start_ns + MS,
                end_ns=call.call.end_ns - MS,
            ),
        )
        for call in calls_of(alone)
    ]

    assert len(billed(outer + inner)) == len(shapes)


@st.composite
def candidates(draw: st.DrawFn) -> dict[str, list[str]]:
    """Return the possible partners of each span."""
    outers = [f"o{n}" for n in range(draw(st.integers(0, 5)))]
    inners = [f"i{n}" for n in range(draw(st.integers(0, 5)))]
    possible = st.lists(st.sampled_from(outers), unique=True) if outers else st.just([])
    return {inner: draw(possible) for inner in inners}


def most(left: list[list[str]], taken: frozenset[str] = frozenset()) -> int:
    """Return the size of a maximum matching, by brute force."""
    if not left:
        return 0
    skipped = most(left[1:], taken)
    used = (1 + most(left[1:], taken | {o}) for o in left[0] if o not in taken)
    return max(skipped, *used, 0)


@settings(max_examples=300)
@given(candidates())
def test_a_pairing_is_valid_and_as_large_as_any(possible: dict[str, list[str]]) -> None:
    """Compared with brute force."""
    pairs = pair(possible)

    assert all(outer in possible[inner] for inner, outer in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    assert len(pairs) == most(list(possible.values()))


def test_a_long_chain_of_moved_pairs_needs_no_recursion() -> None:
    """Each inner prefers the next one's partner, ten thousand times."""
    size = 10_000
    possible = {n: [n, n + 1] for n in range(size)} | {size: [0]}

    assert len(pair(possible)) == size + 1
