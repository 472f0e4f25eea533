"""The dearest users and sessions: the database finds them, and the others are one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.summing import sum_calls
from otel_cost_ledger.model.filters import Window
from otel_cost_ledger.model.location import Location
from otel_cost_ledger.query.breakdown import NAMES, breakdown
from otel_cost_ledger.query.costs import total_of
from otel_cost_ledger.query.queries import Filters, costs
from otel_pricing.model.billing_reasons import CACHED
from otel_pricing.model.call import CostStatus, PricedCall

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
HOUR_NS = 3_600 * 10**9
USERS = 130


@pytest.fixture(params=["no sums", "sums in part", "all sums"])
def filled(
    request: pytest.FixtureRequest,
    make_writer: MakeWriter,
    location: Location,
    make_call: MakeCall,
) -> Location:
    """Calls of three days by 130 users, many at equal cost; some without a user."""
    made = []
    for number in range(4 * USERS):
        user = number % (USERS + 1)
        status = (CostStatus.PRICED, CostStatus.UNPRICED, CostStatus.FREE)[number % 3]
        made.append(
            make_call(
                start_ns=NOON_NS - 72 * HOUR_NS + number * 8 * 60 * 10**9,
                user=f"user-{user}" if user < USERS else None,
                session=f"session-{user}-{number // USERS}",
                status=status,
                cost_nano_usd=None if status is CostStatus.UNPRICED else 1000 + user // 10,
                error_type="timeout" if number % 7 == 0 else None,
                billed=number % 11 != 0,
                billing_reason=CACHED if number % 22 == 0 else "another span",
            )
        )
    writer = make_writer(path=location)
    writer.write(made)
    writer.shutdown()
    behind = {"no sums": None, "sums in part": 30 * HOUR_NS, "all sums": -2 * HOUR_NS}
    hours = behind[request.param]
    if hours is not None:
        sum_calls(location, now_ns=NOON_NS - hours)
    return location


@pytest.mark.parametrize("name", ["user", "session"])
def test_the_first_groups_are_those_of_the_whole_report(filled: Location, name: str) -> None:
    """Their order and every figure; the others are summed, in any window."""
    windows = [(None, None), (NOON - timedelta(hours=49, minutes=7), NOON - timedelta(hours=3))]
    with open_ledger(filled) as ledger:
        for since, until in windows:
            for filters in (Filters(), Filters(status="unpriced"), Filters(failed=True)):
                ask = partial(
                    costs, ledger, since, until, by=(name,), filters=filters, percentiles=False
                )
                full_report = ask()
                for most in (1, 20, 5000):
                    found = ask(most_groups=most)

                    assert found.groups == full_report.groups[:most]
                    assert found.total == full_report.total
                    assert found.count == full_report.count == len(full_report.groups)
                    rest = full_report.groups[most:]
                    assert (found.others is None) == (not rest)
                    if found.others is not None:
                        assert total_of([found.others]) == total_of(rest)
                    assert found.cached_answers == full_report.cached_answers


def test_groups_of_other_names_are_limited_as_well(filled: Location) -> None:
    """Their lines are computed first."""
    with open_ledger(filled) as ledger:
        full_report = costs(ledger, by=("user", "day"))
        found = costs(ledger, by=("user", "day"), most_groups=3)

    assert found.groups == full_report.groups[:3]
    assert found.count == len(full_report.groups)
    assert found.others is not None
    assert found.others.calls == sum(line.calls for line in full_report.groups[3:])


def test_a_chart_by_person_names_the_dearest_and_counts_all(filled: Location) -> None:
    """The total and the number of names are those of all persons."""
    window = Window.between(NOON - timedelta(hours=60), None)
    with open_ledger(filled) as ledger:
        found = breakdown(ledger, window, HOUR_NS, "user", Filters())
        full_report = costs(ledger, NOON - timedelta(hours=60), by=("user",), percentiles=False)

    assert [one.name for one in found.names] == [line.key[0] for line in full_report.groups[:NAMES]]
    assert found.count == len(full_report.groups)
    assert found.total.calls == full_report.total.calls
    assert found.total.cost_nano_usd == full_report.total.cost_nano_usd
    assert found.total.unpriced_calls == full_report.total.unpriced_calls
    assert sum(cost for _, _, cost in found.steps) == full_report.total.cost_nano_usd


def test_an_empty_ledger_has_no_dearest(make_writer: MakeWriter, location: Location) -> None:
    """An empty report, not an error."""
    make_writer(path=location).write([])
    with open_ledger(location) as ledger:
        found = costs(ledger, by=("user",), most_groups=5)

    assert (found.groups, found.count, found.others) == ((), 0, None)
