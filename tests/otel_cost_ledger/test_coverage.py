"""Evidence of calls, in a file and in a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_cost_ledger import open_ledger
from otel_cost_ledger.query.costs import costs
from otel_cost_ledger.query.coverage import coverage
from otel_pricing.model.billing_reasons import CACHED
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger import LedgerWriter
    from otel_cost_ledger.model.location import Location
    from otel_pricing.model.call import PricedCall

CLIENT = "opentelemetry.instrumentation.genai.openai"
FRAMEWORK = "openinference.instrumentation.langchain"


def repeat(of: PricedCall, make_call: Callable[..., Any], scope: str) -> PricedCall:
    call: PricedCall = make_call(
        scope=scope,
        provider=of.call.provider,
        trace_id=of.call.trace_id,
        billed=False,
        billing_reason="same call",
        billed_span_id=of.call.span_id,
    )
    return call


def test_calls_are_counted_by_their_evidence(
    make_writer: Callable[..., LedgerWriter],
    make_call: Callable[..., Any],
    location: Location,
) -> None:
    """A call counts once for any number of spans; providers are separate."""
    seen, alone, other = (
        make_call(scope=WIRE_SCOPE, provider=provider)
        for provider in ("openai", "openai", "anthropic")
    )
    by_span = make_call(scope=CLIENT, provider="openai")
    better_span = make_call(scope=CLIENT, provider="openai")
    cached = make_call(scope=FRAMEWORK, provider="openai", billed=False, billing_reason=CACHED)
    writer = make_writer(path=location)
    writer.write(
        [
            seen,
            repeat(seen, make_call, CLIENT),
            repeat(seen, make_call, FRAMEWORK),
            alone,
            other,
            by_span,
            better_span,
            repeat(better_span, make_call, WIRE_SCOPE),
            cached,
        ]
    )
    writer.shutdown()

    with open_ledger(location) as ledger:
        report = coverage(ledger)

    openai, anthropic = report.providers
    assert (openai.provider, openai.calls, openai.cached) == ("openai", 4, 1)
    assert (openai.both, openai.wire_only, openai.span_only) == (2, 1, 1)
    assert openai.scopes == {CLIENT: 3, FRAMEWORK: 1}
    assert (anthropic.provider, anthropic.wire_only, anthropic.calls) == ("anthropic", 1, 1)
    assert report.complete


def test_costs_count_answers_from_caches_apart(
    make_writer: Callable[..., LedgerWriter],
    make_call: Callable[..., Any],
    location: Location,
) -> None:
    """They are not calls and cost nothing; the avoided cost is a saving."""
    paid = make_call(cost_nano_usd=1_000)
    cached = [
        make_call(cost_nano_usd=700, billed=False, billing_reason=CACHED, response_model=model)
        for model in ("gpt-4o", "gpt-4o-mini")
    ]
    writer = make_writer(path=location)
    writer.write([paid, *cached])
    writer.shutdown()

    with open_ledger(location) as ledger:
        found = costs(ledger, percentiles=False)

    assert (found.total.calls, found.total.cost_nano_usd) == (1, 1_000)
    assert (found.cached_answers, found.cached_nano_usd) == (2, 1_400)
