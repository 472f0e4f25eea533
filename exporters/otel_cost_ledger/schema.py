"""The tables of the ledger, and the triggers that keep its sums exact.

One narrow row a model call, clustered by time. Everything that repeats (names, statuses, reasons)
is interned in three small tables, so that a row holds numbers only:

- `dims`: who answered and for whom; the key of the daily rollup
- `origins`: how the call was made and recorded
- `outcomes`: what became of it: price status, billing decision, error; an outcome has a
  negative id when its calls are not billed, which spares the trigger and most queries a join

Triggers add every new row to `daily_costs` and `latency_histogram` in the transaction that
inserts it, and move it there when a row is revised, so the rollups cannot drift from the rows.
They ignore DELETE on purpose: retention removes rows and keeps the sums.
"""

from __future__ import annotations

import sqlite3
from typing import Final

NS_PER_DAY: Final = 86_400_000_000_000
NS_PER_US: Final = 1_000

SCHEMA_VERSION: Final = 1
"""Stored in `PRAGMA user_version`; a higher number in a file means a newer ledger than ours."""

APPLICATION_ID: Final = 0x4F544C31
"""`PRAGMA application_id`, so that `file` and we recognise a ledger ("OTL1")."""

KEPT_SINCE: Final = "rows_kept_since_ns"
"""Key in `meta`: retention has removed every call that started before this."""

# Some long-lived Linux releases pair Python 3.11 with an SQLite older than STRICT tables.
_STRICT: Final = "STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
_STRICT_TABLE: Final = _STRICT
_STRICT_KEYED: Final = f"{_STRICT}, WITHOUT ROWID".lstrip(", ")

_TABLES: Final = f"""
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL, model TEXT NOT NULL, operation TEXT NOT NULL,
    UNIQUE (provider, model, operation)
) {_STRICT_TABLE};

CREATE TABLE dims (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    operation TEXT NOT NULL, tenant TEXT NOT NULL,
    series_id INTEGER NOT NULL REFERENCES series (id),
    UNIQUE (service, provider, model, operation, tenant)
) {_STRICT_TABLE};

CREATE TABLE origins (
    id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL, request_model TEXT NOT NULL, agent TEXT NOT NULL,
    feature_flag TEXT NOT NULL, service_tier TEXT NOT NULL,
    streamed INTEGER NOT NULL,
    UNIQUE (scope, request_model, agent, feature_flag, service_tier, streamed)
) {_STRICT_TABLE};

CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL, billed INTEGER NOT NULL, failed INTEGER NOT NULL,
    reason TEXT NOT NULL, billing_reason TEXT NOT NULL, price_source TEXT NOT NULL,
    error_type TEXT NOT NULL, http_status_code INTEGER NOT NULL,
    UNIQUE (status, billed, failed, reason, billing_reason, price_source, error_type,
            http_status_code),
    CHECK ((id > 0) = billed)
) {_STRICT_TABLE};

CREATE TABLE calls (
    start_ns INTEGER NOT NULL, span_id INTEGER NOT NULL,
    trace_id BLOB NOT NULL, parent_span_id INTEGER,
    dim_id INTEGER NOT NULL, origin_id INTEGER NOT NULL, outcome_id INTEGER NOT NULL,
    user_id INTEGER, session_id INTEGER,
    latency_us INTEGER NOT NULL, ttft_us INTEGER,
    input_tokens INTEGER, output_tokens INTEGER,
    cache_read_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER,
    cost_nano_usd INTEGER, exposure_nano_usd INTEGER,
    max_output_tokens INTEGER, response_fingerprint INTEGER,
    extra TEXT,
    PRIMARY KEY (start_ns, span_id)
) {_STRICT_KEYED};

CREATE TABLE daily_costs (
    day INTEGER NOT NULL, dim_id INTEGER NOT NULL, outcome_id INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL, exposure_nano_usd INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL, latency_us INTEGER NOT NULL,
    PRIMARY KEY (day, dim_id, outcome_id)
) {_STRICT_KEYED};

CREATE TABLE latency_buckets (
    lower_us INTEGER PRIMARY KEY, bucket INTEGER NOT NULL
) {_STRICT_TABLE};

CREATE TABLE latency_histogram (
    day INTEGER NOT NULL, series_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (day, series_id, bucket)
) {_STRICT_KEYED};

CREATE TABLE replaced_prices (
    id INTEGER PRIMARY KEY,
    start_ns INTEGER NOT NULL, span_id INTEGER NOT NULL,
    outcome_id INTEGER NOT NULL, cost_nano_usd INTEGER, exposure_nano_usd INTEGER,
    replaced_at INTEGER NOT NULL
) {_STRICT_TABLE};

CREATE TABLE latency_violations (
    at_ns INTEGER NOT NULL, span_id INTEGER NOT NULL, operation TEXT NOT NULL,
    trace_id BLOB NOT NULL, budget_us INTEGER NOT NULL, actual_us INTEGER NOT NULL,
    PRIMARY KEY (at_ns, span_id, operation)
) {_STRICT_KEYED};

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) {_STRICT_KEYED};
"""

COUNTERS: Final = (
    "calls",
    "cost_nano_usd",
    "exposure_nano_usd",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "latency_us",
)
"""The additive columns of `daily_costs`, in table order."""


def counter_values(row: str, sign: str = "") -> str:
    """Return the SQL list of what one *row* of `calls` contributes to each of `COUNTERS`."""
    values = ["1"]
    values += [f"ifnull({row}.{name}, 0)" for name in COUNTERS[1:-1]]
    values.append(f"{row}.latency_us")
    return ", ".join(sign + value for value in values)


def _add_to_rollups(row: str, sign: str = "") -> str:
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTERS)
    day = f"{row}.start_ns / {NS_PER_DAY}"
    return f"""
    INSERT INTO daily_costs (day, dim_id, outcome_id, {", ".join(COUNTERS)})
    VALUES ({day}, {row}.dim_id, {row}.outcome_id, {counter_values(row, sign)})
    ON CONFLICT DO UPDATE SET {sums};

    INSERT INTO latency_histogram (day, series_id, bucket, calls)
    SELECT {day}, (SELECT series_id FROM dims WHERE id = {row}.dim_id),
           (SELECT bucket FROM latency_buckets
            WHERE lower_us <= {row}.latency_us ORDER BY lower_us DESC LIMIT 1),
           {sign}1
    WHERE {row}.outcome_id > 0
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls;
    """  # noqa: S608 - made of this module's own constants


_TRIGGERS: Final = f"""
CREATE TRIGGER calls_inserted AFTER INSERT ON calls BEGIN
    {_add_to_rollups("NEW")}
END;

CREATE TRIGGER calls_revised AFTER UPDATE ON calls BEGIN
    {_add_to_rollups("OLD", "-")}
    {_add_to_rollups("NEW")}
    DELETE FROM daily_costs
    WHERE day = OLD.start_ns / {NS_PER_DAY} AND dim_id = OLD.dim_id
      AND outcome_id = OLD.outcome_id AND calls = 0;
    DELETE FROM latency_histogram
    WHERE day = OLD.start_ns / {NS_PER_DAY} AND calls = 0
      AND series_id = (SELECT series_id FROM dims WHERE id = OLD.dim_id);
END;

CREATE TRIGGER price_replaced AFTER UPDATE ON calls
WHEN OLD.cost_nano_usd IS NOT NEW.cost_nano_usd
BEGIN
    INSERT INTO replaced_prices
        (start_ns, span_id, outcome_id, cost_nano_usd, exposure_nano_usd, replaced_at)
    VALUES (OLD.start_ns, OLD.span_id, OLD.outcome_id, OLD.cost_nano_usd,
            OLD.exposure_nano_usd, CAST(strftime('%s', 'now') AS INTEGER));
END;
"""  # noqa: S608 - made of this module's own constants


def create_schema(connection: sqlite3.Connection) -> None:
    """Create every table, trigger and view of version 1; the caller holds the transaction."""
    # executescript() would commit the caller's transaction first.
    for statement in split_statements(_TABLES) + split_statements(_TRIGGERS):
        connection.execute(statement)
    from otel_cost_ledger.histogram import LATENCY_BUCKETS
    from otel_cost_ledger.views import VIEWS

    connection.executemany(
        "INSERT INTO latency_buckets (lower_us, bucket) VALUES (?, ?)",
        LATENCY_BUCKETS,
    )
    for statement in split_statements(VIEWS):
        connection.execute(statement)


def split_statements(script: str) -> list[str]:
    """Return the statements of an SQL *script*, triggers whole."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements
