"""The likely cost of calls without a certain price, beside its bound."""

from __future__ import annotations

from typing import Any

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.model.filters import END_OF_TIME_NS, Filters, Window
from otel_cost_ledger.model.location import Location
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_cost_ledger.query.likely import likely_cost, likely_more
from otel_cost_ledger.query.timeline import timeline
from otel_pricing.model.call import CostStatus

from .conftest import MakeCall, MakeWriter

UNPRICED: dict[str, Any] = {"status": CostStatus.UNPRICED, "cost_nano_usd": None}


def likely(location: Location) -> int | None:
    """Return the estimate, which sums over time and sums of all time agree on."""
    with open_ledger(location) as ledger:
        total = likely_more(ledger, None, None, Filters())
        sums = timeline(ledger, Window(0, END_OF_TIME_NS), NS_PER_DAY, Filters())
    assert likely_cost(sums) == total
    return total


def test_a_call_without_usage_is_likely_to_cost_what_its_model_costs(
    location: Location, make_call: MakeCall, make_writer: MakeWriter
) -> None:
    """The average of its model's priced calls, not of others, and not the bound."""
    make_writer(path=location).write(
        [
            make_call(cost_nano_usd=400),
            make_call(cost_nano_usd=600),
            make_call(response_model="dear", request_model="dear", cost_nano_usd=10**9),
            make_call(**UNPRICED, exposure_nano_usd=10**9),
        ]
    )

    assert likely(location) == 500


def test_a_model_without_a_price_is_likely_to_cost_what_tokens_cost(
    path: Location, make_call: MakeCall, writer: LedgerWriter
) -> None:
    """120 tokens for 1,200 nano-dollars; the unknown one used 240."""
    writer.write(
        [
            make_call(cost_nano_usd=1200),
            make_call(
                **UNPRICED,
                exposure_nano_usd=10**9,
                request_model="house",
                response_model="house",
                input_tokens=200,
                output_tokens=40,
            ),
        ]
    )

    assert likely(path) == 2400


@pytest.mark.parametrize(
    ("priced_nano_usd", "exposure", "expected"), [(10**9, 700, 700), (None, 700, None)]
)
def test_it_is_never_above_the_bound_nor_made_up(
    path: Location,
    make_call: MakeCall,
    writer: LedgerWriter,
    priced_nano_usd: int | None,
    exposure: int,
    expected: int | None,
) -> None:
    """Without a call to compare with there is no estimate."""
    calls = [make_call(**UNPRICED, exposure_nano_usd=exposure)]
    if priced_nano_usd is not None:
        calls.append(make_call(cost_nano_usd=priced_nano_usd))
    writer.write(calls)

    assert likely(path) == expected


def test_exact_costs_need_no_estimate(
    path: Location, make_call: MakeCall, writer: LedgerWriter
) -> None:
    """All costs are known."""
    writer.write([make_call()])

    assert likely(path) is None
