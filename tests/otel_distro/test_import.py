"""`otel-distro ledger import`: imported and skipped lines, in bounded memory."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from otel_distro.cli import main
from support.otlp_archive import chat_span, write_archive

if TYPE_CHECKING:
    from pathlib import Path

LOGS = {
    "resourceLogs": [
        {
            "resource": {},
            "scopeLogs": [
                {
                    "scope": {"name": "codex_otel"},
                    "logRecords": [
                        {
                            "timeUnixNano": "1795800010000000000",
                            "attributes": [
                                {"key": key, "value": {"stringValue": value}}
                                for key, value in fields.items()
                            ],
                        }
                        for fields in (
                            {
                                "event.name": "codex.sse_event",
                                "event.kind": "response.completed",
                                "model": "gpt-5-codex",
                                "input_token_count": "1000",
                                "output_token_count": "200",
                            },
                            {"event.name": "codex.user_prompt"},
                        )
                    ],
                }
            ],
        }
    ]
}
OTHERS = {
    "Tempo": '{"batches": [{"resource": {}, "scopeSpans": []}]}',
    "Jaeger": '{"data": [{"traceID": "1", "spans": [{"traceID": "1", "spanID": "2"}]}]}',
    "Zipkin": '[{"traceId": "1", "id": "2", "localEndpoint": {"serviceName": "x"}}]',
    "console": json.dumps({"name": "x", "context": {"trace_id": "0x1"}}, indent=4),
    "several lines": json.dumps({"resourceSpans": []}, indent=2),
}


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def total(ledger: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("costs", "--ledger", ledger, "--json").output)["total"]
    return found


def test_log_records_are_imported_and_skipped_ones_are_reported(tmp_path: Path) -> None:
    """1000 × 1.25 + 200 × 10 = 3250; a prompt and a line of metrics have no call."""
    archive = tmp_path / "logs.jsonl"
    archive.write_text(json.dumps(LOGS) + "\n" + json.dumps({"resourceMetrics": []}) + "\n")

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert done.exit_code == 0
    assert "2 log records, 1 of them model calls" in done.output
    assert "1 log records without a model call" in done.output
    assert "1 lines of metrics" in done.output
    assert total(tmp_path / "l.db")["cost_nano_usd"] == 3_250_000


@pytest.mark.parametrize("name", OTHERS)
def test_another_format_is_named_and_fails(tmp_path: Path, name: str) -> None:
    """An empty ledger and exit code 0 would mean zero spending."""
    archive = tmp_path / "other.json"
    archive.write_text(OTHERS[name])

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert done.exit_code != 0
    assert name in done.output
    assert done.output.count("line 1:") == 1


def test_many_blank_lines_and_one_too_long_cost_little(tmp_path: Path) -> None:
    """A span between 200 MB of newlines and a line of 40 MB is read; the long line is named."""
    spans = tmp_path / "spans.jsonl"
    write_archive(spans, chat_span(1))
    archive = tmp_path / "archive.jsonl.gz"
    with gzip.open(archive, "wb", compresslevel=1) as stream:
        for _ in range(200):
            stream.write(b"\n" * 2**20)
        stream.write(spans.read_bytes())
        stream.write(b'{"resourceSpans": "' + b"x" * (40 * 2**20) + b'"}\n')

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert "longer than 32 MiB" in done.output
    assert total(tmp_path / "l.db")["calls"] == 1


def test_a_file_without_readable_lines_is_abandoned(tmp_path: Path) -> None:
    """A log of another program is not read to its end, and not quoted line by line."""
    archive = tmp_path / "app.log"
    archive.write_text("INFO started\n" * 5000)

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert done.exit_code != 0
    assert len(done.output.splitlines()) < 30


def test_calls_of_several_batches_are_decided_with_those_stored_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of a batch changes nothing."""
    from otel_distro.server import importing

    monkeypatch.setattr(importing, "_BATCH", 2)
    archive = tmp_path / "spans.jsonl"
    write_archive(archive, *(chat_span(number) for number in range(1, 8)))

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")
    second_import = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert "7 new" in done.output
    assert "7 already there" in second_import.output
    assert total(tmp_path / "l.db")["calls"] == 7


@pytest.mark.parametrize("name", ["spans.jsonl", "spans.jsonl.gz"])
def test_how_far_an_import_is_counts_bytes_of_the_file_on_disk(tmp_path: Path, name: str) -> None:
    """Of a compressed archive too, whose plain length is unknown."""
    from otel_distro.server.importing import import_files

    plain = tmp_path / "plain"
    write_archive(plain, *(chat_span(number) for number in range(1, 3001)))
    archive = tmp_path / name
    archive.write_bytes(
        gzip.compress(plain.read_bytes()) if name.endswith("gz") else plain.read_bytes()
    )
    steps: list[int] = []

    import_files([archive], tmp_path / "l.db", report=print, progress=steps.append)

    assert len(steps) == 3
    assert min(steps) >= 0
    assert 0 < sum(steps) <= archive.stat().st_size


def test_the_first_of_all_days_is_a_date_too(tmp_path: Path) -> None:
    """`--since 0001-01-01` means everything."""
    archive = tmp_path / "spans.jsonl"
    write_archive(archive, chat_span(1))
    run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    done = run("costs", "--since", "0001-01-01", "--ledger", tmp_path / "l.db", "--json")

    assert done.exit_code == 0
    assert json.loads(done.output)["total"]["calls"] == 1


def test_tools_of_an_archive_are_counted_once(tmp_path: Path) -> None:
    """`reports tools` shows them; a second import adds none."""
    tool = chat_span(7, **{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"})
    archive = write_archive(tmp_path / "spans.jsonl", chat_span(1), tool)
    ledger = tmp_path / "ledger.db"

    results = [run("ledger", "import", archive, "--ledger", ledger) for _ in range(2)]
    report = run("reports", "tools", "--ledger", ledger, "--json")

    assert all("1 execution of tools read" in result.output for result in results)
    assert json.loads(report.output)["by_tool"] == [
        {
            "tool": "weather",
            "calls": 1,
            "failed_calls": 0,
            "mean_ms": 500.0,
            "p95_ms": 500.0,
            "longest_ms": 500.0,
        }
    ]
    assert "weather" in run("reports", "tools", "--ledger", ledger).output
    refused = run("reports", "tools", "--ledger", ledger, "--by", "colour")
    assert refused.exit_code == 2
