"""Sums by hour, agent, user and session: filled later, and exact at every moment."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger, pseudonym
from otel_cost_ledger.maintenance.copying import copy_ledger
from otel_cost_ledger.maintenance.exclusive import exclusive
from otel_cost_ledger.maintenance.forgetting import forget_user
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.maintenance.summing import SETTLED_AFTER_NS, sum_calls, sum_until
from otel_cost_ledger.model.filters import Window
from otel_cost_ledger.model.location import DatabaseUrl, Location, PostgresUrl
from otel_cost_ledger.model.privacy import Pseudonyms
from otel_cost_ledger.model.schema import APPLICATION_ID
from otel_cost_ledger.model.sums import HOURS_KEPT_DAYS, SUM_TABLES
from otel_cost_ledger.query.breakdown import breakdown
from otel_cost_ledger.query.ledger import Ledger
from otel_cost_ledger.query.queries import GROUPS, Filters, calls, costs
from otel_cost_ledger.query.sources import are_complete, sources
from otel_cost_ledger.query.timeline import timeline
from otel_cost_ledger.sqlite.migrations import MIGRATIONS
from otel_pricing.model.billing_reasons import CACHED
from otel_pricing.model.call import CostStatus, PricedCall

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
KEY = b"0123456789abcdef"
ANN = pseudonym(KEY, "user", "ann")
STATUSES = (CostStatus.PRICED, CostStatus.UNPRICED, CostStatus.PARTIAL, CostStatus.FREE)


@pytest.fixture
def writer(make_writer: MakeWriter, location: Location) -> LedgerWriter:
    return make_writer(path=location)


def three_days(make_call: MakeCall) -> list[PricedCall]:
    """Calls every hour of three days up to noon, of every kind."""
    made = []
    for number in range(72):
        status = STATUSES[number % 4]
        made.append(
            make_call(
                start_ns=NOON_NS - 3 * DAY_NS + number * (HOUR_NS - 7),
                latency_ms=100 + number,
                tenant=("a", None, "b")[number % 3],
                user=(None, "ann", "bob", "cy")[number % 4],
                session=(None, "s1", "s2", "s3", "s4")[number % 5],
                agent=(None, "planner", "writer")[number % 3],
                feature_flag=(None, "flag=b")[number % 2],
                response_model=("gpt-4o", "o3")[number % 2],
                status=status,
                cost_nano_usd=None if status is CostStatus.UNPRICED else 1000 + number,
                price_source=f"list {number % 3}",
                error_type="timeout" if number % 7 == 0 else None,
                billed=number % 11 != 0,
                billing_reason=CACHED if number % 22 == 0 else "another span",
            )
        )
    return made


def questions(ledger: Ledger) -> list[Any]:
    """Every grouping, over windows with arbitrary bounds."""
    windows = [
        (None, None),
        (NOON - timedelta(days=2, hours=5, minutes=7), NOON - timedelta(hours=9, minutes=1)),
        (NOON - timedelta(hours=24), None),
        (NOON - timedelta(minutes=50), NOON),
    ]
    found: list[Any] = []
    for since, until in windows:
        groups = GROUPS if since is None else ("agent", "user", "status", "hour", "day")
        found += [costs(ledger, since, until, by=(group,)) for group in groups]
        found += [
            costs(ledger, since, until, by=by, filters=filters)
            for by, filters in (
                (("agent", "model", "day"), Filters(status="partial")),
                (("user", "hour"), Filters(session=pseudonym(KEY, "session", "s2"))),
                (("session", "status"), Filters(user=ANN, failed=False)),
                (("user",), Filters(agent="planner")),
                (("hour", "tenant"), Filters(agent="writer", error_type="timeout")),
            )
        ]
        found += [
            calls(ledger, since, until, filters=Filters(user=ANN, session=session))
            for session in (None, pseudonym(KEY, "session", "s2"), pseudonym(KEY, "session", "x"))
        ]
        window = Window.between(since, until)
        for step_ns in (HOUR_NS // 60, HOUR_NS, DAY_NS):
            for filters in (Filters(), Filters(agent="planner")):
                found.append(_merged(timeline(ledger, window, step_ns, filters)))
            for name in ("agent", "session"):
                made = breakdown(ledger, window, step_ns, name, Filters())
                steps: dict[Any, int] = {}
                for at_ns, place, cost in made.steps:
                    steps[at_ns, place] = steps.get((at_ns, place), 0) + cost
                found.append((made.names, made.total, made.count, steps))
    return found


def _merged(lines: Any) -> dict[Any, int]:
    """Return the calls of each step and names: a step may come from sums and from rows."""
    found: dict[Any, int] = {}
    for line in lines:
        key = (line.at_ns, line.model, line.tenant, line.status, line.failed)
        found[key] = found.get(key, 0) + line.calls
    return found


def ask(location: Location) -> list[Any]:
    with open_ledger(location) as ledger:
        assert check_integrity(ledger).problems == ()
        return questions(ledger)


@pytest.mark.parametrize("until_ns", [-50 * HOUR_NS, -7 * HOUR_NS - 12 * 60 * 10**9, 2 * HOUR_NS])
def test_answers_do_not_depend_on_how_far_the_sums_are(
    writer: LedgerWriter, make_call: MakeCall, location: Location, until_ns: int
) -> None:
    """From rows alone, from sums in part and from sums alone: the same to the last digit."""
    writer.write(three_days(make_call))
    from_rows = ask(location)

    steps = sum_calls(location, now_ns=NOON_NS + until_ns + SETTLED_AFTER_NS)

    assert steps > 0
    for answer, before in zip(ask(location), from_rows, strict=True):
        assert answer == before
    assert sum_calls(location, now_ns=NOON_NS + until_ns + SETTLED_AFTER_NS) == 0


def test_calls_that_come_late_and_revisions_are_in_the_sums(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """In the transaction that stores them."""
    made = three_days(make_call)
    writer.write(made[::2])
    sum_calls(location, now_ns=NOON_NS - HOUR_NS)

    writer.write(made)
    writer.revise(
        [
            replace(call, status=CostStatus.PRICED, cost_nano_usd=7, exposure_nano_usd=None)
            for call in made[::3]
        ]
    )

    late = ask(location)
    sum_calls(location, now_ns=NOON_NS + DAY_NS)
    assert ask(location) == late
    with open_ledger(location) as ledger:
        assert costs(ledger, by=("user",)).total.calls == sum(call.billed for call in made)


def test_a_wrong_sum_of_each_table_is_found(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """The check covers them all."""
    writer.write(three_days(make_call))
    sum_calls(location, now_ns=NOON_NS)
    for table in SUM_TABLES:
        _run(location, f"UPDATE {table.name} SET cost_nano_usd = cost_nano_usd + 1")

    with open_ledger(location) as ledger:
        tables = {problem.split()[0] for problem in check_integrity(ledger).problems}

    assert tables >= {SUM_TABLES[0].name}
    for table in SUM_TABLES[:-1]:
        _run(location, f"UPDATE {table.name} SET cost_nano_usd = cost_nano_usd - 1")
    with open_ledger(location) as ledger:
        assert {p.split()[0] for p in check_integrity(ledger).problems} == {SUM_TABLES[-1].name}


def test_hours_and_agents_stay_when_retention_removes_the_calls(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """Also for calls not in the sums yet; users and sessions are removed with their calls."""
    writer.write(three_days(make_call))
    with open_ledger(location) as ledger:
        before = [costs(ledger, by=(by,), percentiles=False) for by in ("hour", "agent")]

    retain(location, days=1, now_ns=NOON_NS)

    with open_ledger(location) as ledger:
        after = [costs(ledger, by=(by,), percentiles=False) for by in ("hour", "agent")]
        by_user = costs(ledger, by=("user",))
        people = list(ledger.rows("SELECT min(day) FROM daily_people"))
        assert check_integrity(ledger).problems == ()
    assert after == before
    assert all(report.complete for report in after)
    assert not by_user.complete
    assert people == [(None,)]


def test_sums_of_hours_expire_and_those_of_days_stay(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """A report that would need them says so."""
    writer.write(three_days(make_call))
    later_ns = NOON_NS + (HOURS_KEPT_DAYS + 10) * DAY_NS
    sum_calls(location, now_ns=later_ns)
    retain(location, days=30, now_ns=later_ns)

    with open_ledger(location) as ledger:
        hours = costs(ledger, by=("hour",))
        agents = costs(ledger, by=("agent",))
        assert check_integrity(ledger).problems == ()

    assert (hours.total.calls, hours.complete) == (0, False)
    assert (agents.total.calls, agents.complete) == (65, True)


@pytest.mark.parametrize("erase", [False, True])
def test_a_person_who_is_forgotten_is_in_no_sum(
    writer: LedgerWriter, make_call: MakeCall, location: Location, erase: bool
) -> None:
    """Neither their pseudonym nor their sessions."""
    writer.write(three_days(make_call))
    sum_calls(location, now_ns=NOON_NS + DAY_NS)
    user = Pseudonyms(KEY).of("user", "ann")
    assert user is not None

    forget_user(location, user, erase=erase)

    with open_ledger(location) as ledger:
        for table in ("hourly_people", "daily_people"):
            assert not list(ledger.rows(f"SELECT 1 FROM {table} WHERE user_id = ?", [user]))
        assert costs(ledger, by=("user",), filters=Filters(user=ANN)).total.calls == 0
        if not erase:
            assert check_integrity(ledger).problems == ()


def test_outcomes_of_one_status_share_a_row_in_the_sums_by_person(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """For any number of prices and models: one row per session and day keeps it small."""
    writer.write([make_call(user="ann", price_source=f"list {n}") for n in range(20)])
    sum_calls(location, now_ns=NOON_NS + HOUR_NS)

    with open_ledger(location) as ledger:
        assert list(ledger.rows("SELECT calls FROM daily_people")) == [(20,)]
        assert costs(ledger, by=("user", "status")).total.calls == 20


def test_questions_about_agents_and_people_read_no_rows_that_are_in_sums(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """Only calls after the end of the sums come from the rows."""
    writer.write(three_days(make_call))
    sum_calls(location, now_ns=NOON_NS - HOUR_NS + SETTLED_AFTER_NS)
    window = Window.between(NOON - timedelta(hours=24), None)

    with open_ledger(location) as ledger:
        for names in ({"agent"}, {"user"}, {"session", "status"}, {"hour", "model"}):
            plan = sources(ledger, window, names)
            assert are_complete(ledger, plan)
            assert [one.since for one in plan if one.is_rows] == [NOON_NS - HOUR_NS]


def test_an_older_ledger_gets_sums_from_the_calls_that_are_there(
    writer: LedgerWriter, make_call: MakeCall, location: Location, path: Path
) -> None:
    """It is read unchanged, and the next write creates the sums; other answers stay."""
    if isinstance(location, PostgresUrl):
        _downgrade_postgres(location)
        writer.write(three_days(make_call))
        assert ask(location)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        for step in MIGRATIONS[:2]:
            step(old)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 2")
        old.execute(
            "INSERT INTO meta VALUES ('rows_kept_since_ns', ?)", (str(NOON_NS - 3 * DAY_NS),)
        )
    with open_ledger(path) as ledger:
        assert ledger.summed is None
        assert costs(ledger, by=("agent",)).total.calls == 0

    writer.write(three_days(make_call))
    before = ask(path)
    sum_calls(path, now_ns=NOON_NS + DAY_NS)

    assert ask(path) == before
    with open_ledger(path) as ledger:
        assert not costs(ledger, by=("agent",)).complete
        assert costs(ledger, NOON - timedelta(days=3), by=("agent",)).complete


def _downgrade_postgres(location: PostgresUrl) -> None:
    """Make the ledger of the second version in an empty database."""
    from otel_cost_ledger.model.schema import migration_script

    for version in (1, 2):
        _run(location, migration_script("postgres", version))


def test_a_copy_has_the_sums_of_deleted_calls(
    writer: LedgerWriter, make_call: MakeCall, location: Location, tmp_path: Path
) -> None:
    """By hour and by agent; twice is the same as once."""
    writer.write(three_days(make_call))
    retain(location, days=1, now_ns=NOON_NS)
    target = tmp_path / "copy.db"

    with open_ledger(location) as ledger:
        copy_ledger(ledger, target)
        copy_ledger(ledger, target)
        before = [costs(ledger, by=(by,), percentiles=False) for by in ("hour", "agent", "user")]

    with open_ledger(target) as ledger:
        after = [costs(ledger, by=(by,), percentiles=False) for by in ("hour", "agent", "user")]
        assert check_integrity(ledger).problems == ()
    assert after == before


def _run(location: Location, sql: str) -> None:
    if isinstance(location, PostgresUrl):
        import psycopg
        from psycopg.conninfo import make_conninfo

        with psycopg.connect(make_conninfo("", **location.parameters)) as database:
            database.execute("SET search_path TO otel_distro")
            database.execute(sql.encode())
        return
    assert not isinstance(location, DatabaseUrl)
    with closing(sqlite3.connect(location)) as connection:
        connection.execute(sql)
        connection.commit()


def test_a_late_call_leaves_nothing_in_hours_that_are_no_longer_kept(
    writer: LedgerWriter, make_call: MakeCall, location: Location
) -> None:
    """The sums by person of its day have it; those of its hour stay deleted."""
    made = three_days(make_call)
    writer.write(made[1:])
    sum_calls(location, now_ns=NOON_NS + 30 * DAY_NS)

    writer.write(made[:1])
    writer.revise([replace(call, cost_nano_usd=5) for call in made])

    with open_ledger(location) as ledger:
        assert list(ledger.rows("SELECT * FROM hourly_people")) == []
        assert check_integrity(ledger).problems == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_calls_are_added_leaves_both_processes_able_to_write(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """The connection is closed between two transactions, and the parent continues."""
    writer = make_writer()
    made = three_days(make_call)
    writer.write(made[:-1])
    with exclusive(path, 5_000) as chunks:
        assert chunks is not None
        chunks.start_with = lambda size, smallest: None  # type: ignore[method-assign]
        chunks.size = chunks._smallest = 5
        working = threading.Thread(target=sum_until, args=(chunks, NOON_NS + DAY_NS))
        in_step = threading.Event()
        add_slowly = _after(in_step.set, chunks.checkpoint_now_and_then)
        chunks.checkpoint_now_and_then = add_slowly  # type: ignore[method-assign]
        working.start()
        assert in_step.wait(30)
        child = os.fork()
        if child == 0:
            results = [writer.write(made[-1:])]
            for _ in range(20):  # the parent's steps may take all of one wait, on a busy machine
                if not results[-1].written:
                    results.append(writer.force_flush())
            if results[-1].written != 1:
                os.write(2, f"the child's attempts: {results}\n".encode())
            os._exit(0 if results[-1].written == 1 else 1)
        _, status = os.waitpid(child, 0)
        working.join(30)

    assert status == 0
    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()
        assert ledger.summed is not None
        assert ledger.summed.until_ns == NOON_NS + DAY_NS
        assert costs(ledger, by=("agent",)).total.calls == sum(call.billed for call in made)


def _after(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        time.sleep(0.001)
        then()

    return both
