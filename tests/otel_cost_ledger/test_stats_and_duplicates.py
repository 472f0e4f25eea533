"""Statistics of calls, and stored calls that may duplicate new ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.query.queries import duplicate_candidates, overlapping, stats
from otel_pricing import decide
from otel_pricing.model.call import PricedCall

MakeCall = Callable[..., PricedCall]
SECOND_NS = 10**9
START_NS = 1_763_812_800_000_000_000


def test_stats_have_errors_speed_and_first_tokens(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """60 tokens in 3 s are 20 a second; one of three calls failed."""
    writer.write(
        [
            make_call(latency_ms=1000, time_to_first_token_ns=100_000_000),
            make_call(latency_ms=1000, time_to_first_token_ns=300_000_000),
            make_call(latency_ms=1000, error_type="timeout"),
            make_call(latency_ms=9000, billed=False, time_to_first_token_ns=1),
        ]
    )

    with open_ledger(path) as ledger:
        report = stats(ledger)

    (line,) = report.groups
    assert line.key == ("gpt-4o",)
    assert (line.calls, line.failed_calls) == (3, 1)
    assert line.error_rate == pytest.approx(1 / 3)
    assert line.output_tokens_per_s == pytest.approx(20)
    assert (line.p50_ms, line.ttft_p50_ms, line.ttft_p95_ms) == (1000, 100, 300)
    assert report.total == replace(line, key=())


def test_stats_of_an_empty_ledger_are_unknown(writer: LedgerWriter, path: Path) -> None:
    """No division by zero, no invented number."""
    writer.write([])

    with open_ledger(path) as ledger:
        total = stats(ledger).total

    assert (total.calls, total.error_rate, total.output_tokens_per_s) == (0, 0, None)


def test_overlapping_finds_calls_that_were_under_way(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Touching counts; ended before and started after do not."""
    batch = [
        make_call(start_ns=START_NS + s * SECOND_NS, latency_ms=1000, user=f"{s}")
        for s in (0, 1, 2, 3, 4, 5)
    ]
    writer.write(batch)

    with open_ledger(path) as ledger:
        found = overlapping(
            ledger, START_NS + 2 * SECOND_NS, START_NS + 3 * SECOND_NS + SECOND_NS // 2
        )

    assert [stored.priced.call.span_id for stored in found] == [
        call.call.span_id for call in batch[1:4]
    ]


def test_a_duplicate_in_a_later_batch_is_still_billed_once(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Two instrumentations wrote one call to two files that are imported one after the other."""
    first = make_call(start_ns=START_NS, latency_ms=1000, response_id="chatcmpl-1")
    writer.write([first])
    second = make_call(
        start_ns=START_NS - 1000,
        latency_ms=1001,
        response_id="chatcmpl-1",
        scope="opentelemetry.instrumentation.langchain",
    )
    other = make_call(start_ns=START_NS, latency_ms=1000, response_id="chatcmpl-2")

    with open_ledger(path) as ledger:
        candidates = duplicate_candidates(ledger, [second, other])
    result = writer.revise(decide([*candidates, second, other]))

    assert len(candidates) == 1
    assert candidates[0].call.response_id == "chatcmpl-1"
    assert result.written == 2
    with open_ledger(path) as ledger:
        assert stats(ledger).total.calls == 2


def test_a_stored_response_id_equals_only_its_own(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Ids outside the batch are read as placeholders."""
    writer.write([make_call(start_ns=START_NS, response_id="chatcmpl-1"), make_call()])

    with open_ledger(path) as ledger:
        found = duplicate_candidates(
            ledger, [make_call(start_ns=START_NS, response_id="chatcmpl-9")]
        )

    ids = {candidate.call.response_id for candidate in found}
    assert len(ids) == 2
    assert None in ids
    assert "chatcmpl-1" not in ids


def test_calls_of_the_batch_itself_are_no_candidates(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Importing a file again compares nothing with itself."""
    batch = [make_call(), make_call()]
    writer.write(batch)

    with open_ledger(path) as ledger:
        assert duplicate_candidates(ledger, batch) == ()
