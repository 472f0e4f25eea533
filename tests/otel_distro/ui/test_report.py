"""`otel-distro reports report`: the page as one file without scripts and requests, or text."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from otel_cost_ledger import open_ledger
from otel_cost_ledger.query.queries import costs
from otel_distro.base import formatting as figures
from otel_distro.cli import main
from otel_distro.settings import Settings
from otel_distro.ui.report_file import report
from support.hostile import write_hostile

from .conftest import NOW, Page

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def test_the_file_has_the_numbers_of_the_page_and_stays_small(month: Path) -> None:
    """Two megabytes at most, for any number of calls."""
    text = report(month, Settings(state_dir=month.parent), {"window": "all"}, now=NOW)
    with open_ledger(month) as ledger:
        total = costs(ledger, by=()).total

    assert f"Calls {total.calls:,} " in Page(text).text
    assert f"> {figures.usd_short(total.cost_nano_usd)} by model" in Page(text).text
    assert len(text.encode()) < 2_000_000


def test_the_file_loads_nothing_and_runs_nothing(month: Path) -> None:
    """Its policy allows only its style sheet, by digest."""
    text = report(month, Settings(state_dir=month.parent), {}, now=NOW)
    shown = Page(text)

    for tag in ("script", "link", "img", "iframe", "a", "form", "button", "base"):
        assert not shown.all(tag), tag
    assert not [a for _, a in shown.elements if {"src", "href", "style"} & set(a)]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_hostile_names_are_text_in_the_file(tmp_path: Path) -> None:
    """It may be opened from any disk."""
    ledger = write_hostile(tmp_path, NOW)
    shown = Page(report(ledger, Settings(state_dir=tmp_path), {"window": "24h"}, now=NOW))

    assert "<script>window.pwned=1</script>" in shown.text
    assert not shown.all("script")
    assert not shown.all("img")
    assert "\x1b" not in shown.text


def test_the_command_writes_the_file_whole(month: Path, tmp_path: Path) -> None:
    """And leaves no partial file."""
    target = tmp_path / "out" / "report.html"
    target.parent.mkdir()
    done = run(
        "reports",
        "report",
        "--html",
        target,
        "--ledger",
        month,
        "--window",
        "all",
        "--by",
        "tenant",
    )

    assert done.exit_code == 0, done.output
    assert f"wrote {target}" in done.stderr
    assert target.read_text().rstrip().endswith("</html>")
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--html", "/nonexistent/a.html"], 1, "choose another file"),
        (["--html", "-", "--by", "colour"], 2, "colour is not among service, provider"),
        (["--window", "1y"], 2, "'1y' is not one of"),
    ],
)
def test_an_impossible_command_is_explained(
    month: Path, arguments: list[str], code: int, message: str
) -> None:
    """On stderr."""
    done = run("reports", "report", "--ledger", month, *arguments)

    assert done.exit_code == code
    assert message in done.stderr


def test_as_text_it_has_volume_errors_latency_tokens_and_cost(month: Path) -> None:
    """For a terminal or a mail."""
    done = run("reports", "report", "--ledger", month, "--window", "all")
    with open_ledger(month) as ledger:
        total = costs(ledger, by=()).total

    assert done.exit_code == 0
    for expected in (
        f"{total.calls:,}",
        f"> {figures.usd_short(total.cost_nano_usd)}",
        figures.duration(total.p99_ms),
        "gpt-4o-2024-08-06",
        "last errors",
    ):
        assert expected in done.stdout


def test_an_empty_ledger_is_no_table_of_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the next step."""
    monkeypatch.setenv("OTEL_DISTRO_LEDGER", str(tmp_path / "none.db"))
    done = run("reports", "report")

    assert done.stdout == ""
    assert "otel-distro run -- python app.py" in done.stderr
