"""Normalised counts of every dialect, and invalid values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_pricing import PriceBook, SpanRecord, Usage, price_call, read_call
from otel_pricing.model.usage import Counts, normalise
from otel_pricing.model.values import count, nanoseconds, text, usd, walk

HOSTILE: list[object] = [
    -1,
    10**12,
    10**400,
    float("nan"),
    float("inf"),
    float("-inf"),
    1.5,
    True,
    False,
    "1e3",
    "-5",
    "n/a",
    "1,200",
    "0x10",
    "1200.5",
    "\u0661\u0662",
    "",
    b"12",
    None,
    [],
    [1200],
    {},
    {"a": 1},
    (1,),
    object(),
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: f"{value!r:.20}".partition(" at ")[0])
def test_a_value_that_is_not_a_count_is_missing(value: object) -> None:
    """Negative, huge, broken, textual and boolean numbers are never tokens."""
    assert count(value) is None


@pytest.mark.parametrize(
    ("value", "tokens"),
    [(0, 0), (1200, 1200), (1200.0, 1200), (10**9, 10**9), ("1200", 1200), ("1200.0", 1200)],
)
def test_a_whole_number_is_a_count(value: object, tokens: int) -> None:
    """Also as the double that some languages write for every number."""
    assert count(value) == tokens


def test_names_are_short_text() -> None:
    """A megabyte is not a model name."""
    assert text(" gpt-4o ") == "gpt-4o"
    for value in ("", "   ", "x" * 513, 7, None, b"x"):
        assert text(value) is None


def test_amounts_and_durations_must_be_sane() -> None:
    """A billion dollars or a negative time is ignored."""
    assert usd("0.5") == Decimal("0.5")
    amounts: list[object] = [True, "x", -1, float("nan"), 10**9, [], None]
    for amount in amounts:
        assert usd(amount) is None
    assert nanoseconds(0.5) == 500_000_000
    assert nanoseconds("0.5") == 500_000_000
    durations: list[object] = [True, -1, 10**9, "1e3", float("nan"), float("inf"), None]
    for value in durations:
        assert nanoseconds(value) is None


def test_walking_breaks_off_where_the_path_does() -> None:
    """Foreign JSON may have any shape."""
    value: dict[str, Any] = {"a": [{"b": 1}]}
    assert walk(value, "a", 0, "b") == 1
    assert walk(value, "a", 1) is None
    assert walk(value, 0) is None
    assert walk(value, "a", "b") is None


def test_missing_counts_are_no_usage() -> None:
    """Missing usage is not zero usage."""
    assert normalise(Counts()) is None
    assert normalise(Counts(total_tokens=5)) is None


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        pytest.param(
            Counts(input_tokens=1700, cache_read_tokens=1024, cache_write_tokens=500),
            Usage(input_tokens=1700, cache_read_tokens=1024, cache_write_tokens=500),
            id="cached tokens are part of the input",
        ),
        pytest.param(
            # 1024 + 500 > 176, so they cannot be part of it: 176 + 1524 = 1700
            Counts(input_tokens=176, cache_read_tokens=1024, cache_write_tokens=500),
            Usage(input_tokens=1700, cache_read_tokens=1024, cache_write_tokens=500),
            id="more cached than input proves that they are beside it",
        ),
        pytest.param(
            # 1000 + 50 + 200 = 1250: the total only adds up with the cache beside the input
            Counts(input_tokens=1000, output_tokens=50, cache_read_tokens=200, total_tokens=1250),
            Usage(input_tokens=1200, output_tokens=50, cache_read_tokens=200),
            id="a total that counts them beside proves it too",
        ),
        pytest.param(
            Counts(input_tokens=1000, output_tokens=50, cache_read_tokens=200, total_tokens=1050),
            Usage(input_tokens=1000, output_tokens=50, cache_read_tokens=200),
            id="a total that does not leaves them inside",
        ),
        pytest.param(
            # 1200 + 300 + 100 = 1600
            Counts(input_tokens=1200, output_tokens=300, reasoning_tokens=100, total_tokens=1600),
            Usage(input_tokens=1200, output_tokens=400, reasoning_tokens=100),
            id="reasoning beside the output, by the total",
        ),
        pytest.param(
            Counts(output_tokens=50, reasoning_tokens=200),
            Usage(output_tokens=250, reasoning_tokens=200),
            id="reasoning beside the output, by its size",
        ),
        pytest.param(
            Counts(input_tokens=1200, output_tokens=300, reasoning_tokens=100, total_tokens=1500),
            Usage(input_tokens=1200, output_tokens=300, reasoning_tokens=100),
            id="reasoning inside the output",
        ),
        pytest.param(
            Counts(input_tokens=9, cache_write_5m_tokens=4, cache_write_1h_tokens=1),
            Usage(input_tokens=9, cache_write_tokens=5, cache_write_1h_tokens=1),
            id="writes by lifetime add up",
        ),
        pytest.param(
            Counts(input_tokens=50, input_audio_tokens=80, output_tokens=5, output_audio_tokens=7),
            Usage(input_tokens=80, input_audio_tokens=80, output_tokens=7, output_audio_tokens=7),
            id="a total is never less than its audio",
        ),
        pytest.param(
            Counts(input_audio_tokens=0, cache_read_tokens=9),
            Usage(input_audio_tokens=0, cache_read_tokens=9),
            id="an unreported total is not computed from its parts",
        ),
    ],
)
def test_totals_come_to_include_their_subsets(counts: Counts, usage: Usage) -> None:
    """For every way of counting."""
    assert normalise(counts) == usage


def test_a_dialect_may_say_that_its_input_excludes_the_cache() -> None:
    """Then no inference is needed: 2000 + 500 = 2500."""
    counts = Counts(input_tokens=2000, cache_read_tokens=500)

    usage = normalise(counts, input_excludes_cache=True)

    assert usage == Usage(input_tokens=2500, cache_read_tokens=500)


def test_tokens_missing_in_geminis_output_are_in_its_total() -> None:
    """1600 - 1200 = 400 out, 100 of them thoughts that the span does not count."""
    counts = Counts(input_tokens=1200, output_tokens=300, total_tokens=1600)

    assert normalise(counts, rest_is_output=True) == Usage(input_tokens=1200, output_tokens=400)
    assert normalise(counts) == Usage(input_tokens=1200, output_tokens=300)


ANYTHING = st.one_of(
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.text(max_size=20),
    st.none(),
    st.lists(st.integers(), max_size=2),
)
KEYS = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.total_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.audio.input_tokens",
    "gen_ai.usage.audio.output_tokens",
    "gen_ai.usage.web_search_requests",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.provider.name",
    "openai.response.service_tier",
    "error.type",
    "http.response.status_code",
    "metadata.usage_object",
    "output.value",
    "openinference.span.kind",
    "llm.invocation_parameters",
    "server.address",
)
BOOK = PriceBook()


@example(
    {
        "gen_ai.usage.input_tokens": -1,
        "gen_ai.usage.audio.input_tokens": 0,
        "gen_ai.usage.cache_read.input_tokens": 1,
    },
    "",
)
@given(
    st.dictionaries(st.sampled_from(KEYS), ANYTHING), st.sampled_from(["litellm", "bedrock", ""])
)
def test_no_attribute_value_makes_reading_or_pricing_raise(
    attributes: dict[str, object], scope: str
) -> None:
    """Any attributes are read, and money is never negative."""
    record = SpanRecord(
        trace_id=1,
        span_id=2,
        start_ns=1_780_000_000_000_000_000,
        scope_name=scope,
        attributes={"gen_ai.operation.name": "chat"} | attributes,
    )
    call = read_call(record)
    if call is None:
        return
    usage = call.usage
    if usage is not None:
        cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
        assert usage.input_tokens is None or usage.input_tokens >= cached
        assert (usage.cache_write_1h_tokens or 0) <= (usage.cache_write_tokens or 0)
    assert (price_call(call, BOOK).cost_nano_usd or 0) >= 0


def test_zero_input_tokens_are_uncounted_tokens() -> None:
    """LangChain writes zero for a streamed response whose beginning it did not read."""
    assert normalise(Counts(input_tokens=0, output_tokens=0, cache_read_tokens=0)) is None
    assert normalise(Counts(input_tokens=0, output_tokens=300)) == Usage(output_tokens=300)
    all_cached = normalise(Counts(input_tokens=0, output_tokens=300, cache_read_tokens=1024))
    assert all_cached is not None
    assert all_cached.input_tokens == 1024
