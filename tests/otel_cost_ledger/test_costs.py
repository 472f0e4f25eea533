"""Results of `costs`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger, pseudonym
from otel_cost_ledger.query.queries import GROUPS, Filters, costs
from otel_pricing.model.call import CostStatus, PricedCall

if TYPE_CHECKING:
    from pathlib import Path

MakeCall = Callable[..., PricedCall]
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
HOUR_NS = 3_600 * 10**9


def test_costs_are_exact_sums_by_model(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """0.00045 + 0.00045 = 0.0009 and 0.000000001 stay apart and lose nothing."""
    writer.write([make_call(), make_call(), make_call(response_model="tiny", cost_nano_usd=1)])

    with open_ledger(path) as ledger:
        report = costs(ledger)

    assert [(line.key, line.calls, line.cost_usd) for line in report.groups] == [
        (("gpt-4o",), 2, "0.0009"),
        (("tiny",), 1, "0.000000001"),
    ]
    assert report.total.cost_usd == "0.000900001"
    assert report.complete


def test_unknown_costs_are_counted_and_never_zero(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Each status has its own count; failed calls are calls."""
    writer.write(
        [
            make_call(),
            make_call(status=CostStatus.UNPRICED, cost_nano_usd=None, exposure_nano_usd=7),
            make_call(status=CostStatus.PARTIAL, cost_nano_usd=5),
            make_call(status=CostStatus.ESTIMATED, cost_nano_usd=6),
            make_call(status=CostStatus.FREE, cost_nano_usd=0, error_type="RateLimitError"),
        ]
    )

    with open_ledger(path) as ledger:
        total = costs(ledger).total

    assert (total.calls, total.failed_calls, total.cost_nano_usd) == (5, 1, 450_011)
    assert (total.unpriced_calls, total.partial_calls) == (1, 1)
    assert (total.estimated_calls, total.free_calls) == (1, 1)
    assert total.exposure_nano_usd == 7


def test_a_span_that_repeats_another_is_not_a_call(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Unbilled rows are stored for explanation and are in no sum."""
    writer.write([make_call(), make_call(billed=False, billing_reason="outer span")])

    with open_ledger(path) as ledger:
        total = costs(ledger).total

    assert (total.calls, total.cost_nano_usd) == (1, 450_000)


def test_the_last_24_hours_are_not_two_days(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """A window that cuts days in two counts the rows inside it, to the nanosecond."""
    start = int(NOON.timestamp()) * 10**9
    writer.write([make_call(start_ns=start + hours * HOUR_NS) for hours in (-25, -24, -1, 0)])

    with open_ledger(path) as ledger:
        calls = costs(ledger, since=NOON - timedelta(hours=24), until=NOON).total.calls
        later = costs(ledger, since=NOON - timedelta(hours=24)).total.calls

    assert (calls, later) == (2, 3)


@pytest.mark.parametrize("group", GROUPS)
def test_every_grouping_adds_up_to_the_total(
    writer: LedgerWriter, make_call: MakeCall, path: Path, group: str
) -> None:
    """In every breakdown nothing is lost or counted twice."""
    writer.write(
        [
            make_call(
                start_ns=1_763_812_800_000_000_000 + n * 9 * HOUR_NS,
                tenant=f"tenant-{n % 3}",
                user=f"user-{n % 4}",
                session=f"session-{n % 5}",
                agent=f"agent-{n % 2}",
                feature_flag=f"prompt={n % 2}",
                response_model=f"model-{n % 3}",
                cost_nano_usd=10**n,
            )
            for n in range(10)
        ]
    )

    with open_ledger(path) as ledger:
        report = costs(ledger, by=(group,))

    assert sum(line.calls for line in report.groups) == report.total.calls == 10
    assert sum(line.cost_nano_usd for line in report.groups) == 1_111_111_111
    assert len({line.key for line in report.groups}) == len(report.groups)


def test_periods_have_common_names(writer: LedgerWriter, make_call: MakeCall, path: Path) -> None:
    """Days, ISO weeks and months of UTC."""
    writer.write([make_call()])

    with open_ledger(path) as ledger:
        (line,) = costs(ledger, by=("day", "week", "month")).groups

    assert line.key == ("2025-11-22", "2025-W47", "2025-11")


def test_filters_narrow_every_kind_of_question(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """A filter is exact; user and session are given as pseudonyms."""
    writer.write(
        [
            make_call(tenant="a", user="ann"),
            make_call(tenant="a", user="bob"),
            make_call(tenant="b", user="ann", error_type="timeout"),
        ]
    )
    ann = pseudonym(b"0123456789abcdef", "user", "ann")

    with open_ledger(path) as ledger:

        def count(**wanted: Any) -> int:
            return costs(ledger, filters=Filters(**wanted)).total.calls

        counts = [
            count(tenant="a"),
            count(user=ann),
            count(user=ann, tenant="a"),
            count(failed=True),
            count(error_type="timeout", failed=False),
            count(model="gpt-4o"),
            count(model="gpt-4"),
        ]

    assert counts == [2, 2, 1, 1, 0, 3, 0]


def test_an_unknown_grouping_names_the_choices(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """A typing slip is an error, not an empty report."""
    writer.write([make_call()])

    with open_ledger(path) as ledger, pytest.raises(ValueError, match=r"'modle'.*model"):
        costs(ledger, by=("modle",))


def test_a_naive_time_is_refused(writer: LedgerWriter, make_call: MakeCall, path: Path) -> None:
    """Guessing a time zone would move money between days."""
    writer.write([make_call()])

    with open_ledger(path) as ledger, pytest.raises(ValueError, match="time zone"):
        costs(ledger, since=datetime(2025, 11, 22))  # noqa: DTZ001 - that is the point


def test_percentiles_of_few_calls_are_calls(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Nearest rank: of ten latencies the 50th percentile is the fifth."""
    writer.write([make_call(latency_ms=100 * n) for n in range(1, 11)])

    with open_ledger(path) as ledger:
        total = costs(ledger).total

    assert (total.p50_ms, total.p95_ms, total.p99_ms) == (500, 1000, 1000)


def test_an_empty_ledger_has_no_percentiles(writer: LedgerWriter, path: Path) -> None:
    """They are None."""
    writer.write([])

    with open_ledger(path) as ledger:
        report = costs(ledger)

    assert (report.total.calls, report.total.p50_ms, report.groups) == (0, None, ())


@pytest.mark.parametrize("by", [("model",), ("day", "operation"), ("provider",), ()])
def test_percentiles_of_many_calls_come_from_the_histogram(
    writer: LedgerWriter,
    make_call: MakeCall,
    path: Path,
    by: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are at most 2.2 % away from the exact ones."""
    writer.write([make_call(latency_ms=1.013**n, start_ns=n * HOUR_NS) for n in range(800)])
    since = datetime(1970, 1, 3, 7, tzinfo=UTC)
    with open_ledger(path) as ledger:
        exact = costs(ledger, since=since, by=by)
    monkeypatch.setattr("otel_cost_ledger.query.latency.EXACT_CALLS", 10)

    with open_ledger(path) as ledger:
        stored = costs(ledger, since=since, by=by)

    assert stored.total != exact.total
    for one, other in zip(
        [stored.total, *stored.groups], [exact.total, *exact.groups], strict=True
    ):
        assert one.p50_ms == pytest.approx(other.p50_ms, rel=0.0221)
        assert one.p95_ms == pytest.approx(other.p95_ms, rel=0.0221)
        assert one.p99_ms == pytest.approx(other.p99_ms, rel=0.0221)


def test_percentiles_can_be_left_out(writer: LedgerWriter, make_call: MakeCall, path: Path) -> None:
    """The sums are the same."""
    writer.write([make_call(), make_call()])

    with open_ledger(path) as ledger:
        without = costs(ledger, percentiles=False).total

    assert (without.calls, without.p99_ms) == (2, None)
