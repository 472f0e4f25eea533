"""Statements, locations and sums of ClickHouse, without a server."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from otel_cost_ledger import LedgerError, open_ledger
from otel_cost_ledger.clickhouse.connection import SCHEMA_VERSION
from otel_cost_ledger.clickhouse.dialect import literal, statement
from otel_cost_ledger.clickhouse.schema import keep_rows_for, statements_of, views
from otel_cost_ledger.clickhouse.tables import MOST_RANGES, Tables, ranges_of
from otel_cost_ledger.model.errors import ServerError
from otel_cost_ledger.model.location import ClickHouseUrl, parse_location
from otel_cost_ledger.model.schema import split_statements
from support.process import free_port

ROOT = Path(__file__).resolve().parents[2]


def test_whole_numbers_are_divided_without_a_fraction() -> None:
    """`/` is a fraction in ClickHouse."""
    sql = "SELECT c.start_ns / 3600, latency_us / 1000 * 1000 + 500 FROM nothing c"

    assert statement(sql, (), {}) == (
        "SELECT intDiv(c.start_ns, 3600), intDiv(latency_us, 1000) * 1000 + 500"
        " FROM of_ledger_nothing c"
    )


def test_a_table_becomes_a_subquery_in_front() -> None:
    """Once, however often it is named; a column of that name stays."""
    tables = {"calls": "SELECT 1 AS calls", "dims": "SELECT 2 AS id"}
    sql = "SELECT calls FROM calls JOIN dims d ON 1 WHERE 1 IN (SELECT calls FROM calls)"

    assert statement(sql, (), tables) == (
        "WITH of_ledger_calls AS (SELECT 1 AS calls), of_ledger_dims AS (SELECT 2 AS id)"
        " SELECT calls FROM of_ledger_calls JOIN of_ledger_dims d ON 1"
        " WHERE 1 IN (SELECT calls FROM of_ledger_calls)"
    )


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (True, "1"),
        (-(2**63), "-9223372036854775808"),
        (b"\x00'", "unhex('0027')"),
        ("it's \\ ?", "'it\\'s \\\\ ?'"),
    ],
)
def test_a_value_cannot_end_its_literal(value: object, sql: str) -> None:
    """Quotes and backslashes are escaped, bytes are hexadecimal."""
    assert literal(value) == sql


def test_a_placeholder_in_a_value_is_unchanged() -> None:
    """Values are put in after the statement was taken apart."""
    assert statement("SELECT ? , ?", ("a ? b", 2), {}) == "SELECT 'a ? b' , 2"


def test_values_that_do_not_fit_the_marks_are_refused() -> None:
    """A wrong number would shift all values."""
    with pytest.raises(ValueError, match="expected 1 values, got 2"):
        statement("SELECT ?", (1, 2), {})
    with pytest.raises(TypeError, match="float"):
        literal(0.5)


@pytest.mark.parametrize(
    ("text", "shown", "port", "secure"),
    [
        ("clickhouse://me:s3cret@db/costs", "clickhouse://me@db/costs", 8123, False),
        ("clickhouse://db:9123/costs", "clickhouse://db:9123/costs", 9123, False),
        ("clickhouse://db/costs?secure=true", "clickhouse://db/costs", 8443, True),
    ],
)
def test_a_location_shows_no_secret(text: str, shown: str, port: int, secure: bool) -> None:
    """Host, port, user and database are shown; password and options are not."""
    found = parse_location(text)

    assert isinstance(found, ClickHouseUrl)
    assert (str(found), "s3cret" in repr(found)) == (shown, False)
    assert (found.arguments()["port"], found.arguments()["secure"]) == (port, secure)


@pytest.mark.parametrize(
    "text",
    [
        "clickhouse://me:s3cret@db",
        "clickhouse://me:s3cret@db/costs?secure=perhaps",
        "clickhouse://me:s3cret@db/costs?session_timezone=UTC",
        "clickhouse://me:s3cret@db:port/costs",
    ],
)
def test_a_location_that_cannot_be_used_is_not_quoted(text: str) -> None:
    """Without a database, with another option, with an invalid port."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is tested
        parse_location(text)

    assert "s3cret" not in str(raised.value)


def test_neighbouring_hours_are_one_range() -> None:
    """Beyond the limit those nearest to each other are joined, and none is left out."""
    hours = [1, 2, 3, *range(10, 200, 10)]

    found = ranges_of(hours)

    assert ranges_of([3, 1, 2, 7]) == ((1, 4), (7, 8))
    assert len(found) == MOST_RANGES
    assert all(any(first <= hour < end for first, end in found) for hour in hours)


def test_current_sums_are_read_without_rows() -> None:
    """And hours that are not current are left out of the stored ones."""
    current = Tables(as_of_ns=9, rows_since_ns=0).all()["hourly_costs"]
    stale = Tables(as_of_ns=9, rows_since_ns=0, stale=((5, 6),)).all()["hourly_costs"]

    assert "ledger_calls" not in current
    assert "NOT ((hour >= 5 AND hour < 6))" in stale
    assert "ledger_calls FINAL" in stale


def test_every_version_has_a_script() -> None:
    """With the lifetime of rows in place of its marker."""
    for version in range(1, SCHEMA_VERSION + 1):
        script = "".join(statements_of(version, 45))
        assert "INTERVAL 45 DAY" in script
        assert "rows_days}" not in script


def test_a_server_that_does_not_answer_is_named_with_a_remedy() -> None:
    """Host, port and what to check."""
    pytest.importorskip("clickhouse_connect", reason="pip install 'otel-distro[clickhouse]'")
    url = f"clickhouse://me:s3cret@127.0.0.1:{free_port()}/costs"

    with pytest.raises(ServerError, match="check that the server runs") as raised:
        with open_ledger(url):
            pass

    assert "s3cret" not in str(raised.value)


def test_a_missing_client_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading from ClickHouse is an extra."""
    monkeypatch.setitem(sys.modules, "clickhouse_connect", None)

    with pytest.raises(LedgerError, match=r"pip install 'otel-distro\[clickhouse\]'"):
        with open_ledger("clickhouse://me@localhost/costs"):
            pass


def test_the_stack_and_the_ledger_make_the_same_tables_of_spans_and_logs() -> None:
    """The first creates them; the other finds them."""
    bundled = (ROOT / "collector-config/clickhouse/schema.sql").read_text("utf-8")
    made = {_plain(statement) for statement in statements_of(1, 30)}

    of_collector = {
        _plain(statement.replace("otel.", ""))
        for statement in split_statements(bundled)
        if re.search(r"IF NOT EXISTS otel\.otel_(?:traces|logs)", statement)
    }

    assert len(of_collector) == 4
    assert of_collector <= made


def _plain(statement: str) -> str:
    return " ".join(re.sub(r"--.*", "", statement).split())


def test_rows_of_every_table_with_a_lifetime_are_removed_and_sums_by_name_stay() -> None:
    """The script says which, and which views fill the ledger."""
    statements: list[str] = []

    class Connection:
        def command(self, sql: str) -> None:
            statements.append(sql)

    keep_rows_for(cast("Any", Connection()), 7)

    tables = [sql.split()[2] for sql in statements if sql.startswith("ALTER")]
    assert set(tables) == {
        *("otel_traces", "otel_traces_trace_id_ts", "otel_logs", "ledger_calls"),
        *("ledger_tool_calls", "ledger_repeats", "ledger_hourly_people", "ledger_hourly_dearest"),
    }
    assert (
        "ALTER TABLE ledger_repeats MODIFY TTL toDateTime(hour * 3600) + INTERVAL 7 DAY"
        in statements
    )
    assert {"ledger_spans_mv", "ledger_calls_mv", "ledger_tool_calls_mv"} < set(views())
    assert len(views()) == 8
