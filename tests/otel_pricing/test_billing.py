"""Billing: the billed span of a call, its evidence, and calls that stay separate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_pricing import BillingWindow, CostStatus, PricedCall, Usage, decide
from otel_pricing.model.layers import CLIENT, FRAMEWORK, GATEWAY, layer

if TYPE_CHECKING:
    from collections.abc import Callable

LANGCHAIN = "openinference.instrumentation.langchain"
CLIENT_SCOPE = "openinference.instrumentation.openai"
OTHER_CLIENT = "opentelemetry.instrumentation.genai.openai"
NATIVE = "com.anthropic.sdk.python"


def billed(calls: list[PricedCall]) -> set[int]:
    """Return the span ids that are billed, the same in a batch and live, in any order."""
    batch = {call.call.span_id for call in decide(calls) if call.billed}
    for order in (calls, calls[::-1]):
        window = BillingWindow()
        live: dict[int, bool] = {}
        for call in order:
            live |= {changed.call.span_id: changed.billed for changed in window.offer(call)}
        assert {span_id for span_id, is_billed in live.items() if is_billed} == batch
    return batch


def ids(*calls: PricedCall) -> set[int]:
    """Return the span ids of *calls*."""
    return {call.call.span_id for call in calls}


def one(calls: list[PricedCall], wanted: PricedCall) -> PricedCall:
    """Return the decision on *wanted*."""
    return next(call for call in decide(calls) if call.call.span_id == wanted.call.span_id)


def test_a_call_alone_is_billed(priced: Callable[..., PricedCall]) -> None:
    """The usual case."""
    call = priced()

    assert decide([call]) == [call]
    assert BillingWindow().offer(call) == [call]
    assert decide([]) == []


def test_the_innermost_span_of_nested_ones_is_billed(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """A framework's span around the client's describes the same call."""
    outer = priced(scope="pydantic-ai")
    inner = inside(outer, scope=CLIENT_SCOPE)

    assert billed([inner, outer]) == ids(inner)
    decision = one([inner, outer], outer)
    assert decision.billed_span_id == inner.call.span_id
    assert "nested, with the same model" in decision.billing_reason
    assert CLIENT_SCOPE in decision.billing_reason


def test_nesting_reaches_through_spans_between(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Three instrumentations, or a span of the application's own in the middle."""
    outer = priced(scope="langchain", at=(0, 200))
    middle = inside(outer, scope="litellm")
    inner = inside(middle, scope=CLIENT_SCOPE)

    assert billed([inner, middle, outer]) == ids(inner)

    apart = inside(outer, scope=CLIENT_SCOPE, parent_span_id=777, request_model="alias-x")
    link = {(outer.call.trace_id, 777): outer.call.span_id}
    decided = decide([outer, apart], parents=link)
    assert [call.billed for call in decided] == [False, True]


def test_a_link_between_lets_the_window_see_the_nesting(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """A span that is not a model call may be between two that are."""
    outer = priced(scope="langchain")
    inner = inside(outer, scope="langchain", parent_span_id=777)
    window = BillingWindow()

    window.offer(inner)
    window.link(outer.call.trace_id, 777, outer.call.span_id)
    decided = window.offer(outer)

    assert [(call.call.span_id, call.billed) for call in decided] == [
        (outer.call.span_id, False),
        (inner.call.span_id, True),
    ]


def test_an_outer_span_is_billed_when_no_inner_one_has_usage(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The span with the usage has the cost."""
    outer = priced(scope="litellm")
    inner = inside(outer, scope=CLIENT_SCOPE, usage=None, status=CostStatus.UNPRICED)

    assert billed([inner, outer]) == ids(outer)
    assert one([inner, outer], inner).billed_span_id == outer.call.span_id


def test_several_inner_calls_are_several_calls(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """A loop or a fallback inside one span: each attempt is billed, the outer span repeats them."""
    outer = priced(scope="llama_index", at=(0, 100))
    first = inside(outer, scope=CLIENT_SCOPE, at=(1, 40))
    second = inside(outer, scope=CLIENT_SCOPE, at=(41, 99))

    assert billed([first, second, outer]) == ids(first, second)
    assert "repeats the 2 calls inside it" in one([first, second, outer], outer).billing_reason


def test_several_inner_calls_without_usage_leave_the_outer_one(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Only the outer span has the usage."""
    outer = priced(scope="llama_index", at=(0, 100))
    nothing = {"scope": CLIENT_SCOPE, "usage": None, "status": CostStatus.UNPRICED}
    first = inside(outer, at=(1, 40), **nothing)
    second = inside(outer, at=(41, 99), **nothing)

    assert billed([first, second, outer]) == ids(outer)


def test_a_failed_attempt_before_a_success_is_a_separate_call(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """It is a failed, free call."""
    outer = priced(scope="langchain", at=(0, 100))
    failed = {"error_type": "RateLimitError", "usage": None, "status": CostStatus.FREE}
    first = inside(outer, scope=CLIENT_SCOPE, at=(1, 10), **failed)
    second = inside(outer, scope=CLIENT_SCOPE, at=(11, 99))

    assert billed([first, second, outer]) == ids(first, second)
    assert billed([first, outer]) == ids(first, outer)
    assert "after the failed tries" in one([first, outer], outer).billing_reason


def test_an_unsent_attempt_is_not_a_call_beside_the_sent_one(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The client refused the arguments, the framework corrected them: one request went out."""
    outer = priced(scope="pydantic-ai", at=(0, 100))
    refused = inside(
        outer,
        scope=CLIENT_SCOPE,
        at=(1, 2),
        error_type="ValueError",
        request_never_sent=True,
        usage=None,
        status=CostStatus.FREE,
    )
    sent = inside(outer, scope=CLIENT_SCOPE, at=(3, 99))

    assert billed([refused, sent, outer]) == ids(sent)
    assert "never sent" in one([refused, sent, outer], refused).billing_reason
    assert billed([refused]) == ids(refused)


def test_failed_duplicates_are_one_failed_call(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """A rejected call counts once, in any number of instrumentations."""
    failed = {"error_type": "RateLimitError", "usage": None, "status": CostStatus.FREE}
    outer = priced(scope="pydantic-ai", **failed)
    inner = inside(outer, scope=CLIENT_SCOPE, **failed)
    assert billed([inner, outer]) == ids(inner)

    apart = priced(scope=LANGCHAIN, at=(0, 100), **failed)
    client = priced(scope=CLIENT_SCOPE, at=(1, 99), **failed)
    assert billed([client, apart]) == ids(client)

    tries = [inside(outer, scope=CLIENT_SCOPE, at=at, **failed) for at in ((1, 40), (41, 99))]
    assert billed([*tries, outer]) == ids(*tries)


def test_a_failure_whose_cost_is_known_is_the_one_that_counts(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The framework has the rejection, the client only a failure."""
    outer = priced(
        scope="langchain", error_type="RateLimitError", usage=None, status=CostStatus.FREE
    )
    inner = inside(
        outer, scope=CLIENT_SCOPE, error_type="_OTHER", usage=None, status=CostStatus.UNPRICED
    )

    assert billed([inner, outer]) == ids(outer)


def test_a_framework_that_fails_on_a_good_answer_still_pays_for_it(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The response could not be parsed, but the provider sent it."""
    broken = {"error_type": "OutputParserException", "usage": None, "status": CostStatus.UNPRICED}
    outer = priced(scope=LANGCHAIN, **broken)
    assert billed([inner := inside(outer, scope=CLIENT_SCOPE), outer]) == ids(inner)

    apart = priced(scope=LANGCHAIN, at=(0, 100), **broken)
    assert billed([client := priced(scope=CLIENT_SCOPE, at=(1, 99)), apart]) == ids(client)


@pytest.mark.parametrize(
    ("outer_usage", "inner_usage", "outer_is_billed"),
    [
        pytest.param(
            Usage(input_tokens=1700, output_tokens=300, cache_write_tokens=500),
            Usage(
                input_tokens=1700,
                output_tokens=300,
                cache_write_tokens=500,
                cache_write_1h_tokens=100,
            ),
            False,
            id="inner splits the cache writes",
        ),
        pytest.param(
            Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024),
            Usage(input_tokens=1200, output_tokens=300),
            True,
            id="outer alone knows the cache",
        ),
        pytest.param(
            Usage(input_tokens=1200, output_tokens=300),
            Usage(input_tokens=1200, output_tokens=300),
            False,
            id="both know the same",
        ),
    ],
)
def test_of_two_spans_the_one_with_more_detail_is_billed(
    outer_usage: Usage,
    inner_usage: Usage,
    outer_is_billed: bool,
    priced: Callable[..., PricedCall],
    inside: Callable[..., PricedCall],
) -> None:
    """The exact price needs the detail; the innermost span is only the default."""
    outer = priced(scope="pydantic-ai", usage=outer_usage)
    inner = inside(outer, scope=CLIENT_SCOPE, usage=inner_usage)

    assert billed([inner, outer]) == ids(outer if outer_is_billed else inner)


def test_a_tier_is_a_detail_too(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Flex costs half; the span with the tier is right."""
    outer = priced(scope="langchain", service_tier="flex")
    inner = inside(outer, scope=CLIENT_SCOPE)

    assert billed([inner, outer]) == ids(outer)


def test_a_dropped_span_names_the_span_finally_billed(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Each outer layer has more detail; the innermost still names the outermost."""
    read = Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024)
    outer = priced(scope="langchain", at=(0, 200), usage=read, service_tier="flex")
    middle = inside(outer, scope="litellm", usage=read)
    inner = inside(middle, scope=CLIENT_SCOPE)
    calls = [inner, middle, outer]

    assert billed(calls) == ids(outer)
    assert one(calls, inner).billed_span_id == outer.call.span_id
    assert one(calls, middle).billed_span_id == outer.call.span_id


def test_audio_known_apart_is_partial_and_more_honest_than_a_full_price_without(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The outer span counts all tokens as text, so its exact price is wrong."""
    audio = Usage(input_tokens=1200, output_tokens=300, input_audio_tokens=100)
    outer = priced(scope="langchain")
    inner = inside(outer, scope=CLIENT_SCOPE, usage=audio, status=CostStatus.PARTIAL)

    assert billed([inner, outer]) == ids(inner)


def test_with_equal_detail_the_better_status_is_billed(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The inner span lacks the output."""
    outer = priced(scope="langchain")
    inner = inside(
        outer, scope=CLIENT_SCOPE, usage=Usage(input_tokens=1200), status=CostStatus.PARTIAL
    )

    assert billed([inner, outer]) == ids(outer)


@pytest.mark.parametrize(
    "inner_fields",
    [
        pytest.param(
            {"operation": "embeddings", "request_model": "text-embedding-3-small"}, id="embedding"
        ),
        pytest.param(
            {
                "request_model": "gpt-4o-mini",
                "usage": Usage(input_tokens=50, output_tokens=3),
                "scope": CLIENT_SCOPE,
            },
            id="another model, from the same instrumentation",
        ),
    ],
)
def test_another_call_inside_a_call_is_another_call(
    inner_fields: dict[str, object],
    priced: Callable[..., PricedCall],
    inside: Callable[..., PricedCall],
) -> None:
    """A vector store look-up or a guard model inside a chat."""
    outer = priced(scope=CLIENT_SCOPE)
    inner = inside(outer, **inner_fields)

    assert billed([inner, outer]) == ids(inner, outer)


@pytest.mark.parametrize(
    ("outer_fields", "inner_fields", "evidence"),
    [
        pytest.param({"response_id": "r"}, {"response_id": "r"}, "response id", id="id"),
        pytest.param({"request_model": ""}, {}, "names no model", id="no model"),
        pytest.param({"request_model": "smart"}, {"scope": "other"}, "token counts", id="tokens"),
        pytest.param(
            {"request_model": "smart", "scope": "langchain", "usage": None},
            {"scope": "other"},
            "framework around a client",
            id="framework",
        ),
        pytest.param(
            {"request_model": "smart", "usage": None, "status": CostStatus.UNPRICED},
            {"scope": "other"},
            "alias",
            id="alias",
        ),
    ],
)
def test_nested_spans_are_one_call_by_any_of_this_evidence(
    outer_fields: dict[str, object],
    inner_fields: dict[str, object],
    evidence: str,
    priced: Callable[..., PricedCall],
    inside: Callable[..., PricedCall],
) -> None:
    """A router's alias for a model is not the model's name."""
    outer = priced(**outer_fields)
    inner = inside(outer, **inner_fields)

    assert billed([inner, outer]) == ids(inner)
    assert evidence in one([inner, outer], outer).billing_reason


def test_one_response_id_in_two_traces_is_one_call(priced: Callable[..., PricedCall]) -> None:
    """The framework does not set the current context, so the client starts a new trace."""
    outer = priced(scope=LANGCHAIN, response_id="chatcmpl-7", at=(0, 100))
    inner = priced(scope=CLIENT_SCOPE, response_id="chatcmpl-7", at=(5, 95))

    assert billed([inner, outer]) == ids(inner)
    assert "same response id" in one([inner, outer], outer).billing_reason


def test_one_response_id_twice_from_one_instrumentation_is_two_calls(
    priced: Callable[..., PricedCall],
) -> None:
    """Test servers reuse their ids, one after the other or at once."""
    first = priced(response_id="chatcmpl-1", at=(0, 100))
    second = priced(response_id="chatcmpl-1", at=(200, 300))
    at_once = priced(response_id="chatcmpl-1", at=(50, 250))

    assert billed([first, second, at_once]) == ids(first, second, at_once)


def test_one_response_id_at_different_times_is_two_calls(
    priced: Callable[..., PricedCall],
) -> None:
    """Without an overlap the spans cannot be the same request."""
    first = priced(scope=LANGCHAIN, response_id="chatcmpl-1", at=(0, 100))
    second = priced(scope=CLIENT_SCOPE, response_id="chatcmpl-1", at=(200, 300))

    assert billed([first, second]) == ids(first, second)


def test_one_response_id_of_two_operations_is_two_calls(
    priced: Callable[..., PricedCall],
) -> None:
    """A chat and an embedding are never the same request."""
    chat = priced(scope=LANGCHAIN, response_id="x", at=(0, 100))
    embedding = priced(scope=CLIENT_SCOPE, response_id="x", operation="embeddings", at=(1, 99))

    assert billed([chat, embedding]) == ids(chat, embedding)


def test_reused_ids_of_stacked_instrumentations_pair_off(
    priced: Callable[..., PricedCall],
) -> None:
    """Two calls, four spans, one id: time pairs them."""
    outers = [priced(scope=LANGCHAIN, response_id="x", at=at) for at in ((0, 100), (200, 300))]
    inners = [priced(scope=CLIENT_SCOPE, response_id="x", at=at) for at in ((1, 99), (201, 299))]

    assert billed([*outers, *inners]) == ids(*inners)


def test_spans_without_ids_are_one_call_by_time_model_and_tokens(
    priced: Callable[..., PricedCall],
) -> None:
    """With content hidden, OpenInference has no id."""
    outer = priced(scope=LANGCHAIN, at=(0, 100))
    inner = priced(scope=CLIENT_SCOPE, response_model="gpt-4o-2024-08-06", at=(3, 97))

    assert billed([inner, outer]) == ids(inner)
    assert "1200 in, 300 out" in one([inner, outer], outer).billing_reason


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"scope": LANGCHAIN}, id="the same instrumentation"),
        pytest.param({"usage": Usage(input_tokens=1201, output_tokens=300)}, id="other tokens"),
        pytest.param({"request_model": "gpt-4o-mini"}, id="another model"),
        pytest.param({"operation": "embeddings"}, id="another operation"),
        pytest.param({"at": (60, 160)}, id="not inside in time"),
        pytest.param({"at": (200, 300)}, id="at another time"),
        pytest.param({"service": "other"}, id="another service"),
    ],
)
def test_spans_that_differ_are_different_calls(
    fields: dict[str, object], priced: Callable[..., PricedCall]
) -> None:
    """Without an id, all of the evidence must hold."""
    outer = priced(scope=LANGCHAIN, at=(0, 100))
    inner = priced(**({"scope": CLIENT_SCOPE, "at": (3, 97)} | fields))

    assert billed([inner, outer]) == ids(inner, outer)


def test_a_client_around_a_framework_is_not_a_duplicate(priced: Callable[..., PricedCall]) -> None:
    """Frameworks call clients, not the other way round."""
    outer = priced(scope=CLIENT_SCOPE, at=(0, 100))
    inner = priced(scope=LANGCHAIN, at=(20, 80))

    assert billed([inner, outer]) == ids(inner, outer)


def test_a_rejected_call_that_names_no_model_is_found_by_time_and_failure(
    priced: Callable[..., PricedCall],
) -> None:
    """With content hidden, a failed client span may have only its failure."""
    failed = {"error_type": "RateLimitError", "usage": None, "status": CostStatus.FREE}
    outer = priced(scope=LANGCHAIN, at=(0, 100), **failed)
    inner = priced(scope=CLIENT_SCOPE, at=(3, 97), **(failed | {"request_model": ""}))
    worked = priced(scope=CLIENT_SCOPE, at=(3, 97), request_model="")

    assert billed([inner, outer]) == ids(inner)
    assert billed([worked, outer]) == ids(worked, outer)


def test_two_clients_that_name_different_responses_are_two_calls(
    priced: Callable[..., PricedCall],
) -> None:
    """Equal except for the provider's id."""
    outer = priced(scope=CLIENT_SCOPE, response_id="a", at=(0, 100))
    inner = priced(scope=OTHER_CLIENT, response_id="b", at=(3, 97))

    assert billed([inner, outer]) == ids(inner, outer)


def test_a_stream_without_usage_is_one_call_with_its_framework(
    priced: Callable[..., PricedCall],
) -> None:
    """Neither counts tokens; time, model and outcome decide."""
    nothing = {"usage": None, "status": CostStatus.UNPRICED}
    outer = priced(scope=LANGCHAIN, at=(0, 100), **nothing)
    inner = priced(scope=CLIENT_SCOPE, at=(3, 97), **nothing)

    assert billed([inner, outer]) == ids(inner)


def test_equal_calls_at_the_same_time_stay_as_many_as_they_are(
    priced: Callable[..., PricedCall],
) -> None:
    """Three equal requests in parallel, each seen twice, are three calls, not one and not six."""
    outers = [priced(scope=LANGCHAIN, at=(0, 100 + n)) for n in range(3)]
    inners = [priced(scope=CLIENT_SCOPE, at=(5, 90)) for _ in range(3)]

    assert billed(inners + outers) == ids(*inners)


def test_as_many_spans_as_possible_find_their_duplicate(priced: Callable[..., PricedCall]) -> None:
    """The narrow span must not take the only partner of the wide one."""
    wide = priced(scope=LANGCHAIN, at=(0, 200))
    narrow = priced(scope=LANGCHAIN, at=(40, 100))
    early = priced(scope=CLIENT_SCOPE, at=(10, 90))
    late = priced(scope=CLIENT_SCOPE, at=(50, 90))

    # `late` fits both, `early` only the wide one: two calls, not three.
    assert len(billed([wide, narrow, early, late])) == 2


def test_two_clients_stacked_do_not_chain_equal_calls_together(
    priced: Callable[..., PricedCall],
) -> None:
    """Five calls at once, each seen by two clients with one reused id, are five calls."""
    ones = [priced(scope=OTHER_CLIENT, response_id="x", at=(n, 100 + n)) for n in range(5)]
    others = [priced(scope=CLIENT_SCOPE, response_id="x", at=(n + 1, 99 + n)) for n in range(5)]

    assert len(billed(ones + others)) == 5


def test_three_instrumentations_in_three_traces_are_one_call(
    priced: Callable[..., PricedCall],
) -> None:
    """Framework, gateway and client."""
    outer = priced(scope=LANGCHAIN, at=(0, 120))
    middle = priced(scope="litellm", at=(10, 110))
    inner = priced(scope=CLIENT_SCOPE, at=(20, 100))

    assert billed([inner, middle, outer]) == ids(inner)


def test_a_duplicate_in_another_trace_joins_nested_spans(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """A tree of two and a span elsewhere that saw the same response."""
    outer = priced(scope="litellm", at=(0, 100))
    inner = inside(outer, scope=OTHER_CLIENT, response_id="r")
    elsewhere = priced(scope=CLIENT_SCOPE, response_id="r", at=(2, 98))

    assert len(billed([inner, outer, elsewhere])) == 1


def test_tries_inside_a_span_each_find_their_duplicate_elsewhere(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Two tries in one framework span, both seen by a second instrumentation: two calls."""
    outer = priced(scope="llama_index", at=(0, 200))
    tries = [
        inside(outer, scope=OTHER_CLIENT, response_id=f"r{n}", at=at)
        for n, at in enumerate(((5, 90), (100, 190)))
    ]
    seen = [
        priced(scope=CLIENT_SCOPE, response_id=f"r{n}", at=at)
        for n, at in enumerate(((4, 91), (101, 189)))
    ]

    assert len(billed([*tries, *seen, outer])) == 2


@pytest.mark.parametrize("with_ids", [True, False])
def test_two_instrumentations_beside_each_other_inside_a_third_are_one_call(
    with_ids: bool, priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Both spans have the third as parent; two attempts of it are two calls."""
    outer = priced(scope="outer.instrumentation", at=(0, 300))
    beside = [
        inside(outer, scope=scope, at=at, response_id=f"r{at[0] // 100}" if with_ids else None)
        for at in ((10, 90), (110, 190))
        for scope in (CLIENT_SCOPE, OTHER_CLIENT)
    ]

    assert len(billed([*beside[:2], outer])) == 1
    assert len(billed([*beside, outer])) == 2


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({}, 1),
        ({"at": (2000, 2100)}, 2),
        ({"usage": Usage(input_tokens=1200, output_tokens=299)}, 2),
        ({"request_model": "gpt-4o-mini"}, 2),
    ],
    ids=["soon", "much later", "other tokens", "other model"],
)
def test_a_framework_that_returns_a_stream_ends_its_span_before_the_request(
    changes: dict[str, Any], calls: int, priced: Callable[..., PricedCall]
) -> None:
    """The client is called when the first chunk is read from the generator."""
    outer = priced(scope="llama_index", at=(0, 100), streamed=True)
    inner = priced(**{"scope": CLIENT_SCOPE, "at": (130, 190)} | changes)

    assert len(billed([outer, inner])) == calls


@pytest.mark.parametrize(
    ("usage", "calls"),
    [
        (Usage(output_tokens=300), 1),
        (Usage(input_tokens=1200), 1),
        (Usage(input_tokens=176, output_tokens=300), 1),
        (Usage(output_tokens=299), 2),
        (Usage(input_tokens=177, output_tokens=300), 2),
    ],
    ids=["no input", "no output", "input without what was cached", "other output", "other input"],
)
def test_counts_that_one_span_leaves_out_do_not_make_it_another_call(
    usage: Usage, calls: int, priced: Callable[..., PricedCall]
) -> None:
    """A framework may report only part of the client's usage."""
    full = Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024)
    outer = priced(scope="langchain", usage=usage, at=(0, 100))
    inner = priced(scope=CLIENT_SCOPE, usage=full, at=(10, 90))

    bills = billed([outer, inner])

    assert len(bills) == calls
    assert ids(inner) <= bills


@pytest.mark.parametrize(("scope", "calls"), [("litellm", 1), (CLIENT_SCOPE, 2)])
def test_a_gateway_that_reports_an_answer_twice_made_one_call(
    scope: str, calls: int, priced: Callable[..., PricedCall]
) -> None:
    """Its callbacks run once for the stream and once for its end; client spans are calls."""
    first = priced(scope=scope, response_id="resp_1", at=(0, 90))
    repeat = priced(scope=scope, response_id="resp_1", at=(0, 100))
    other = priced(scope=scope, response_id="resp_1", at=(1, 95))

    assert len(billed([first, repeat, other])) == calls + 1


@pytest.mark.parametrize(
    ("at", "calls"), [((5, 1020), 1), ((200, 1200), 1), ((500, 1600), 2)], ids=str
)
def test_two_instrumentations_of_one_framework_need_not_nest(
    at: tuple[int, int], calls: int, priced: Callable[..., PricedCall]
) -> None:
    """The first notified of the start is the first notified of the end."""
    first = priced(scope="openinference.instrumentation.langchain", at=(0, 1000))
    second = priced(scope="opentelemetry.instrumentation.langchain", at=at)

    assert len(billed([first, second])) == calls


def test_a_client_s_span_without_the_response_joins_the_failed_one(
    priced: Callable[..., PricedCall],
) -> None:
    """The request alone has neither usage nor failure."""
    failed = priced(
        scope=CLIENT_SCOPE, status=CostStatus.FREE, error_type="RateLimitError", usage=None
    )
    request = priced(scope=OTHER_CLIENT, status=CostStatus.UNPRICED, usage=None, at=(2, 98))

    assert billed([request, failed]) == ids(failed)


def test_the_anthropic_sdk_inside_its_instrumentation_is_billed_with_its_split(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """Both are on by default: one call, at the price with the one-hour writes."""
    claude = {"provider": "anthropic", "request_model": "claude-sonnet-4-5", "response_id": "msg_1"}
    outer = priced(scope="opentelemetry.instrumentation.genai.anthropic", **claude)
    inner = inside(outer, scope=NATIVE, **claude)

    assert billed([inner, outer]) == ids(inner)


def test_parents_that_form_a_circle_end_somewhere(priced: Callable[..., PricedCall]) -> None:
    """Ids are untrusted."""
    one_call = priced(trace_id=1, span_id=11, parent_span_id=12)
    other = priced(trace_id=1, span_id=12, parent_span_id=11)
    own = priced(trace_id=1, span_id=13, parent_span_id=13)

    assert len(billed([one_call, other, own])) == 2


def test_a_repeated_span_is_decided_once(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """A file imported twice, or an exporter that sends again."""
    outer = priced(scope="langchain")
    inner = inside(outer, scope=CLIENT_SCOPE)

    decided = decide([inner, outer, inner, outer])

    assert [call.billed for call in decided] == [True, False, True, False]


def test_deciding_again_changes_nothing(
    priced: Callable[..., PricedCall], inside: Callable[..., PricedCall]
) -> None:
    """The calls of a ledger may be decided again after an import."""
    outer = priced(scope="langchain")
    calls = decide([inside(outer, scope=CLIENT_SCOPE), outer])

    assert decide(calls) == calls
    stale = [replace(call, billed=not call.billed) for call in calls]
    assert decide(stale) == calls


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openinference.instrumentation.langchain", FRAMEWORK),
        ("opentelemetry.instrumentation.langchain", FRAMEWORK),
        ("opentelemetry.instrumentation.genai.openai_agents", FRAMEWORK),
        ("pydantic-ai", FRAMEWORK),
        ("opentelemetry.instrumentation.llamaindex", FRAMEWORK),
        ("litellm", GATEWAY),
        ("opentelemetry.instrumentation.genai.openai", CLIENT),
        ("com.anthropic.sdk.python", CLIENT),
        ("", CLIENT),
    ],
)
def test_a_scope_has_its_distance_from_the_provider(scope: str, expected: int) -> None:
    """Frameworks call gateways, gateways call clients."""
    assert layer(scope) == expected
