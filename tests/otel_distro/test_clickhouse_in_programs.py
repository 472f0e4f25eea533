"""A ledger in ClickHouse: programs write nothing to it, the page reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the page needs `pip install 'otel-distro[ui]'`")

from starlette.testclient import TestClient

from otel_cost_ledger import LedgerWriter
from otel_cost_ledger.clickhouse.connection import ClickHouseConnection
from otel_distro.cli.mcp_tools import Tools
from otel_distro.settings import Settings
from otel_distro.ui.app import Site, make_app
from support.clickhouse_spans import as_exported, deliver
from support.ledger_questions import KEY
from support.process import BIN, clean_environment, instrumented, run
from support.ui_ledger import month_of_calls

if TYPE_CHECKING:
    from pathlib import Path

    from otel_cost_ledger.model.location import ClickHouseUrl, Location

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)
PLACES = ("/?window=30d", "/?window=24h", "/?window=7d&by=agent", "/calls?window=30d",
          "/costs.csv?window=30d&by=user", "/calls.csv?window=7d")  # fmt: skip
URL = "clickhouse://otel:correct-horse@127.0.0.1:9/otel"

PROGRAM = """
from opentelemetry import trace

with trace.get_tracer("shop").start_as_current_span("chat") as span:
    span.set_attribute("gen_ai.operation.name", "chat")
    span.set_attribute("gen_ai.request.model", "gpt-4o")
print("done")
"""


def test_a_program_stores_no_call_there_and_prints_the_remedy(tmp_path: Path) -> None:
    """One line, without the password; no connection and no wait."""
    environ = clean_environment(
        tmp_path, OTEL_DISTRO_LEDGER=URL, OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none"
    )

    done = instrumented(PROGRAM, environ)

    warnings = [line for line in done.stderr.splitlines() if "clickhouse://" in line]
    assert (done.returncode, done.stdout.strip()) == (0, "done")
    assert len(warnings) == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in warnings[0]
    assert "correct-horse" not in done.stderr
    assert not list(tmp_path.rglob("*.spill.jsonl"))


def test_a_program_with_a_budget_does_not_wait_for_it(tmp_path: Path) -> None:
    """Its budget begins at zero: the ledger has the calls of every host."""
    environ = clean_environment(
        tmp_path,
        OTEL_DISTRO_LEDGER=URL,
        OTEL_DISTRO_BUDGET_USD_PER_DAY="5",
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
    )

    done = instrumented(PROGRAM, environ)
    shown = run([str(BIN / "otel-distro"), "budgets", "--json"], environ)

    assert (done.returncode, done.stdout.strip()) == (0, "done")
    assert "check that the server runs" not in done.stderr
    assert shown.returncode == 0, shown.stderr


@pytest.mark.clickhouse
@pytest.mark.slow
def test_the_page_shows_the_same(clickhouse: ClickHouseUrl, tmp_path: Path) -> None:
    """Overview, calls and files of a month, beside a ledger in a file."""
    # Pseudonyms of sessions are others there: the key of the hosts is not in the database.
    calls = [
        replace(priced, call=replace(priced.call, session=None))
        for priced in month_of_calls(NOW, days=12, a_day=40)
    ]
    file = tmp_path / "ledger.db"
    writer = LedgerWriter(file, pseudonym_key=KEY)
    writer.write([as_exported(priced) for priced in calls])
    writer.shutdown()
    deliver(clickhouse, calls)

    pages, same = shown(file, tmp_path), shown(clickhouse, tmp_path)

    for place in PLACES:
        assert same[place] == pages[place]


def shown(ledger: Location, state_dir: Path) -> dict[str, str]:
    """Return the text of each page without the name of its ledger and identifiers."""
    site = Site(ledger, Settings(state_dir=state_dir), now=lambda: NOW)
    with TestClient(make_app(site), base_url="http://127.0.0.1:4320") as visitor:
        found = {}
        for place in PLACES:
            response = visitor.get(place)
            assert response.status_code == 200, response.text
            text = response.text.replace(str(ledger), "LEDGER")
            found[place] = re.sub(r'content="[0-9a-f]{24}"', "", text)
    return found


@pytest.mark.clickhouse
def test_tools_of_a_model_read_it(clickhouse: ClickHouseUrl, tmp_path: Path) -> None:
    """The MCP server's costs."""
    calls = month_of_calls(datetime.now(UTC), days=2, a_day=5)
    deliver(clickhouse, calls)

    found = json.loads(Tools(Settings(state_dir=tmp_path), clickhouse).costs(hours=24 * 7))

    billed = [priced for priced in calls if priced.billed]
    cost = sum(priced.cost_nano_usd or 0 for priced in billed)
    assert (found["total"]["calls"], found["total"]["cost_nano_usd"]) == (len(billed), cost)


@pytest.mark.clickhouse
def test_a_trace_of_the_fleet_is_shown_whole(clickhouse: ClickHouseUrl, tmp_path: Path) -> None:
    """Spans without a model call too, each once, with events, logs and the cost of the call."""
    trace, at = f"{7:032x}", f"fromUnixTimestamp64Nano({int(NOW.timestamp()) * 10**9})"
    columns = (
        "Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ScopeName,"
        " SpanAttributes, Duration, StatusCode, StatusMessage, Events.Timestamp, Events.Name,"
        " Events.Attributes"
    )
    root = (
        f"({at}, '{trace}', '{1:016x}', '', 'GET /basket', 'Server', 'shop', 'http',"
        " map('http.route', '/basket'), 900000000, 'Error', 'sold <out>',"
        f" [{at}], ['exception'], [map('exception.type', 'SoldOut')])"
    )
    call = (
        f"({at}, '{trace}', '{2:016x}', '{1:016x}', 'chat gpt-4o', 'Client', 'shop', 'genai',"
        " map('gen_ai.operation.name', 'chat', 'gen_ai.request.model', 'gpt-4o',"
        " 'otel_distro.billed', 'true', 'otel_distro.cost.status', 'priced',"
        " 'otel_distro.cost.nano_usd', '6000000'), 500000000, 'Unset', '', [], [], [])"
    )
    connection = ClickHouseConnection(clickhouse, writes=True)
    connection.command(f"INSERT INTO otel_traces ({columns}) VALUES {root}, {call}, {call}")
    connection.command(
        "INSERT INTO otel_logs (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber,"
        f" ServiceName, Body) VALUES ({at}, '{trace}', '{2:016x}', 'WARN', 13, 'shop', 'nearly')"
    )

    site = Site(clickhouse, Settings(state_dir=tmp_path), now=lambda: NOW)
    with TestClient(make_app(site), base_url="http://127.0.0.1:4320") as visitor:
        page = visitor.get(f"/trace/{trace}?span={1:016x}").text
        document = visitor.get(f"/trace/{trace}.json")
        unknown = visitor.get(f"/trace/{8:032x}")

    assert "2 spans" in page
    assert "$0.006" in page
    assert "nearly" in page
    assert "SoldOut" in page
    assert "sold &lt;out&gt;" in page
    assert document.status_code == 200
    assert unknown.status_code == 404


@pytest.mark.slow
@pytest.mark.clickhouse
def test_it_is_compared_with_the_provider_as_a_file_is(
    clickhouse: ClickHouseUrl, tmp_path: Path
) -> None:
    """`ledger reconcile` finds the same gaps, a call that the provider has not charged included."""
    calls = month_of_calls(NOW, days=3, a_day=40)
    deliver(clickhouse, calls)
    file = tmp_path / "ledger.db"
    writer = LedgerWriter(file, pseudonym_key=KEY)
    writer.write(calls)
    writer.shutdown()
    export = tmp_path / "export.csv"
    export.write_text(
        "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,"
        "input_tokens,output_tokens,input_cached_tokens\n"
        "1773705600,1773792000,2026-03-17T00:00:00+00:00,2026-03-18T00:00:00+00:00,p,"
        "7,gpt-4o-2024-08-06,9000,800,0\n"
    )
    environ = clean_environment(tmp_path)
    reconcile = [str(BIN / "otel-distro"), "ledger", "reconcile", str(export), "--json"]

    answers = [
        run(
            [*reconcile, "--ledger", str(ledger)],
            environ,
        ).stdout
        for ledger in (file, clickhouse)
    ]

    assert json.loads(answers[0])["days"]
    assert answers[0] == answers[1]
