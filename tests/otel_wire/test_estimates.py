"""Uncounted output is estimated from its characters, within the request's bounds."""

from __future__ import annotations

import pytest

from otel_pricing import Usage
from otel_wire.answers import Answer
from otel_wire.estimates import tokens_of_characters, usage_or_estimate
from otel_wire.requests import ModelRequest

REQUEST = ModelRequest("openai", "m", "chat", 400, 1000)

# Characters and tokens (o200k_base) of measured passages, the extremes of each kind.
MEASURED = {
    "English": (3000, 704, 932),
    "Python": (3000, 556, 2222),
    "JSON": (3000, 409, 1115),
    "Chinese": (3000, 984, 2069),
    "Japanese": (3000, 1099, 2055),
    "Russian": (3000, 610, 1119),
}


@pytest.mark.parametrize("kind", MEASURED)
def test_measured_passages_are_within_the_bounds(kind: str) -> None:
    """From the shortest words to the longest."""
    characters, fewest, most = MEASURED[kind]
    estimate = tokens_of_characters(characters)

    assert estimate.least <= fewest <= most <= estimate.most
    assert estimate.least <= estimate.tokens <= estimate.most


def test_a_final_usage_is_not_an_estimate() -> None:
    """It is the provider's report."""
    usage = Usage(input_tokens=10, output_tokens=20)
    found = usage_or_estimate(REQUEST, Answer(usage=usage, usage_is_final=True, complete=True))

    assert (found.usage, found.is_estimated) == (usage, False)


@pytest.mark.parametrize(
    ("answer", "tokens", "most"),
    [
        (Answer(output_characters=350, complete=True), (100, 100), 389),
        (Answer(output_characters=350), (100, 100), 1000),
        (Answer(usage=Usage(input_tokens=7, output_tokens=1), output_characters=350), (7, 100),
         1000),
        (Answer(usage=Usage(input_tokens=7, output_tokens=200), output_characters=350), (7, 200),
         1000),
        (Answer(output_characters=10**9), (100, 1000 + 125 + 256), 1381),
        (Answer(), (100, 0), 1000),
    ],
)  # fmt: skip
def test_missing_counts_are_estimated(answer: Answer, tokens: tuple[int, int], most: int) -> None:
    """And output before a stream broke off counts."""
    found = usage_or_estimate(REQUEST, answer)

    assert (found.usage.input_tokens, found.usage.output_tokens) == tokens
    assert found.is_estimated
    assert found.most_output_tokens == most
