"""`otel-distro ledger`: maintenance of the ledger."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_distro.cli import main
from otel_distro.cli.options import When
from support.otlp_archive import chat_span, write_archive


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Three calls of the first of January 2026."""
    archive = write_archive(tmp_path / "a.jsonl", *(chat_span(number) for number in range(3)))
    path = tmp_path / "ledger.db"
    assert run("ledger", "import", archive, "--ledger", path).exit_code == 0
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_sound_ledger_is_reported_as_sound(ledger: Path) -> None:
    """Structure and sums."""
    result = run("ledger", "check", "--ledger", ledger)

    assert result.exit_code == 0
    assert result.stdout == f"3 rows of calls in {ledger}\nsound, and every sum is exact\n"


def test_a_sum_that_was_tampered_with_is_found(ledger: Path) -> None:
    """Exit code 1, for scripts, and both figures, for people."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE daily_costs SET cost_nano_usd = 1")

    result = run("ledger", "check", "--json", "--ledger", ledger)

    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"], report["calls"]) == (1, False, 3)
    assert "daily_costs" in report["problems"][0]


def test_checking_a_ledger_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """A typing slip in the path must not read as a sound ledger."""
    result = run("ledger", "check", "--ledger", tmp_path / "nothing.db")

    assert result.exit_code == 2
    assert "there is no ledger at" in result.stderr


def test_retention_keeps_the_sums_and_archives_the_calls(ledger: Path, tmp_path: Path) -> None:
    """All three are older than a day; their cost is still known."""
    result = run(
        "ledger", "retain", "--days", "1", "--archive-to", tmp_path / "old", "--ledger", ledger
    )

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("3 calls removed, the last 1 days kept")
    assert len(list((tmp_path / "old").glob("*.csv.gz"))) == 1
    assert json.loads(run("costs", "--json", "--ledger", ledger).stdout)["total"]["calls"] == 3
    assert json.loads(run("calls", "--json", "--ledger", ledger).stdout)["calls"] == []


def test_an_archive_removes_nothing(ledger: Path, tmp_path: Path) -> None:
    """Two of the three calls began in the window."""
    result = run(
        "ledger", "archive", tmp_path / "old", "--until", "2026-01-01T00:00:02", "--ledger", ledger
    )

    (made,) = (tmp_path / "old").glob("*.csv.gz")
    assert result.stdout == f"2 calls in {made}\n"
    with gzip.open(made, "rt") as lines:
        assert len(lines.readlines()) == 3
    assert len(json.loads(run("calls", "--json", "--ledger", ledger).stdout)["calls"]) == 3


def test_an_empty_window_makes_no_file(ledger: Path, tmp_path: Path) -> None:
    """An archive without calls would only look like one."""
    result = run("ledger", "archive", tmp_path / "old", "--since", "2027-01-01", "--ledger", ledger)

    assert result.exit_code == 1
    assert not (tmp_path / "old").exists()


def test_a_copy_is_the_same_ledger_elsewhere(ledger: Path, tmp_path: Path) -> None:
    """Twice is the same as once."""
    target = tmp_path / "copy" / "ledger.db"

    first = run("ledger", "copy", ledger, target)
    second_copy = run("ledger", "copy", ledger, target)

    assert first.stdout.startswith("3 calls and violations copied")
    assert second_copy.stdout.startswith("0 calls and violations copied")
    costs = [run("costs", "--json", "--ledger", path).stdout for path in (ledger, target)]
    assert costs[0] == costs[1]


def test_an_invalid_ledger_url_is_wrong_usage_and_not_quoted(ledger: Path) -> None:
    """It may hold a password."""
    result = run("ledger", "copy", ledger, "mysql://me:s3cret@db/costs")

    assert result.exit_code == 2
    assert "only files, PostgreSQL and ClickHouse" in result.stderr
    assert "s3cret" not in result.output


def test_an_unreachable_database_is_reported_without_its_password(ledger: Path) -> None:
    """With the address and the remedy."""
    pytest.importorskip("psycopg")

    result = run("ledger", "copy", ledger, "postgresql://me:s3cret@127.0.0.1:1/costs")

    assert result.exit_code == 1
    assert "postgresql://me@127.0.0.1:1/costs" in result.stderr
    assert "s3cret" not in result.output


def test_a_setting_that_names_a_bad_database_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the variable only."""
    from otel_distro.settings import load

    (problem,) = load({"OTEL_DISTRO_LEDGER": "mysql://me:s3cret@db/costs"}).problems

    assert "OTEL_DISTRO_LEDGER" in str(problem)
    assert "s3cret" not in str(problem)


def test_days_begin_at_midnight_and_hours_are_exact() -> None:
    """`7d` is seven whole days and today; `24h` is 24 hours."""
    before = datetime.now(UTC)
    days, hours = (When().convert(age, None, None) for age in ("7d", "24h"))

    assert (days.hour, days.minute, days.second, days.microsecond) == (0, 0, 0, 0)
    assert timedelta(days=7) <= before - days < timedelta(days=8)
    assert abs(before - hours - timedelta(hours=24)) < timedelta(minutes=1)


def test_an_archive_can_be_parquet(ledger: Path, tmp_path: Path) -> None:
    """With the types of the view: exact integers, reals for display, text."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'otel-distro[parquet]'")

    result = run("ledger", "archive", tmp_path / "old", "--parquet", "--ledger", ledger)

    (made,) = (tmp_path / "old").glob("*.parquet")
    assert result.stdout == f"3 calls in {made}\n"
    assert made.stat().st_mode & 0o777 == 0o600
    table = parquet.read_table(made)
    assert table.column("cost_nano_usd").to_pylist() == [6_000_000] * 3
    assert table.column("model").to_pylist() == ["gpt-4o-2024-08-06"] * 3
    assert table.column("tenant").to_pylist() == [None] * 3


def test_without_pyarrow_the_install_command_is_printed(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no partial file remains."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    result = run("ledger", "archive", tmp_path / "old", "--parquet", "--ledger", ledger)

    assert result.exit_code == 1
    assert "pip install 'otel-distro[parquet]'" in result.stderr
