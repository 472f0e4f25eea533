"""Recordings of real instrumentations: the calls, the cost and the status of each, exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from otel_pricing import (
    BillingWindow,
    LineProblem,
    PriceBook,
    PricedCall,
    decide,
    price_call,
    read_call,
    read_spans,
)

if TYPE_CHECKING:
    from pathlib import Path

INSTRUMENTATIONS = (
    "anthropic-sdk-native",
    "genai-anthropic",
    "genai-openai",
    "oi-langchain",
    "oi-openai",
    "ollm-langchain",
    "ollm-openai",
)


def price(path: Path, book: PriceBook) -> list[PricedCall]:
    """Return every model call of a recording with its cost, before billing decisions."""
    problems: list[LineProblem] = []
    spans = list(read_spans(path, report=problems.append))
    assert not problems
    return [price_call(call, book) for span in spans if (call := read_call(span))]


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_a_recording_has_the_calls_cost_and_status_that_were_made(
    instrumentation: str, recordings: Path, book: PriceBook
) -> None:
    """The import of an archive equals the provider's requests and charges."""
    truth = json.loads((recordings / "truth.json").read_text())
    names = [name for name in truth if name.split(".")[0] == instrumentation]
    assert names
    for name in names:
        expected = truth[name]

        calls = decide(price(recordings / f"{name}.otlp.jsonl", book))

        billed = [call for call in calls if call.billed]
        status = {"failed": "free"}.get(expected["status"], expected["status"])
        assert len(billed) == expected["calls"], name
        assert {call.status.value for call in billed} == {status}, name
        assert all(call.call.failed for call in billed) == (expected["status"] == "failed"), name
        if expected["cost_nano_usd"] is not None:
            total = sum(call.cost_nano_usd or 0 for call in billed)
            assert total == expected["cost_nano_usd"], name


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_the_live_window_decides_as_the_import_of_the_archive_does(
    instrumentation: str, recordings: Path, book: PriceBook
) -> None:
    """Deciding call by call and deciding on the whole archive bill the same spans."""
    for path in sorted(recordings.glob(f"{instrumentation}.*.otlp.jsonl")):
        calls = price(path, book)
        window = BillingWindow()
        live: dict[int, bool] = {}

        for call in calls:
            live |= {changed.call.span_id: changed.billed for changed in window.offer(call)}

        assert live == {call.call.span_id: call.billed for call in decide(calls)}, path.name
