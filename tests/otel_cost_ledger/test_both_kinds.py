"""Behaviour of a ledger, in a file and in a PostgreSQL database."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import (
    LatencyViolation,
    LedgerNotFoundError,
    LedgerWriter,
    open_ledger,
    pseudonym,
)
from otel_cost_ledger.maintenance.archive import archive_window
from otel_cost_ledger.maintenance.copying import copy_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.model.location import DatabaseUrl, Location, PostgresUrl
from otel_cost_ledger.model.privacy import Pseudonyms
from otel_cost_ledger.query.queries import calls, costs, each_call, find_trace, violations
from otel_pricing.model.call import CostStatus, PricedCall
from support.ledger_questions import DAY_NS, HOUR_NS, KEY, NOON, NOON_NS, many, questions

if TYPE_CHECKING:
    from pathlib import Path

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]


@pytest.fixture
def writer(make_writer: MakeWriter, location: Location) -> LedgerWriter:
    return make_writer(path=location)


def test_a_call_counts_once(writer: LedgerWriter, make_call: MakeCall, location: Location) -> None:
    """Replays change nothing, in another batch or in the same."""
    batch = [make_call(), make_call()]

    results = [writer.write([*batch, batch[0]]), writer.write(batch)]

    assert [(r.written, r.already_known, r.fault) for r in results] == [(2, 1, None), (0, 2, None)]
    with open_ledger(location) as ledger:
        assert costs(ledger).total.cost_nano_usd == 900_000


def test_sums_are_the_rows(writer: LedgerWriter, make_call: MakeCall, location: Location) -> None:
    """Recomputed from the rows after writes, replays and revisions."""
    made = many(make_call)
    writer.write(made)
    writer.revise([_at_higher_price(priced) for priced in made[::3]])
    writer.write(made[:10])

    with open_ledger(location) as ledger:
        report = check_integrity(ledger)

    assert (report.calls, report.problems) == (len(made), ())


def test_a_sum_that_is_wrong_is_found(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """The check compares real values."""
    writer.write([make_call()])
    _run_sql(location, "UPDATE daily_costs SET cost_nano_usd = cost_nano_usd + 1")

    with open_ledger(location) as ledger:
        (problem,) = check_integrity(ledger).problems

    assert problem.startswith("daily_costs")


def test_a_revision_moves_the_call_and_keeps_its_old_price(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """From unpriced to priced; doing it twice changes nothing."""
    call = make_call(status=CostStatus.UNPRICED, cost_nano_usd=None, exposure_nano_usd=9)
    writer.write([call])
    fixed = _priced(call, cost_nano_usd=5)

    results = [writer.revise([fixed]), writer.revise([fixed])]

    assert [(r.revised, r.already_known, r.written) for r in results] == [(1, 0, 0), (0, 1, 0)]
    with open_ledger(location) as ledger:
        total = costs(ledger).total
        old = list(ledger.rows("SELECT cost_nano_usd, exposure_nano_usd FROM replaced_prices"))
    assert (total.calls, total.cost_nano_usd, total.unpriced_calls) == (1, 5, 0)
    assert old == [(None, 9)]


def test_a_revision_of_an_unknown_call_stores_it(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """Its first version may have been lost with its process."""
    assert writer.revise([make_call()]).written == 1


def test_an_unbilled_span_is_not_a_call(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """It is stored for explanation and is in no sum."""
    writer.write([make_call(), make_call(billed=False)])

    with open_ledger(location) as ledger:
        assert costs(ledger).total.calls == 1
        assert len(calls(ledger)) == 2


def test_calls_come_back_as_they_were(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """Every field but the response id; user and session as pseudonyms."""
    made = many(make_call, 30)
    writer.write(made)

    with open_ledger(location) as ledger:
        stored = [call.priced for call in calls(ledger, limit=None)]

    for before, after in zip(reversed(made), stored, strict=True):
        assert after.cost_nano_usd == before.cost_nano_usd
        assert after.status is before.status
        assert after.billed == before.billed
        assert after.call.usage == before.call.usage
        assert (after.call.trace_id, after.call.span_id) == (
            before.call.trace_id,
            before.call.span_id,
        )
        assert (after.call.model, after.call.tenant) == (before.call.model, before.call.tenant)
        user = before.call.user
        assert after.call.user == (pseudonym(KEY, "user", user) if user else None)


def test_ids_and_numbers_at_their_limits(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """The largest ids, the latest time, huge token counts."""
    extreme = make_call(
        start_ns=2**63 - 2,
        span_id=2**64 - 1,
        trace_id=2**128 - 1,
        input_tokens=2**70,
        cost_nano_usd=2**60,
        latency_ms=10**12,
    )
    odd = make_call(response_model="\ud800 \x00 'quoted'; DROP TABLE calls", start_ns=-5)

    assert writer.write([extreme, odd]).written == 2
    with open_ledger(location) as ledger:
        assert {call.priced.call.span_id for call in calls(ledger)} == {2**64 - 1, odd.call.span_id}


def test_too_many_names_become_other_and_sums_stay_exact(
    make_writer: MakeWriter, make_call: MakeCall, location: Location
) -> None:
    """A tenant that is different in every call must not make the sums as large as the calls."""
    writer = make_writer(path=location, max_names=10)
    writer.write([make_call(tenant=f"t{n}", cost_nano_usd=1) for n in range(30)])

    with open_ledger(location) as ledger:
        report = costs(ledger, by=("tenant",))

    assert len(report.groups) == 11
    assert report.total.cost_nano_usd == 30


def test_the_last_24_hours_are_not_two_days(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """Exact to the nanosecond, from sums and rows together."""
    writer.write([make_call(start_ns=NOON_NS + h * HOUR_NS) for h in (-73, -49, -25, -24, -1, 0)])

    with open_ledger(location) as ledger:
        one_day = costs(ledger, since=NOON - timedelta(hours=24), until=NOON).total.calls
        three_days = costs(ledger, since=NOON - timedelta(hours=72), until=NOON).total.calls

    assert (one_day, three_days) == (2, 4)


def test_a_trace_is_found(writer: LedgerWriter, make_call: MakeCall, location: Location) -> None:
    """In order of time."""
    writer.write([make_call(trace_id=7), make_call(trace_id=8), make_call(trace_id=7)])

    with open_ledger(location) as ledger:
        found = find_trace(ledger, 7)

    assert [one.priced.call.span_id for one in found] == [1, 3]


def test_violations_are_stored(writer: LedgerWriter, location: Location) -> None:
    """The latest first, each once."""
    made = [
        LatencyViolation(
            operation=f"op-{n % 2}",
            budget_ms=100,
            actual_ms=150.5,
            at_ns=NOON_NS + n,
            trace_id=n,
            span_id=n,
        )
        for n in range(3)
    ]
    assert writer.record_violations(made).written == 3
    assert writer.record_violations(made).already_known == 3

    with open_ledger(location) as ledger:
        assert violations(ledger) == tuple(reversed(made))
        assert violations(ledger, operation="op-1", limit=5) == (made[1],)


def test_retention_removes_calls_and_keeps_sums(
    writer: LedgerWriter, make_call: MakeCall, location: Location, tmp_path: Path
) -> None:
    """Three months of calls, of which the last ten days stay; an older call does not come back."""
    made = many(make_call)
    writer.write(made)
    with open_ledger(location) as ledger:
        before = costs(ledger, by=("day", "model")).groups

    result = retain(location, days=10, now_ns=NOON_NS, archive_to=tmp_path / "old")
    replay = writer.write(made)

    horizon_ns = (NOON_NS // DAY_NS - 10) * DAY_NS
    old = sum(priced.call.start_ns < horizon_ns for priced in made)
    assert result.deleted_calls == replay.expired == old
    assert result.archive is not None
    with gzip.open(result.archive, "rt") as lines:
        assert len(lines.readlines()) == old + 1
    with open_ledger(location) as ledger:
        after = costs(ledger, by=("day", "model")).groups
        assert len(calls(ledger, limit=None)) == len(made) - old
        assert check_integrity(ledger).ok
    sums = [(line.key, line.calls, line.cost_nano_usd) for line in before]
    assert [(line.key, line.calls, line.cost_nano_usd) for line in after] == sums


def test_an_archive_of_a_window(
    writer: LedgerWriter, make_call: MakeCall, location: Location, tmp_path: Path
) -> None:
    """Nothing is removed."""
    writer.write(many(make_call, 20))

    with open_ledger(location) as ledger:
        made = archive_window(ledger, tmp_path, NOON - timedelta(days=38), None)
        assert len(calls(ledger)) == 20

    assert made is not None
    assert made[1] == 14


def test_there_is_no_ledger_before_the_first_call(location: Location) -> None:
    """Reading creates none."""
    with pytest.raises(LedgerNotFoundError), open_ledger(location):
        pass
    with open_ledger(location, missing_ok=True) as ledger:
        assert costs(ledger).total.calls == 0


@pytest.mark.postgres
@pytest.mark.parametrize("exact_calls", [10_000, 10], ids=["exact", "histogram"])
def test_both_kinds_give_the_same_answers(
    make_writer: MakeWriter,
    make_call: MakeCall,
    path: Path,
    postgres: PostgresUrl,
    monkeypatch: pytest.MonkeyPatch,
    exact_calls: int,
) -> None:
    """Every query and grouping, to the last digit."""
    monkeypatch.setattr("otel_cost_ledger.query.latency.EXACT_CALLS", exact_calls)
    made = many(make_call)
    for location in (path, postgres):
        writer = make_writer(path=location)
        writer.write(made)
        writer.revise([_at_higher_price(priced) for priced in made[::4]])

    with open_ledger(path) as one, open_ledger(postgres) as other:
        pairs = list(zip(questions(one), questions(other), strict=True))

    for answer, same in pairs:
        assert answer == same


@pytest.mark.postgres
@pytest.mark.parametrize("direction", ["to postgres", "to a file"])
def test_a_ledger_is_copied_whole(
    make_writer: MakeWriter,
    make_call: MakeCall,
    path: Path,
    postgres: PostgresUrl,
    direction: str,
) -> None:
    """Calls, violations, sums of days whose calls are gone; twice is the same as once."""
    source, target = (path, postgres) if direction == "to postgres" else (postgres, path)
    writer = make_writer(path=source)
    writer.write(many(make_call))
    writer.record_violations(
        [
            LatencyViolation(
                operation="chat", budget_ms=1, actual_ms=2, at_ns=NOON_NS, trace_id=1, span_id=1
            )
        ]
    )
    retain(source, days=10, now_ns=NOON_NS)

    with open_ledger(source) as ledger:
        first = copy_ledger(ledger, target)
        second_copy = copy_ledger(ledger, target)
        before = [*questions(ledger), violations(ledger), ledger.rows_kept_since_ns]

    assert first.calls.written > 0
    assert first.old_sums > 0
    assert (second_copy.calls.written, second_copy.old_sums) == (0, 0)
    with open_ledger(target) as ledger:
        after = [*questions(ledger), violations(ledger), ledger.rows_kept_since_ns]
        assert check_integrity(ledger).ok
    assert after == before


def _priced(priced: PricedCall, **fields: Any) -> PricedCall:
    from dataclasses import replace

    return replace(priced, status=CostStatus.PRICED, exposure_nano_usd=None, **fields)


def _at_higher_price(priced: PricedCall) -> PricedCall:
    return _priced(priced, cost_nano_usd=(priced.cost_nano_usd or 0) + 1)


def _run_sql(location: Location, sql: str) -> None:
    if isinstance(location, PostgresUrl):
        import psycopg
        from psycopg.conninfo import make_conninfo

        with psycopg.connect(make_conninfo("", **location.parameters)) as database:
            database.execute("SET search_path TO otel_distro")
            database.execute(sql.encode())
        return
    import sqlite3
    from contextlib import closing

    assert not isinstance(location, DatabaseUrl)
    with closing(sqlite3.connect(location)) as file, file:
        file.execute(sql)


def test_equal_prompts_have_one_keyed_fingerprint(
    location: Location, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Equal digests give equal numbers, another key gives others, and no key gives none."""
    digests = [b"a" * 16, b"a" * 16, b"b" * 16, None]
    made = [make_call(prompt_mark=digest) for digest in digests]
    make_writer(path=location).write(made)

    with open_ledger(location) as ledger:
        marks = [found.priced.call.prompt_mark for found in each_call(ledger)]

    assert marks[0] == marks[1] != marks[2]
    assert marks[3] is None
    assert all(isinstance(mark, int) and mark < 1 << 40 for mark in marks[:3])
    assert Pseudonyms(b"another key of 16").of_prompt(digests[0]) != marks[0]
    assert Pseudonyms(None).of_prompt(digests[0]) is None


def test_a_corrected_call_keeps_the_fingerprint_of_its_prompt(
    location: Location, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Repricing works from stored rows, which lack the digest."""
    writer = make_writer(path=location)
    writer.write([make_call(prompt_mark=b"a" * 16)])
    with open_ledger(location) as ledger:
        (before,) = calls(ledger)

    writer.revise([replace(before.priced, cost_nano_usd=7)])

    with open_ledger(location) as ledger:
        (after,) = calls(ledger)
    assert after.priced.cost_nano_usd == 7
    assert after.priced.call.prompt_mark == before.priced.call.prompt_mark is not None
