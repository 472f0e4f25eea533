"""The tables and views that other programs may rely on, and how they change."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger import LedgerWriter
from otel_cost_ledger.model.schema import APPLICATION_ID, SCHEMA_VERSION, migration_script
from otel_cost_ledger.sqlite.connection import open_writer
from otel_cost_ledger.sqlite.migrations import MIGRATIONS, migrate
from otel_pricing.model.call import CostStatus, PricedCall

Query = Callable[..., list[tuple[Any, ...]]]
MakeCall = Callable[..., PricedCall]
VIEW_COLUMNS = {
    "calls_v": "time start_ns trace_id span_id parent_span_id service provider model"
    " request_model operation tenant user session agent feature_flag scope service_tier"
    " streamed status reason billed billing_reason price_source failed error_type"
    " http_status_code cost_nano_usd cost_usd exposure_nano_usd input_tokens output_tokens"
    " cache_read_tokens cache_write_tokens reasoning_tokens max_output_tokens extra latency_ms"
    " time_to_first_token_ms",
    "daily_costs_v": "day service provider model operation tenant calls cost_nano_usd cost_usd"
    " exposure_nano_usd unpriced_calls partial_calls estimated_calls reported_calls"
    " free_calls failed_calls"
    " input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens"
    " mean_latency_ms",
    "hourly_costs_v": "hour service provider model operation tenant agent calls cost_nano_usd"
    " cost_usd exposure_nano_usd unpriced_calls failed_calls input_tokens output_tokens"
    " cache_read_tokens cache_write_tokens reasoning_tokens mean_latency_ms",
    "tools_v": "day service tool agent source error_type failed calls mean_duration_ms longest_ms",
    "latency_v": "day provider model operation bucket latency_from_ms calls",
    "violations_v": "time at_ns operation budget_ms actual_ms overage_ms trace_id span_id",
    "replaced_prices_v": "replaced_at call_time span_id status price_source cost_nano_usd cost_usd",
}


@pytest.mark.parametrize("view", VIEW_COLUMNS)
def test_the_columns_of_a_view_are_a_promise(writer: LedgerWriter, query: Query, view: str) -> None:
    """Dashboards depend on them."""
    writer.write([])

    names = [row[1] for row in query(f"PRAGMA table_info({view})")]

    assert names == VIEW_COLUMNS[view].split()


def test_daily_costs_v_agrees_with_the_calls(
    writer: LedgerWriter, make_call: MakeCall, query: Query
) -> None:
    """Grafana and `costs` show the same."""
    writer.write([make_call(), make_call(tenant="acme"), make_call(billed=False)])

    assert query("SELECT day, tenant, calls, cost_usd FROM daily_costs_v ORDER BY tenant") == [
        ("2025-11-22", None, 1, 0.00045),
        ("2025-11-22", "acme", 1, 0.00045),
    ]


def test_ids_are_shown_as_tracing_tools_show_them(
    writer: LedgerWriter, make_call: MakeCall, query: Query
) -> None:
    """Unsigned, in hexadecimal, with their leading zeros."""
    writer.write([make_call(trace_id=255, span_id=2**64 - 1, parent_span_id=1)])

    assert query("SELECT time, trace_id, span_id, parent_span_id FROM calls_v") == [
        ("2025-11-22T12:00:00.001Z", f"{255:032x}", "f" * 16, f"{1:016x}")
    ]


def test_a_new_ledger_is_set_up_for_care(writer: LedgerWriter, query: Query) -> None:
    """Incremental vacuum cannot be switched on later, and the version identifies newer files."""
    writer.write([])

    assert query("PRAGMA auto_vacuum") == [(2,)]
    assert query("PRAGMA journal_mode") == [("wal",)]
    assert query("PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_there_is_one_migration_a_version() -> None:
    """The position in the list is the version it starts from."""
    assert len(MIGRATIONS) == SCHEMA_VERSION


SCRIPTS = {
    ("sqlite", 1): "ee6c6ec215bd8c0e",
    ("sqlite", 2): "59ca211c45a68c24",
    ("sqlite", 3): "359c632d3af2466b",
    ("postgres", 1): "f980b0713683633a",
    ("postgres", 2): "41c646a2b4906968",
    ("postgres", 3): "51ef50bc57385b04",
    ("clickhouse", 1): "af1bf6f088c41246",
}
"""Blake2 of every migration that has been released, by database and version."""


@pytest.mark.parametrize(("database", "version"), SCRIPTS)
def test_a_released_migration_never_changes(database: str, version: int) -> None:
    """Old and new ledgers have the same schema."""
    script = migration_script(database, version).encode()

    assert hashlib.blake2b(script, digest_size=8).hexdigest() == SCRIPTS[database, version]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_migration_makes_the_schema_it_always_made(version: int) -> None:
    """Byte for byte, for each version that a ledger may have."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables need SQLite 3.37")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in MIGRATIONS[:version]:
            step(connection)
        made = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        ).fetchall()

    golden = Path(__file__).with_name("data") / f"schema_v{version}.sql"
    assert "".join(f"{sql};\n" for (sql,) in made) == golden.read_text(encoding="utf-8")


def test_a_ledger_of_the_first_version_is_brought_up_to_date(
    writer: LedgerWriter, make_call: MakeCall, path: Path, query: Query
) -> None:
    """Its calls stay, and the view has the new columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        MIGRATIONS[0](old)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")

    writer.write([make_call(status=CostStatus.REPORTED)])

    assert query("SELECT calls, reported_calls FROM daily_costs_v") == [(1, 1)]
    assert query("PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_a_migration_keeps_a_backup_of_the_old_ledger(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Forward only: the way back is the copy."""
    writer.write([make_call()])
    writer.shutdown()

    def second(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE calls ADD COLUMN colour TEXT")

    with closing(open_writer(path)) as connection:
        migrate(connection, path, [*MIGRATIONS, second])
        (version,) = connection.execute("PRAGMA user_version").fetchone()

    backup = path.with_name(f"ledger.db.v{SCHEMA_VERSION}.bak")
    with closing(sqlite3.connect(backup)) as old:
        assert old.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        assert old.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert version == SCHEMA_VERSION + 1
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_migration_that_fails_changes_nothing(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """All steps happen in one transaction."""
    writer.write([make_call()])
    writer.shutdown()

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE meta")
        raise sqlite3.OperationalError("no")

    with closing(open_writer(path)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, path, [*MIGRATIONS, broken])
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        connection.execute("SELECT * FROM meta")


def test_a_row_written_by_hand_is_counted_too(
    writer: LedgerWriter, make_call: MakeCall, query: Query
) -> None:
    """The sums are kept by the database itself, not by the program that writes."""
    writer.write([make_call()])

    query(
        "INSERT INTO calls SELECT start_ns, span_id + 1, trace_id, parent_span_id, dim_id,"
        " origin_id, outcome_id, user_id, session_id, latency_us, ttft_us, input_tokens,"
        " output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,"
        " cost_nano_usd, exposure_nano_usd, max_output_tokens, response_fingerprint, extra"
        " FROM calls"
    )

    assert query("SELECT calls, cost_nano_usd FROM daily_costs_v") == [(2, 900_000)]
