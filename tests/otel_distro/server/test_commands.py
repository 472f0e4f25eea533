"""The commands over the trace store, and the MCP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from otel_distro.cli import main
from otel_trace_store import Arrivals, SpanCost, TraceStoreWriter
from support.otlp_messages import TRACE, A, counter, logs, span_id, spans, trace_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command beside a small store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    def call(*arguments: str) -> Any:
        return CliRunner().invoke(main, arguments)

    return call


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with two traces, two log records and a counter."""
    folder = tmp_path / "otel-distro" / "traces"
    writer = TraceStoreWriter(folder)
    writer.write(
        Arrivals(
            spans=[
                spans(
                    A(1, "POST /checkout", ms=900),
                    A(2, "chat gpt-4o", 1, ms=500, failed=True, message="timed out \x1b[31m"),
                ),
                spans(A(3, "GET /", trace=trace_id(9)), service="cart"),
            ],
            logs=[logs("payment failed", severity=17, trace=TRACE), logs("fine", service="cart")],
            metrics=[counter("shop.orders", 1, 5, attributes={"shop": "a"})],
            costs=[SpanCost(TRACE, span_id(2), 6_000_000, billed=True)],
        )
    )
    writer.close()
    return folder


def test_traces_are_listed_and_searched(run: Callable[..., Any], filled: Path) -> None:
    """As a table, and as JSON for programs."""
    table = run("traces").output
    found = json.loads(run("traces", "--search", "checkout", "--failed", "--json").output)

    assert TRACE.hex() in table
    assert "$0.006" in table
    assert "cart" in table
    (row,) = found
    assert (row["name"], row["errors"], row["cost_nano_usd"]) == ("POST /checkout", 1, 6_000_000)
    assert run("traces", "--service", "nobody").output.strip() == "no trace matches"


def test_one_trace_is_shown_as_a_tree(run: Callable[..., Any], filled: Path) -> None:
    """With durations and costs, without terminal escapes."""
    shown = run("traces", TRACE.hex())
    as_json = json.loads(run("traces", TRACE.hex(), "--json").output)

    assert shown.output.splitlines()[1].split("$0.006")[1].strip() == "x chat gpt-4o  [shop]"
    assert "\x1b" not in shown.output
    assert [span["span_id"] for span in as_json] == [span_id(1).hex(), span_id(2).hex()]
    assert run("traces", "abc").exit_code == 2
    assert run("traces", "f" * 32).exit_code == 1


def test_log_records_are_listed(run: Callable[..., Any], filled: Path) -> None:
    """Oldest first, as usual in a terminal."""
    assert "payment failed" in run("logs", "--severity", "error").output
    (row,) = json.loads(run("logs", "--trace", TRACE.hex(), "--json").output)
    assert (row["body"], row["trace_id"]) == ("payment failed", TRACE.hex())
    assert run("logs", "--search", "nothing-has-this").exit_code == 0


def test_metrics_are_listed_and_shown(run: Callable[..., Any], filled: Path) -> None:
    """With the last value, and with every point."""
    assert "shop.orders" in run("metrics").output
    (series,) = json.loads(run("metrics", "shop.orders", "--json").output)
    assert [point["value"] for point in series["points"]] == [1, 5]
    assert series["attributes"] == {"shop": "a"}
    assert run("metrics", "nope").exit_code == 1


@pytest.mark.parametrize("name", ["traces", "logs", "metrics"])
def test_an_empty_store_prints_the_next_step(run: Callable[..., Any], name: str) -> None:
    """In one line."""
    done = run(name)

    assert done.exit_code == 1
    assert "otel-distro serve" in done.output


@pytest.mark.process
def test_follow_shows_new_records(filled: Path, tmp_path: Path) -> None:
    """Stored records first, then new ones, each once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "otel_distro", "traces", "--follow", "--json"],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    names = {json.loads(process.stdout.readline())["name"] for _ in range(2)}
    writer = TraceStoreWriter(filled)
    writer.write(Arrivals(spans=[spans(A(7, "late", trace=trace_id(10)))]))
    writer.close()
    late = json.loads(process.stdout.readline())["name"]
    process.terminate()
    process.wait(30)
    process.stdout.close()

    assert names == {"POST /checkout", "GET /"}
    assert late == "late"


def test_agents_get_the_endpoint(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without prompts by default; the token's variable is named, its value never printed."""
    monkeypatch.setenv("OTEL_DISTRO_SERVE_TOKEN", "x" * 32)

    claude = run("agent-env", "claude-code").output
    codex = run("agent-env", "codex", "--endpoint", "http://127.0.0.1:9999/").output
    gemini = run("agent-env", "gemini-cli").output

    assert "export CLAUDE_CODE_ENABLE_TELEMETRY=1" in claude
    assert "PROMPTS" not in claude
    assert 'endpoint = "http://127.0.0.1:9999/v1/logs"' in codex
    assert "log_user_prompt = false" in codex
    assert "GEMINI_TELEMETRY_LOG_PROMPTS=false" in gemini
    assert "x" * 32 not in claude + codex + gemini
    assert run("agent-env", "nobody").exit_code == 2


async def _ask(environ: dict[str, str]) -> dict[str, Any]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "otel_distro", "mcp"], env=environ
    )
    found: dict[str, Any] = {}
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        found["tools"] = (await session.list_tools()).tools
        for name, arguments in (
            ("search_traces", {"text": "checkout"}),
            ("trace", {"trace_id": TRACE.hex()}),
            ("operations", {"order": "failing"}),
            ("search_logs", {"severity": 17}),
            ("costs", {"by": "model"}),
            ("budgets", {}),
            ("costs", {"by": "nothing"}),
        ):
            answer = await session.call_tool(name, arguments)
            found.setdefault(name, json.loads(answer.content[0].text))  # type: ignore[union-attr]
    return found


@pytest.mark.process
def test_agents_ask_over_mcp(filled: Path, tmp_path: Path) -> None:
    """Every tool is read-only, has a description, and answers."""
    pytest.importorskip("mcp", reason="needs `pip install 'otel-distro[mcp]'`")
    import asyncio

    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    found = asyncio.run(_ask(environ))

    assert all(tool.annotations.read_only_hint for tool in found["tools"])
    assert all(tool.description for tool in found["tools"])
    assert found["search_traces"][0]["trace_id"] == TRACE.hex()
    assert found["trace"]["spans"][1]["cost_nano_usd"] == 6_000_000
    assert found["operations"][0]["operation"] == "chat gpt-4o"
    assert found["search_logs"][0]["body"] == "payment failed"
    assert found["costs"]["total"]["calls"] == 0
    assert found["budgets"]["budgets"] == []
