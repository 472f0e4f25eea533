"""A ledger in ClickHouse: filled by a Collector, read by every command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import LedgerWriter, NewerSchemaError, open_ledger
from otel_cost_ledger.clickhouse.connection import SCHEMA_VERSION, ClickHouseConnection
from otel_cost_ledger.clickhouse.schema import init, upgrade
from otel_cost_ledger.clickhouse.summing import sum_hours
from otel_cost_ledger.model.errors import LedgerNotFoundError, NotWrittenHereError, ServerError
from otel_cost_ledger.model.histogram import LATENCY_BUCKETS, bucket_of
from otel_cost_ledger.model.location import ClickHouseUrl
from otel_cost_ledger.query.grouping import key_maker
from otel_cost_ledger.query.queries import calls, costs
from otel_cost_ledger.query.tools import tool_report
from otel_distro.stack.clickhouse_checks import check_clickhouse
from otel_pricing.model.call import CostStatus, PricedCall
from support.clickhouse_spans import deliver
from support.ledger_cli import answer, run
from support.ledger_questions import HOUR_NS, NOON, NOON_NS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MakeCall = Callable[..., PricedCall]

pytestmark = pytest.mark.clickhouse


def total_of(url: ClickHouseUrl) -> tuple[int, int]:
    """Calls and their cost, in nano-US-dollars."""
    with open_ledger(url) as ledger:
        found = costs(ledger).total
    return found.calls, found.cost_nano_usd


def with_password(url: ClickHouseUrl) -> str:
    """The URL as a user writes it."""
    named = url.parameters
    where = f"{named['host']}:{named['port']}/{named['dbname']}"
    return f"clickhouse://{named['user']}:{named['password']}@{where}"


def test_a_span_that_is_delivered_twice_is_one_call(
    clickhouse: ClickHouseUrl, make_call: MakeCall
) -> None:
    """In one block, in another block, and after its hour was summed."""
    call = make_call(cost_nano_usd=7)

    deliver(clickhouse, [call, call])
    deliver(clickhouse, [call])
    sum_hours(clickhouse, quiet_seconds=0)
    deliver(clickhouse, [call])

    assert total_of(clickhouse) == (1, 7)


def test_a_late_call_counts_before_its_hour_is_summed_again(
    clickhouse: ClickHouseUrl, make_call: MakeCall
) -> None:
    """The sums of an hour replace the rows that they were computed from, and no others."""
    deliver(clickhouse, [make_call(cost_nano_usd=7)])
    sum_hours(clickhouse, quiet_seconds=0)

    deliver(clickhouse, [make_call(cost_nano_usd=2)])
    before = total_of(clickhouse)
    summed = sum_hours(clickhouse, quiet_seconds=0)

    assert (before, summed, total_of(clickhouse)) == ((2, 9), 1, (2, 9))


def test_a_span_delivered_again_with_another_price_replaces_it(
    clickhouse: ClickHouseUrl, make_call: MakeCall
) -> None:
    """The last delivery of a span counts, even after the hour was summed."""
    call = make_call(status=CostStatus.UNPRICED, cost_nano_usd=None, exposure_nano_usd=9)
    deliver(clickhouse, [call])
    sum_hours(clickhouse, quiet_seconds=0)

    priced = replace(
        call, status=CostStatus.PRICED, cost_nano_usd=5, exposure_nano_usd=None, reason=""
    )
    deliver(clickhouse, [priced])

    with open_ledger(clickhouse) as ledger:
        total = costs(ledger).total
    assert (total.calls, total.cost_nano_usd) == (1, 5)
    assert (total.unpriced_calls, total.exposure_nano_usd) == (0, 0)


@pytest.mark.parametrize("summed", [False, True])
def test_two_hosts_that_report_one_response_are_billed_once(
    clickhouse: ClickHouseUrl, make_call: MakeCall, summed: bool
) -> None:
    """The client's span encloses the gateway's, across the full hour: the inner is billed."""
    start = NOON_NS - 1_000_000
    client = make_call(
        start_ns=start, latency_ms=900, service="shop", response_id="r1", cost_nano_usd=5
    )
    gateway = make_call(
        start_ns=NOON_NS + 1, latency_ms=500, service="gateway", response_id="r1", cost_nano_usd=7
    )
    other = make_call(
        start_ns=NOON_NS + HOUR_NS, service="shop", response_id="r2", cost_nano_usd=11
    )

    deliver(clickhouse, [client, other])
    if summed:
        sum_hours(clickhouse, quiet_seconds=0)
    deliver(clickhouse, [gateway])
    if summed:
        sum_hours(clickhouse, quiet_seconds=0)

    assert total_of(clickhouse) == (2, 18)
    with open_ledger(clickhouse) as ledger:
        billed = {
            call.priced.call.service: call.priced.billed for call in calls(ledger, until=NOON)
        }
        reasons = {call.priced.billing_reason for call in calls(ledger, until=NOON)}
    assert billed == {"shop": False}
    assert reasons == {"the same response id from another instrumentation at the same time"}


def test_one_host_that_reuses_a_response_id_is_billed_for_each_call(
    clickhouse: ClickHouseUrl, make_call: MakeCall
) -> None:
    """Servers of tests give every answer the same id."""
    deliver(clickhouse, [make_call(response_id="same", cost_nano_usd=1) for _ in range(3)])

    assert total_of(clickhouse) == (3, 3)


def test_a_call_whose_names_arrive_within_a_question_has_them(
    clickhouse: ClickHouseUrl, make_call: MakeCall
) -> None:
    """The statements of a query share no snapshot."""
    deliver(clickhouse, [make_call(tenant="first")])

    with open_ledger(clickhouse) as ledger:
        (column,), key_of = key_maker(ledger, ("tenant",))
        deliver(clickhouse, [make_call(tenant="second")])
        ids = [id_ for (id_,) in ledger.rows(f"SELECT DISTINCT {column} FROM calls")]
        found = {key_of([id_]) for id_ in ids}

    assert found == {("first",), ("second",)}


def test_a_hostile_span_does_not_block_others(
    clickhouse: ClickHouseUrl, make_call: MakeCall
) -> None:
    """Invalid values count as missing."""
    odd = make_call(
        service="'; DROP TABLE ledger_calls; --",
        response_model="\\ \x00 ' ?",
        response_id="x" * 100_000,
        cost_nano_usd=1,
    )
    deliver(clickhouse, [odd, make_call(cost_nano_usd=2)])
    ClickHouseConnection(clickhouse, writes=True).command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes, Duration) VALUES"
        f" (fromUnixTimestamp64Nano({NOON_NS}), 'not hexadecimal', '', map("
        "'otel_distro.billed', 'true', 'otel_distro.cost.nano_usd', '1e400',"
        " 'gen_ai.usage.input_tokens', '-5', 'gen_ai.response.time_to_first_chunk', 'inf',"
        " 'gen_ai.usage.audio_seconds', '1e300', 'http.response.status_code', '99999'),"
        " 18446744073709551615)"
    )

    assert total_of(clickhouse) == (3, 3)


def test_durations_have_the_buckets_of_every_ledger(clickhouse: ClickHouseUrl) -> None:
    """At, below and above the bounds of each bucket."""
    values = sorted({max(0, low + step) for low, _ in LATENCY_BUCKETS for step in (-1, 0, 1)})
    connection = ClickHouseConnection(clickhouse, writes=True)
    rows = ", ".join(f"({NOON_NS}, {value}, 1, 1, {value})" for value in values)
    connection.command(
        "INSERT INTO ledger_calls (start_ns, span_id, outcome_id, kind_id, latency_us)"
        f" VALUES {rows}"
    )

    found = connection.read("SELECT latency_us, bucket FROM ledger_calls ORDER BY 1")

    assert len(found) == len(values)
    assert found == [(value, bucket_of(value)) for value in values]


def test_tools_are_counted(clickhouse: ClickHouseUrl) -> None:
    """Spans of the conventions; one delivered twice is one execution."""
    row = (
        f"(fromUnixTimestamp64Nano({NOON_NS}), '{1:032x}', '{2:016x}', 'shop',"
        " map('gen_ai.operation.name', 'execute_tool', 'gen_ai.tool.name', 'search'), 3000000)"
    )
    ClickHouseConnection(clickhouse, writes=True).command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ServiceName, SpanAttributes,"
        f" Duration) VALUES {row}, {row}"
    )

    with open_ledger(clickhouse) as ledger:
        (line,) = tool_report(ledger).groups

    assert (line.key, line.calls, line.mean_ms) == (("search",), 1, 3.0)


def test_nothing_can_be_written_through_a_reader(clickhouse: ClickHouseUrl) -> None:
    """The server refuses writes even for a user with all rights."""
    with pytest.raises(ServerError, match="readonly"):
        ClickHouseConnection(clickhouse).command("TRUNCATE TABLE ledger_calls")


def test_a_writer_refuses_to_begin(clickhouse: ClickHouseUrl) -> None:
    """Its calls would wait for a read-only ledger."""
    with pytest.raises(NotWrittenHereError, match="a Collector fills it"):
        LedgerWriter(clickhouse)


def test_the_password_is_in_no_message(clickhouse: ClickHouseUrl) -> None:
    """Neither in the name of the ledger nor in the error of a server."""
    wrong = ClickHouseUrl.parse(
        with_password(clickhouse).replace("correct-horse", "wrong").replace("otel:", "wrong:")
    )

    with pytest.raises(ServerError) as raised, open_ledger(wrong):
        pass

    assert "check user and password" in str(raised.value)
    assert ":wrong@" not in f"{raised.value}{wrong!r}{wrong}"


def test_calls_are_copied_to_a_file(
    clickhouse: ClickHouseUrl, make_call: MakeCall, tmp_path: Path
) -> None:
    """The file allows writes; here they are refused."""
    deliver(clickhouse, [make_call(cost_nano_usd=3), make_call(billed=False)])
    file = tmp_path / "ledger.db"

    copied = run("ledger", "copy", with_password(clickhouse), file)
    refused = [
        run("ledger", *words, "--ledger", with_password(clickhouse))
        for words in (("retain",), ("archive", tmp_path), ("check",))
    ]

    assert copied.exit_code == 0, copied.output
    with open_ledger(file) as ledger:
        assert costs(ledger).total.cost_nano_usd == 3
        assert len(calls(ledger)) == 2
    assert [result.exit_code for result in refused] == [1, 1, 1]
    assert all("otel-distro: " in result.stderr for result in refused)


@pytest.fixture
def empty(clickhouse_engine: str) -> Iterator[ClickHouseUrl]:
    """A name without a database."""
    url = ClickHouseUrl.parse(f"{clickhouse_engine}/empty")
    yield url
    server = ClickHouseConnection(url, writes=True, database="default")
    server.command("DROP DATABASE IF EXISTS empty")


def test_there_is_no_ledger_before_its_creation(empty: ClickHouseUrl) -> None:
    """Neither reading nor an upgrade creates one."""
    with pytest.raises(LedgerNotFoundError), open_ledger(empty):
        pass
    with pytest.raises(LedgerNotFoundError, match="clickhouse init"):
        upgrade(empty)
    with open_ledger(empty, missing_ok=True) as ledger:
        assert costs(ledger).total.calls == 0
    assert [found.status for found in check_clickhouse(empty)] == ["ok", "fail"]


def test_a_ledger_created_later_has_the_earlier_spans(
    clickhouse: ClickHouseUrl, empty: ClickHouseUrl, make_call: MakeCall
) -> None:
    """Those of the days in the Collector's table; repeating it changes nothing."""
    deliver(clickhouse, [make_call(cost_nano_usd=3), make_call(cost_nano_usd=4)])
    server = ClickHouseConnection(empty, writes=True, database="default")
    server.command("CREATE DATABASE empty")
    name = clickhouse.parameters["dbname"]
    server.command(f"CREATE TABLE empty.otel_traces AS {name}.otel_traces")
    server.command(f"INSERT INTO empty.otel_traces SELECT * FROM {name}.otel_traces")

    made = init(empty, rows_days=3650)
    second_init = init(empty, rows_days=3650)

    assert (made.before, made.after, made.read_days) == (0, SCHEMA_VERSION, 1)
    assert (second_init.before, second_init.read_days) == (SCHEMA_VERSION, 0)
    assert total_of(empty) == (2, 7)


def test_a_newer_schema_is_left_alone(clickhouse: ClickHouseUrl) -> None:
    """The schema is never downgraded."""
    later = SCHEMA_VERSION + 1
    ClickHouseConnection(clickhouse, writes=True).command(
        f"INSERT INTO ledger_meta (key, value) VALUES ('schema_version', '{later}')"
    )

    with pytest.raises(NewerSchemaError, match="upgrade otel-distro"):
        upgrade(clickhouse)
    with pytest.raises(NewerSchemaError), open_ledger(clickhouse):
        pass
    result = run("stack", "clickhouse", "upgrade", with_password(clickhouse))
    assert result.exit_code == 1
    assert "never downgraded" in result.stderr


def test_the_lifetime_of_calls_can_be_changed(clickhouse: ClickHouseUrl) -> None:
    """In every table that has calls, as the server shows it."""
    result = run("stack", "clickhouse", "upgrade", with_password(clickhouse), "--days", "45")

    assert result.exit_code == 0, result.output
    ((engine,),) = ClickHouseConnection(clickhouse).read(
        "SELECT engine_full FROM system.tables"
        " WHERE name = 'ledger_calls' AND database = currentDatabase()"
    )
    assert "toIntervalDay(45)" in engine


def test_sums_stay_when_calls_are_deleted(clickhouse: ClickHouseUrl, make_call: MakeCall) -> None:
    """A call later than the lifetime of its day is not counted: it may have been before."""
    call = make_call(cost_nano_usd=7)
    deliver(clickhouse, [call])
    sum_hours(clickhouse, quiet_seconds=0)

    upgrade(clickhouse, rows_days=1)
    connection = ClickHouseConnection(clickhouse, writes=True)
    connection.command("TRUNCATE TABLE ledger_calls")
    deliver(clickhouse, [call])

    assert total_of(clickhouse) == (1, 7)
    with open_ledger(clickhouse) as ledger:
        assert calls(ledger) == ()
        assert not costs(ledger, by=("hour", "scope")).complete


def test_check_names_missing_parts(clickhouse: ClickHouseUrl, make_call: MakeCall) -> None:
    """A view that was dropped, and no call so far."""
    before = {found.subject: found.status for found in check_clickhouse(clickhouse)}
    deliver(clickhouse, [make_call()])
    ClickHouseConnection(clickhouse, writes=True).command("DROP VIEW ledger_calls_mv")
    after = {found.subject: found for found in check_clickhouse(clickhouse)}

    assert before == {"server": "ok", "schema": "ok", "views": "ok", "calls": "warn", "sums": "ok"}
    assert after["views"].status == "fail"
    assert "ledger_calls_mv" in after["views"].found
    assert run("stack", "clickhouse", "check", with_password(clickhouse)).exit_code == 1


def test_the_commands_of_the_stack(
    empty: ClickHouseUrl, make_call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made, filled, summed and checked, with the URL of the settings."""
    monkeypatch.setenv("OTEL_DISTRO_LEDGER", with_password(empty))

    made = run("stack", "clickhouse", "init", "--days", "3650")
    deliver(empty, [make_call(cost_nano_usd=7)])
    summed = run("stack", "clickhouse", "sum", "--quiet-for", "0")
    checked = answer("stack", "clickhouse", "check")
    wrong = run("stack", "clickhouse", "check", "postgresql://me@host/otel")

    assert "schema 1, calls are kept for 3650 days" in made.stdout
    assert summed.stdout == "1 hour summed\n"
    assert {found["status"] for found in checked["checks"]} == {"ok"}
    assert wrong.exit_code == 2
    assert total_of(empty) == (1, 7)


def test_without_a_url_the_settings_have_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other kinds of ledgers are refused."""
    monkeypatch.setenv("OTEL_DISTRO_LEDGER", str(tmp_path / "ledger.db"))

    result = run("stack", "clickhouse", "check")

    assert result.exit_code == 2
    assert "name the database" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("costs", "--by", "model"),
        ("calls",),
        ("explain", f"{1:032x}"),
        ("reports", "stats"),
        ("reports", "waste"),
        ("reports", "whatif", "--model", "gpt-4o=gpt-4o-mini"),
        ("reports", "digest", "monthly"),
        ("reports", "tools"),
        ("reports", "violations"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_every_command_reads_it(
    clickhouse: ClickHouseUrl, make_call: MakeCall, arguments: tuple[str, ...]
) -> None:
    """With the URL as the ledger, as JSON."""
    deliver(clickhouse, [make_call(trace_id=1, cost_nano_usd=7)])

    found: dict[str, Any] = answer(*arguments, "--ledger", with_password(clickhouse))

    assert found
