"""Writes of `LedgerWriter`, which are idempotent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger import LatencyViolation, LedgerWriter, WriteResult, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.query.queries import Filters, calls, costs, find_trace, violations
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

Query = Callable[..., list[tuple[Any, ...]]]
MakeWriter = Callable[..., LedgerWriter]
MakeCall = Callable[..., PricedCall]
FULL = PricedCall(
    call=ModelCall(
        trace_id=2**128 - 1,
        span_id=2**64 - 1,
        parent_span_id=2**63,
        start_ns=1_763_812_800_000_000_001,
        end_ns=1_763_812_802_000_000_001,
        scope="opentelemetry.instrumentation.genai.anthropic",
        operation="chat",
        provider="anthropic",
        request_model="claude-sonnet-4-5",
        response_model="claude-sonnet-4-5-20250929",
        response_id="msg_01",
        service_tier="standard",
        usage=Usage(
            input_tokens=9,
            output_tokens=8,
            cache_read_tokens=7,
            cache_write_tokens=6,
            cache_write_1h_tokens=5,
            reasoning_tokens=4,
            input_audio_tokens=3,
            output_audio_tokens=2,
            web_search_requests=1,
        ),
        max_output_tokens=1024,
        streamed=True,
        error_type="timeout",
        http_status_code=504,
        request_never_sent=True,
        time_to_first_token_ns=250_000_000,
        service="shop",
        tenant="acme",
        user="ann",
        session="s-1",
        agent="planner",
        feature_flag="prompt=b",
        reported_cost_usd=Decimal("0.000000012"),
    ),
    status=CostStatus.PARTIAL,
    cost_nano_usd=11,
    reason="web searches have no price",
    price_source="genai-prices 0.2.3 anthropic/claude-sonnet-4-5",
    exposure_nano_usd=12,
    billed=False,
    billing_reason="repeats its child",
    billed_span_id=2**63 + 1,
)


def test_everything_comes_back(writer: LedgerWriter, path: Path) -> None:
    """Only user, session and response id are not stored as they are."""
    writer.write([FULL])

    with open_ledger(path) as ledger:
        (stored,) = calls(ledger)

    assert stored.response_fingerprint is not None
    assert stored.priced.call.user not in {None, "ann"}
    expected = replace(
        FULL,
        call=replace(
            FULL.call,
            user=stored.priced.call.user,
            session=stored.priced.call.session,
            response_id=None,
        ),
    )
    assert stored.priced == expected


def test_facts_missing_in_the_span_stay_unknown(writer: LedgerWriter, path: Path) -> None:
    """None is not zero, in either direction."""
    call = ModelCall(
        trace_id=1, span_id=2, start_ns=3_000, end_ns=5_000, scope="", operation="chat", provider=""
    )
    unknown = PricedCall(call=call, status=CostStatus.UNPRICED, cost_nano_usd=None)
    writer.write([unknown])

    with open_ledger(path) as ledger:
        (stored,) = calls(ledger)

    assert stored.priced == unknown


def test_threads_that_share_a_writer_lose_nothing(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Each call is stored once, and the sums are exact."""
    batches = [[make_call(tenant=f"t{n % 3}") for n in range(40)] for _ in range(8)]

    def write(batch: list[PricedCall]) -> list[object]:
        return [writer.write(batch[at : at + 4]).fault for at in range(0, len(batch), 4)]

    with ThreadPoolExecutor(len(batches)) as threads:
        faults = [fault for found in threads.map(write, batches) for fault in found]

    assert set(faults) == {None}
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 320
        assert check_integrity(ledger).ok


def test_writing_a_call_again_changes_nothing(
    writer: LedgerWriter, make_call: MakeCall, query: Query
) -> None:
    """A replay, a retried export or a second import is recognised by start time and span id."""
    batch = [make_call() for _ in range(100)]
    writer.write(batch)
    before = query("SELECT * FROM daily_costs")

    second_result = writer.write([*batch, make_call()])

    assert (second_result.written, second_result.already_known) == (1, 100)
    writer.write(batch[::-1])
    assert query("SELECT sum(calls) FROM daily_costs") == [(101,)]
    assert before == [(*before[0][:3], 100, *before[0][4:])]


def test_a_revision_moves_the_call_to_its_new_sums(
    writer: LedgerWriter, make_call: MakeCall, path: Path, query: Query
) -> None:
    """The old price is kept beside it; the sums follow in the same transaction."""
    call = make_call(cost_nano_usd=100)
    writer.write([call, make_call(cost_nano_usd=1)])

    result = writer.revise([replace(call, cost_nano_usd=250, price_source="override")])

    with open_ledger(path) as ledger:
        assert costs(ledger).total.cost_nano_usd == 251
        assert check_integrity(ledger).ok
    assert result.revised == 1
    assert query("SELECT cost_nano_usd FROM replaced_prices") == [(100,)]
    assert query("SELECT sum(calls) FROM daily_costs") == [(2,)]


def test_a_call_that_proves_to_be_a_duplicate_leaves_the_sums(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """The later span of the same provider call takes the bill."""
    call = make_call()
    writer.write([call])

    writer.revise([replace(call, billed=False, billing_reason="outer duplicate", billed_span_id=9)])

    with open_ledger(path) as ledger:
        total = costs(ledger).total
        (stored,) = calls(ledger)
        assert check_integrity(ledger).ok
    assert (total.calls, total.cost_nano_usd, total.p50_ms) == (0, 0, None)
    assert stored.priced.billing_reason == "outer duplicate"


def test_revising_twice_or_to_the_same_changes_nothing(
    writer: LedgerWriter, make_call: MakeCall, query: Query
) -> None:
    """A revision is a state, not a difference."""
    call = make_call()
    writer.write([call])
    other = replace(call, cost_nano_usd=7)

    results = [writer.revise([call]), writer.revise([other]), writer.revise([other])]

    assert [result.revised for result in results] == [0, 1, 0]
    assert query("SELECT count(*) FROM replaced_prices") == [(1,)]


def test_revising_an_unknown_call_stores_it(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """An importer does not need to know the calls of the ledger."""
    result = writer.revise([make_call()])

    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 1
    assert (result.written, result.revised) == (1, 0)


def test_each_violation_of_a_repeating_operation_is_kept(writer: LedgerWriter, path: Path) -> None:
    """Repeats never overwrite each other; the same violation twice is one."""
    seen = [
        LatencyViolation(
            operation="checkout",
            budget_ms=250,
            actual_ms=300.5 + n,
            at_ns=1_763_812_800_000_000_000 + n,
            trace_id=n,
            span_id=2**64 - 1 - n,
        )
        for n in range(3)
    ]
    writer.record_violations(seen)

    second_result = writer.record_violations(seen)

    with open_ledger(path) as ledger:
        assert violations(ledger) == tuple(reversed(seen))
        assert violations(ledger, operation="other") == ()
        assert violations(ledger, limit=1) == (seen[2],)
    assert second_result == WriteResult(already_known=3)
    assert seen[0].overage_ms == 50.5


def test_names_beyond_the_limit_become_other(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """A tenant that is different in every call cannot blow up the sums; money stays exact."""
    writer = make_writer(max_names=10)

    writer.write([make_call(tenant=f"t{n}", response_model=f"m{n % 40}") for n in range(200)])

    with open_ledger(path) as ledger:
        report = costs(ledger, by=("tenant",))
        assert check_integrity(ledger).ok
    assert len(report.groups) <= 13
    assert "_other" in {line.key[0] for line in report.groups}
    assert (report.total.calls, report.total.cost_nano_usd) == (200, 200 * 450_000)


def test_status_and_failure_survive_the_limit_of_names(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """Reasons may be merged, keys of sums may not."""
    writer = make_writer(max_names=5)
    batch = [
        make_call(
            reason=f"reason {n}",
            error_type=f"error {n}" if n % 2 else None,
            status=CostStatus.UNPRICED if n % 3 else CostStatus.PRICED,
            billed=n % 5 != 0,
        )
        for n in range(60)
    ]

    writer.write(batch)

    billed = [call for call in batch if call.billed]
    with open_ledger(path) as ledger:
        total = costs(ledger).total
    assert total.calls == len(billed)
    assert total.failed_calls == sum(call.call.failed for call in billed)
    assert total.unpriced_calls == sum(c.status is CostStatus.UNPRICED for c in billed)


@pytest.mark.parametrize(
    "odd",
    [
        {"service": "lone \ud800 surrogate"},
        {"tenant": "nul \x00 byte"},
        {"response_model": "m" * 100_000},
        {"cost_nano_usd": 2**70},
        {"input_tokens": 2**63},
        {"input_tokens": -5},
        {"start_ns": -1, "end_ns": 5},
        {"start_ns": 2**63 + 5, "end_ns": 2**63 + 6},
        {"end_ns": 0},
        {"span_id": 2**64, "trace_id": 2**128},
        {"http_status_code": 10**30},
        {"max_output_tokens": 2**64},
        {"reported_cost_usd": Decimal("NaN")},
        {"reported_cost_usd": Decimal("1e40")},
        {"time_to_first_token_ns": -1},
    ],
    ids=str,
)
def test_odd_values_are_bounded_and_stored(
    writer: LedgerWriter, make_call: MakeCall, path: Path, odd: dict[str, Any]
) -> None:
    """No value of a span can make its call, or its neighbours, disappear."""
    result = writer.write([make_call(), make_call(**odd), make_call()])

    assert (result.written, result.rejected) == (3, 0)
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 3
        assert check_integrity(ledger).ok
        assert len(calls(ledger)) == 3


def test_a_call_that_cannot_be_stored_costs_only_itself(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """It is counted and reported once, without its content."""
    warnings: list[str] = []
    writer = make_writer(say=warnings.append)
    odd = make_call(service="secret")
    broken = replace(odd, call=replace(odd.call, span_id="secret"))  # type: ignore[arg-type]

    result = writer.write([make_call(), broken, broken, make_call()])

    assert (result.written, result.rejected, result.durable) == (2, 2, True)
    assert len(warnings) == 1
    assert "secret" not in warnings[0]


def test_a_row_that_the_database_refuses_costs_only_itself(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """The batch is halved until the row is alone."""
    writer = make_writer()
    invalid = make_call(input_tokens=1.5)

    result = writer.write([*(make_call() for _ in range(70)), invalid, make_call()])

    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 71
        assert check_integrity(ledger).ok
    assert (result.written + result.already_known, result.rejected) == (71, 1)


def test_find_trace_returns_the_calls_of_a_trace_by_time(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Unbilled ones too, since they need an explanation."""
    batch = [make_call(trace_id=7), make_call(trace_id=8), make_call(trace_id=7, billed=False)]
    writer.write(batch[::-1])

    with open_ledger(path) as ledger:
        found = find_trace(ledger, 7)

    assert [stored.priced.call.span_id for stored in found] == [
        batch[0].call.span_id,
        batch[2].call.span_id,
    ]


def test_the_last_calls_come_first(writer: LedgerWriter, make_call: MakeCall, path: Path) -> None:
    """`limit` counts after the filters."""
    batch = [make_call(tenant="a" if n % 2 else "b") for n in range(10)]
    writer.write(batch)
    with open_ledger(path) as ledger:
        found = calls(ledger, limit=2, filters=Filters(tenant="a"))

    assert [s.priced.call.span_id for s in found] == [
        batch[9].call.span_id,
        batch[7].call.span_id,
    ]


def test_counters_account_for_everything_handed_in(
    make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """No call disappears between caller and disk."""
    writer = make_writer()
    batch = [make_call() for _ in range(5)]

    writer.write(batch)
    writer.write(batch)
    writer.revise([replace(batch[0], cost_nano_usd=1)])

    c = writer.counters
    assert c.handed_in == 11
    assert (c.written, c.already_known, c.revised) == (5, 5, 1)
