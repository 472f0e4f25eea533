"""The tables and views for ClickHouse, run by ClickHouse's own engine inside a process (chdb)."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SCHEMA = Path(__file__).parents[2] / "collector-config" / "clickhouse" / "schema.sql"

pytestmark = [
    pytest.mark.clickhouse,
    pytest.mark.skipif(
        find_spec("chdb") is None, reason="ClickHouse's engine is not here: pip install chdb"
    ),
]

# The engine allows one session per process, so it gets a separate process.
_RUN = """
import json, sys
from chdb import session

work = json.load(sys.stdin)
opened = session.Session(work["folder"])
for statement in work["statements"]:
    opened.query(statement)
answers = [str(opened.query(query, "JSONEachRow")) for query in work["queries"]]
print(json.dumps([[json.loads(line) for line in a.splitlines() if line] for a in answers]))
"""


def run(folder: Path, statements: list[str], queries: list[str]) -> list[list[dict[str, Any]]]:
    work = {"folder": str(folder), "statements": statements, "queries": queries}
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=json.dumps(work), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answers: list[list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def statements() -> list[str]:
    """The statements of the schema, one by one."""
    lines = [line for line in SCHEMA.read_text().splitlines() if not line.startswith("--")]
    return [part for part in "\n".join(lines).split(";") if part.strip()]


def span(span_id: str, model: str, **attributes: str) -> str:
    """An INSERT of one span as the exporter writes it."""
    pairs = {"gen_ai.request.model": model, "gen_ai.provider.name": "openai", **attributes}
    written = ", ".join(f"'{key}', '{value}'" for key, value in pairs.items())
    return (
        "INSERT INTO otel.otel_traces (Timestamp, TraceId, SpanId, SpanName, ServiceName, "
        "SpanAttributes, Duration, StatusCode) VALUES "
        f"(now64(9), 'trace', '{span_id}', 'chat', 'shop', map({written}), 1000, 'Unset')"
    )


def paid(nano: str, status: str = "priced") -> dict[str, str]:
    return {
        "otel_distro.billed": "true",
        "otel_distro.cost.status": status,
        "otel_distro.cost.nano_usd": nano,
        "gen_ai.usage.input_tokens": "100",
    }


_CALLS_BY_MODEL = """
    SELECT model, toUInt32(count()) AS calls, toString(sum(cost_nano_usd)) AS nano
    FROM otel.llm_calls GROUP BY model ORDER BY model
"""
_DAILY_BY_MODEL = """
    SELECT model, toUInt32(sum(calls)) AS calls, toUInt32(sum(unpriced_calls)) AS unpriced
    FROM otel.llm_cost_daily GROUP BY model ORDER BY model
"""


def test_each_billed_call_is_counted_once_in_nano_dollars(tmp_path: Path) -> None:
    """A span delivered twice by Kafka is one call; an unbilled duplicate is none."""
    duplicate = {"otel_distro.billed": "false", "otel_distro.cost.status": "priced"}
    rows = [
        span("a", "gpt-4o", **paid("6000001")),
        span("a", "gpt-4o", **paid("6000001")),
        span("b", "gpt-4o", **paid("1")),
        span("c", "gpt-4o", **duplicate),
        span("d", "new-model", **paid("", "unpriced")),
    ]

    calls, daily = run(tmp_path, [*statements(), *rows], [_CALLS_BY_MODEL, _DAILY_BY_MODEL])

    assert calls == [
        {"model": "gpt-4o", "calls": 2, "nano": "6000002"},
        {"model": "new-model", "calls": 1, "nano": "0"},
    ]
    assert daily == [
        {"model": "gpt-4o", "calls": 3, "unpriced": 0},  # a sum cannot undo a second delivery
        {"model": "new-model", "calls": 1, "unpriced": 1},
    ]


def test_the_schema_can_be_run_again(tmp_path: Path) -> None:
    """ClickHouse's image runs it at every first start of a volume."""
    (tables,) = run(
        tmp_path,
        [*statements(), *statements()],
        ["SELECT name FROM system.tables WHERE database = 'otel' ORDER BY name"],
    )

    assert {row["name"] for row in tables} >= {"otel_traces", "otel_logs", "llm_calls"}
