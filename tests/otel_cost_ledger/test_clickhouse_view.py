"""The daily costs in ClickHouse are those of the ledger, run by ClickHouse's own engine (chdb)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_pricing import (
    LineProblem,
    PriceBook,
    SpanRecord,
    decide,
    facts,
    price_call,
    read_call,
    read_spans,
)
from support.otlp_archive import chat_span, write_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_pricing import PricedCall

SQL = Path(__file__).parents[2] / "collector-config" / "clickhouse"
DAY_NS = 86_400 * 10**9
# The table drops rows older than a month.
TODAY_NS = time.time_ns() // DAY_NS * DAY_NS

pytestmark = [
    pytest.mark.clickhouse,
    pytest.mark.skipif(
        find_spec("chdb") is None, reason="ClickHouse's engine is not here: pip install chdb"
    ),
]

COLUMNS = (
    "day, service, provider, model, operation, calls, cost_nano_usd, exposure_nano_usd,"
    " unpriced_calls, partial_calls, estimated_calls, free_calls, failed_calls, input_tokens,"
    " output_tokens, cache_read_tokens"
)

# The engine allows one session per process, so it gets a separate process.
_RUN = """
import json, sys
from chdb import session

work = json.load(sys.stdin)
opened = session.Session(work["folder"])
for statement in work["statements"]:
    opened.query(statement)
print(str(opened.query(work["query"], "JSONCompactStringsEachRow")))
"""


def test_daily_costs_are_those_of_the_ledger(tmp_path: Path, path: Path) -> None:
    """Failed and unpriced calls, two models, two days; one span delivered twice."""
    nothing = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
    archive = write_archive(
        tmp_path / "spans.jsonl",
        *(chat_span(n, start_ns=TODAY_NS) for n in range(3)),
        chat_span(3, start_ns=TODAY_NS, **{"gen_ai.usage.cache_read.input_tokens": 600}),
        chat_span(4, start_ns=TODAY_NS - DAY_NS),
        chat_span(
            5,
            start_ns=TODAY_NS,
            **{"gen_ai.request.model": "house", "gen_ai.response.model": "house"},
        ),
        chat_span(
            6,
            start_ns=TODAY_NS,
            **{**nothing, "error.type": "timeout", "gen_ai.response.model": None},
        ),
        chat_span(7, start_ns=TODAY_NS, **{**nothing, "error.type": "openai.RateLimitError"}),
    )
    spans, priced = _priced(archive)
    LedgerWriter(path).write(priced)

    with open_ledger(path) as ledger:
        ledger_rows = sorted(
            tuple(str(cell) for cell in row)
            for row in ledger.rows(f"SELECT {COLUMNS} FROM daily_costs_v")
        )
    rows = [_insert(span, call) for span, call in zip(spans, priced, strict=True)]
    view_rows = _clickhouse(tmp_path, [*rows, rows[0]], f"SELECT {COLUMNS} FROM otel.daily_costs_v")

    assert len(ledger_rows) == 4
    assert view_rows == ledger_rows


def _priced(archive: Path) -> tuple[list[SpanRecord], list[PricedCall]]:
    book = PriceBook()
    found = [(span, read_call(span)) for span in read_spans(archive, report=_refuse)]
    priced = [price_call(call, book) for _, call in found if call is not None]
    return [span for span, call in found if call is not None], list(decide(priced))


def _refuse(problem: LineProblem) -> None:
    raise AssertionError(problem)


def _insert(span: SpanRecord, priced: PricedCall) -> str:
    """Return the INSERT of a span as the Collector's exporter writes it: all values as text."""
    attributes = {**span.attributes, **facts(priced)}
    pairs = ", ".join(f"{_text(k)}, {_text(_written(v))}" for k, v in attributes.items())
    call = priced.call
    return (
        "INSERT INTO otel.otel_traces (Timestamp, TraceId, SpanId, SpanName, ServiceName,"
        " SpanAttributes, Duration, StatusCode) VALUES"
        f" (fromUnixTimestamp64Nano({call.start_ns}), '{call.trace_id:032x}',"
        f" '{call.span_id:016x}', 'chat', 'shop', map({pairs}),"
        f" {call.end_ns - call.start_ns}, 'Unset')"
    )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _clickhouse(folder: Path, rows: Sequence[str], query: str) -> list[tuple[str, ...]]:
    statements = [
        part
        for name in ("schema.sql", "views.sql")
        for part in _without_comments(SQL / name).split(";")
        if part.strip()
    ]
    work: dict[str, Any] = {
        "folder": str(folder / "clickhouse"),
        "statements": [*statements, *rows],
        "query": query,
    }
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=json.dumps(work), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line for line in done.stdout.splitlines() if line]
    return sorted(tuple(json.loads(line)) for line in lines)


def _without_comments(path: Path) -> str:
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))
