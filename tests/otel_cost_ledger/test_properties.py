"""Invariants for every order of writes, replays and revisions."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.model.csv_safe import safe_cell
from otel_cost_ledger.model.entries import Entry, from_line, to_line
from otel_cost_ledger.model.histogram import LATENCY_BUCKETS, bucket_of, middle_us, percentile
from otel_cost_ledger.model.money import usd_text
from otel_cost_ledger.model.privacy import Pseudonyms, bounded_cleaner
from otel_cost_ledger.model.row_maker import RowMaker
from otel_cost_ledger.model.rows import signed_64, unsigned_64
from otel_cost_ledger.query.queries import costs
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

QUICK = settings(max_examples=40)

OPTIONAL_COUNT = st.none() | st.integers(0, 2**20)


@st.composite
def priced_calls(draw: st.DrawFn) -> PricedCall:
    """Calls from a small domain, so that keys, names and days often collide."""
    key = draw(st.integers(1, 12))
    start_ns = 1_763_812_800_000_000_000 + key * 6 * 3_600 * 10**9
    call = ModelCall(
        trace_id=key,
        span_id=key,
        start_ns=start_ns,
        end_ns=start_ns + (key * 37 % 11) * 10**8,
        scope="scope",
        operation="chat",
        provider="openai",
        response_model=f"model-{key % 3}",
        tenant=f"tenant-{key % 2}",
        usage=Usage(input_tokens=key, output_tokens=key * 2),
        error_type=draw(st.sampled_from([None, "timeout"])),
    )
    status = draw(st.sampled_from(list(CostStatus)))
    unknown = status is CostStatus.UNPRICED
    return PricedCall(
        call=call,
        status=status,
        cost_nano_usd=None if unknown else draw(st.integers(0, 2**40)),
        exposure_nano_usd=draw(OPTIONAL_COUNT),
        billed=draw(st.booleans()),
    )


@QUICK
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "revise"]), st.lists(priced_calls(), max_size=6)),
        max_size=8,
    )
)
def test_sums_are_the_sums_of_the_last_decisions(
    steps: list[tuple[str, list[PricedCall]]],
) -> None:
    """A write counts a call once, a revision replaces its price; the sums follow exactly."""
    expected: dict[int, PricedCall] = {}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "ledger.db")
        writer = LedgerWriter(path)
        writer.write([])
        for kind, batch in steps:
            getattr(writer, kind)(batch)
            for call in batch:
                if kind == "revise" or call.call.span_id not in expected:
                    expected[call.call.span_id] = call
        writer.shutdown()
        with open_ledger(path) as ledger:
            report = check_integrity(ledger)
            total = costs(ledger).total

    billed = [call for call in expected.values() if call.billed]
    assert report.problems == ()
    assert report.calls == len(expected)
    assert total.calls == len(billed)
    assert total.cost_nano_usd == sum(call.cost_nano_usd or 0 for call in billed)
    assert total.exposure_nano_usd == sum(call.exposure_nano_usd or 0 for call in billed)
    assert total.failed_calls == sum(call.call.failed for call in billed)
    assert total.unpriced_calls == sum(c.status is CostStatus.UNPRICED for c in billed)


@QUICK
@given(st.lists(priced_calls(), max_size=12))
def test_the_order_and_the_batches_of_writes_do_not_matter(
    calls: list[PricedCall],
) -> None:
    """Spans arrive in any order, in any batches, more than once."""
    calls = list({call.call.span_id: call for call in calls}.values())
    shuffled = [*calls, *calls[::2]][::-1]
    totals = []
    for batches in ([calls], [[call] for call in shuffled]):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "ledger.db")
            writer = LedgerWriter(path)
            for batch in batches:
                writer.write(batch)
            writer.shutdown()
            if not calls:
                continue
            with open_ledger(path) as ledger:
                totals.append(costs(ledger, by=("model", "tenant", "day")))

    assert len({str(total) for total in totals}) <= 1


@given(st.integers(0, 2**40))
def test_a_bucket_approximates_its_latencies_within_2_2_percent(latency_us: int) -> None:
    """The promise on every percentile that comes from the histogram."""
    middle = middle_us(bucket_of(latency_us))

    assert abs(middle - latency_us) <= 0.0222 * latency_us


def test_buckets_are_those_of_the_opentelemetry_histogram_at_scale_four() -> None:
    """Every sixteenth bound is a power of two, and there is one bucket a bound."""
    bounds = {bucket: lower for lower, bucket in LATENCY_BUCKETS}

    assert [bounds[16 * n] for n in range(41)] == [2**n for n in range(41)]
    assert len(bounds) == len(LATENCY_BUCKETS)


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 100))
def test_percentiles_are_nearest_ranks(values: list[int], percent: int) -> None:
    """As in a sorted list."""
    rank = max(1, -(-len(values) * percent // 100))

    assert percentile(Counter(values), percent) == sorted(values)[rank - 1]


@given(st.integers(0, 2**64 - 1))
def test_span_ids_survive_being_signed(span_id: int) -> None:
    """SQLite integers are signed, span ids are not."""
    assert -(2**63) <= signed_64(span_id) < 2**63
    assert unsigned_64(signed_64(span_id)) == span_id


@given(st.integers(-(2**62), 2**62))
def test_dollars_are_exact(nano_usd: int) -> None:
    """Parsing the text returns the integer, and it has no trailing zeros."""
    text = usd_text(nano_usd)

    assert Decimal(text) * 10**9 == nano_usd
    assert "." not in text or not text.endswith("0")


@given(priced_calls(), st.sampled_from(["insert", "revise"]))
def test_a_spilled_line_is_restored_unchanged(call: PricedCall, kind: str) -> None:
    """Waiting on disk changes nothing."""
    maker = RowMaker(bounded_cleaner(str), Pseudonyms(b"0123456789abcdef"))
    entry = Entry(kind, maker.row(replace(call, billed_span_id=5)))  # type: ignore[arg-type]

    assert from_line(to_line(entry)) == entry


@given(st.text())
def test_no_cell_starts_a_formula(text: str) -> None:
    """For any span name."""
    visible = safe_cell(text).lstrip(" \u00a0\u200b\u200c\u200d\u2060\ufeff")

    assert not visible.startswith(tuple("=+-@\t\r＝＋－＠"))
