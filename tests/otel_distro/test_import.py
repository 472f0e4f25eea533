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

    assert len(steps) > 3
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


class _StoppedError(Exception):
    pass


def interrupted_import(archive: Path, ledger: Path, *, after: int) -> None:
    """Import *archive* until *after* batches are stored."""
    from otel_distro.server import import_progress, importing

    left = [after]
    save = import_progress.ImportProgress.save

    def count(*arguments: Any) -> None:
        save(*arguments)
        left[0] -= 1
        if not left[0]:
            raise _StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_progress.ImportProgress, "save", count)
        with pytest.raises(_StoppedError):
            importing.import_files([archive], ledger, report=print)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of twenty calls, imported in batches of five."""
    from otel_distro.server import importing

    monkeypatch.setattr(importing, "_BATCH", 5)
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "spans.jsonl"
    lines = []
    for number in range(1, 21):
        write_archive(path, chat_span(number))
        lines.append(path.read_bytes().rstrip(b"\n"))
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_an_interrupted_import_continues_where_it_stopped(
    archive: Path, tmp_path: Path, compressed: bool
) -> None:
    """It reads the last stored batch again, from the line that the one before ended in."""
    if compressed:
        archive.write_bytes(gzip.compress(archive.read_bytes()))
    interrupted_import(archive, tmp_path / "l.db", after=3)

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert "continues at line 1" in done.output
    assert "11 spans read, 11 of them model calls: 5 new" in done.output
    assert total(tmp_path / "l.db")["calls"] == 20


def test_a_finished_import_is_read_whole_when_it_is_repeated(archive: Path, tmp_path: Path) -> None:
    """Its place is forgotten."""
    run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert "20 spans read, 20 of them model calls: 0 new" in done.output


@pytest.mark.parametrize("change", ["another file", "shorter", "another ledger", "damaged place"])
def test_an_interrupted_import_begins_again_after_a_change(
    archive: Path, tmp_path: Path, change: str
) -> None:
    """Of the file, or of the ledger that had its calls."""
    interrupted_import(archive, tmp_path / "l.db", after=3)
    lines = archive.read_bytes().splitlines(keepends=True)
    if change == "another file":
        archive.write_bytes(b"".join(reversed(lines)))
    elif change == "shorter":
        archive.write_bytes(b"".join(lines[:-1]))
    elif change == "another ledger":
        (tmp_path / "l.db").unlink()
    else:
        (place,) = (tmp_path / "state" / "imports").iterdir()
        place.write_bytes(b"{")

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert "continues" not in done.output
    assert total(tmp_path / "l.db")["calls"] == (19 if change == "shorter" else 20)


def test_an_interrupted_import_of_a_file_that_grew_continues(archive: Path, tmp_path: Path) -> None:
    """The Collector appends to its file in the meantime."""
    first = archive.read_bytes()
    padding = json.dumps({"resourceMetrics": [], "padding": "x" * 70_000}).encode() + b"\n"
    archive.write_bytes(padding + first)
    interrupted_import(archive, tmp_path / "l.db", after=3)
    write_archive(tmp_path / "more", chat_span(21))
    with archive.open("ab") as file:
        file.write((tmp_path / "more").read_bytes())

    done = run("ledger", "import", archive, "--ledger", tmp_path / "l.db")

    assert "continues" in done.output
    assert total(tmp_path / "l.db")["calls"] == 21
