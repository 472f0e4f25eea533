"""The table of provider operations in docs/pricing.md: wire, span and import of each."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_pricing import (
    ModelCall,
    PriceBook,
    SpanRecord,
    price_call,
    read_call,
    read_spans,
)
from otel_wire.answers import AnswerReader
from otel_wire.estimates import usage_or_estimate
from otel_wire.observer import Observer
from otel_wire.operations import BATCH
from otel_wire.requests import read_request
from support.provider_operations import OPERATIONS, Operation

if TYPE_CHECKING:
    from otel_pricing import PricedCall

START_NS = 1_795_800_000_000_000_000
BOOK = PriceBook()
PAGE = Path(__file__).parents[2] / "docs" / "pricing.md"


def ids(row: Operation) -> str:
    return f"{row.name} {row.provider} {row.model}"


def on_wire(row: Operation) -> PricedCall | None:
    """Return the price of the row's request and response; None if it is not a separate call."""
    wire = row.wire
    assert wire is not None
    request = read_request(wire.host, wire.path, json.dumps(wire.body).encode(), {})
    assert request is not None
    if request.operation == BATCH:
        return None
    reader = AnswerReader(request, 200, {"content-type": wire.kind})
    answer = wire.answer
    reader.feed(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
    read = reader.end()
    found = usage_or_estimate(request, read)
    return price_call(
        ModelCall(
            trace_id=1,
            span_id=2,
            start_ns=START_NS,
            end_ns=START_NS + 1,
            scope="wire",
            operation=request.operation,
            provider=request.provider,
            request_model=request.model,
            response_model=read.model,
            service_tier=read.tier,
            usage=found.usage,
            usage_estimate="no usage" if found.is_estimated else "",
            reported_cost_usd=read.reported_cost_usd,
        ),
        BOOK,
    )


def attributes(row: Operation) -> dict[str, Any]:
    assert row.counts is not None
    return {
        "gen_ai.operation.name": row.operation,
        "gen_ai.provider.name": row.provider,
        "gen_ai.request.model": row.model,
        **({"gen_ai.response.service_tier": row.tier} if row.tier else {}),
        **{f"gen_ai.usage.{name}": n for name, n in row.counts.items()},
    }


def imported(line: dict[str, Any]) -> PricedCall:
    (span,) = read_spans(io.BytesIO(json.dumps(line).encode() + b"\n"))
    call = read_call(span)
    assert call is not None
    return price_call(call, BOOK)


def check(priced: PricedCall, expected: str, nano_usd: int | None) -> None:
    status, _, reason = expected.partition(": ")
    if status == "exact":
        assert (priced.status.value, priced.reason) == ("priced", "")
        assert priced.cost_nano_usd == nano_usd
    elif status == "reported":
        assert (priced.status.value, priced.cost_nano_usd) == ("reported", nano_usd)
    else:
        assert priced.status.value in status.split(" or ")
        assert priced.reason
        words = reason.split(", ")
        known = {"no list price", "declare an alias", "no usage", "standard rates"}
        assert all(word in priced.reason for word in words if word not in known), priced.reason


@pytest.mark.parametrize("row", [r for r in OPERATIONS if r.wire is not None], ids=ids)
def test_what_a_request_and_its_response_cost(row: Operation) -> None:
    """As read by the accounting."""
    priced = on_wire(row)

    if row.on_wire.startswith("refused by design"):
        assert priced is None
    else:
        assert priced is not None
        check(priced, row.on_wire, row.nano_usd)


@pytest.mark.parametrize("row", [r for r in OPERATIONS if r.counts is not None], ids=ids)
def test_what_a_span_and_its_import_cost(row: Operation) -> None:
    """By the names of the conventions; the archive gives the same."""
    span_attributes = attributes(row)
    call = read_call(
        SpanRecord(
            trace_id=1,
            span_id=2,
            start_ns=START_NS,
            end_ns=START_NS + 1,
            attributes=span_attributes,
        )
    )
    assert call is not None
    live = price_call(call, BOOK)

    check(live, row.on_span, row.nano_usd)
    reimported = imported(otlp(span_attributes))
    assert (reimported.status, reimported.cost_nano_usd) == (live.status, live.cost_nano_usd)


@pytest.mark.parametrize("row", [r for r in OPERATIONS if r.result is not None], ids=ids)
def test_what_a_line_of_a_batch_result_costs(row: Operation) -> None:
    """At batch rates: imported, and read while it is downloaded."""
    assert row.result is not None
    assert row.result_at is not None
    fetched: list[SpanRecord] = []
    observer = Observer()
    observer.observe_results(lambda _result, spans: fetched.extend(spans))
    download = observer.begin_result("test", *row.result_at)
    assert download is not None
    download.whole(200, {}, json.dumps(row.result).encode())
    observer.drain()
    (span,) = fetched
    call = read_call(span)
    assert call is not None

    for priced in (imported(row.result), price_call(call, BOOK)):
        check(priced, row.on_wire, row.nano_usd)
        assert priced.call.model.endswith(row.model)


@pytest.mark.parametrize("row", [r for r in OPERATIONS if r.operation == "batch"], ids=ids)
def test_a_span_that_submits_a_batch_is_not_a_call(row: Operation) -> None:
    """Nothing has run yet."""
    span_attributes = {"gen_ai.operation.name": "batch", "gen_ai.provider.name": row.provider,
            "gen_ai.request.model": row.model}  # fmt: skip

    assert row.on_span.startswith("refused by design")
    assert (
        read_call(
            SpanRecord(
                trace_id=1,
                span_id=2,
                start_ns=START_NS,
                end_ns=START_NS + 1,
                attributes=span_attributes,
            )
        )
        is None
    )


def test_each_row_is_held_in_all_three_ways() -> None:
    """On the wire, as a span and imported; refusals by design are marked."""
    for row in OPERATIONS:
        on_wire = row.wire is not None or row.result_at is not None
        assert on_wire or row.on_wire.startswith("refused by design"), ids(row)
        assert row.counts is not None or row.on_span.startswith("refused by design"), ids(row)


def otlp(span_attributes: dict[str, Any]) -> dict[str, Any]:
    def value(of: object) -> dict[str, object]:
        if isinstance(of, int):
            return {"intValue": str(of)}
        return {"doubleValue": of} if isinstance(of, float) else {"stringValue": of}

    span = {
        "traceId": f"{1:032x}",
        "spanId": f"{2:016x}",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + 1),
        "attributes": [{"key": key, "value": value(of)} for key, of in span_attributes.items()],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def table() -> str:
    """Return the table of docs/pricing.md."""
    lines = ["| operation | provider | model | wire | span | import |", "|---|---|---|---|---|---|"]
    for row in OPERATIONS:
        model = row.model.rpartition("/")[2] if row.model.startswith("arn:") else row.model
        cells = (row.name, row.provider, model, row.on_wire, row.on_span, row.on_span)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_the_page_has_the_table_as_it_is_tested() -> None:
    """`PYTHONPATH=tests:. python -m tests.otel_pricing.test_provider_operations` prints it."""
    assert len(OPERATIONS) >= 60
    assert table() in PAGE.read_text(encoding="utf-8")


FACTS = [
    ("openai", "gpt-realtime-1.5", "input", "4"),
    ("openai", "gpt-realtime-1.5", "cache_read", "0.4"),
    ("openai", "gpt-realtime-1.5", "output", "16"),
    ("openai", "gpt-realtime-1.5", "input_audio", "32"),
    ("openai", "gpt-realtime-1.5", "cached_audio", "0.4"),
    ("openai", "gpt-realtime-1.5", "output_audio", "64"),
    ("openai", "gpt-realtime-1.5", "input_image", "5"),
    ("openai", "gpt-realtime-1.5", "cached_image", "0.5"),
    ("openai", "gpt-realtime-2.1-mini", "input_audio", "10"),
    ("openai", "gpt-realtime-2.1-mini", "cached_audio", "0.3"),
    ("openai", "gpt-realtime-2.1-mini", "input_image", "0.8"),
    ("anthropic", "claude-opus-4-5", "input", "5"),
    ("anthropic", "claude-opus-4-5", "cache_write", "6.25"),
    ("anthropic", "claude-opus-4-5", "cache_write_1h", "10"),
    ("anthropic", "claude-opus-4-5", "cache_read", "0.5"),
    ("anthropic", "claude-opus-4-5", "output", "25"),
    ("anthropic", "claude-haiku-4-5", "input", "1"),
    ("anthropic", "claude-haiku-4-5", "output", "5"),
]
"""US dollars per million tokens on the providers' pages; docs/pricing.md names the pages."""


@pytest.mark.parametrize(("provider", "model", "unit", "usd"), FACTS)
def test_list_prices_are_those_of_the_providers_pages(
    provider: str, model: str, unit: str, usd: str
) -> None:
    """A list that differs from its source is wrong, or the price has changed since."""
    price = BOOK.find(provider, model, at_ns=START_NS)

    assert price is not None
    rate = price.rate(unit)
    assert rate is not None
    assert rate.usd_per_million == Decimal(usd)


def test_a_duration_has_the_price_of_the_providers_page() -> None:
    """0.017 a minute."""
    price = BOOK.find("openai", "gpt-realtime-whisper", at_ns=START_NS)

    assert price is not None
    (rate,) = price.counted
    assert rate.usd / rate.per * 60_000 == Decimal("0.017")


if __name__ == "__main__":
    print(table(), end="")
