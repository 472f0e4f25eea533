"""Ledgers filled from spans, and the command run on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from otel_distro.cli import main
from support.otlp_archive import write_archive


def run(*arguments: str | Path) -> Result:
    """Run `otel-distro` in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def answer(*arguments: str | Path) -> dict[str, Any]:
    """Run `otel-distro ... --json` and return its output."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def ledger_of(folder: Path, *spans: dict[str, Any]) -> Path:
    """Import *spans* into a new ledger in *folder* and return its path."""
    path = folder / "ledger.db"
    archive = write_archive(folder / "spans.jsonl", *spans)
    result = run("ledger", "import", archive, "--ledger", path)
    assert result.exit_code == 0, result.output
    return path
