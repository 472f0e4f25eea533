"""Runs the app that forks under load, and counts its received records."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.otlp_sink import OtlpSink
from support.process import clean_environment, instrumented

APP = Path(__file__).resolve().parents[1] / "otel_distro/apps/forking_app.py"
CALL_NANO_USD = 1_000_000
"""400 input tokens at 2.50 dollars a million: 0.001 dollars."""


@dataclass(frozen=True)
class Forked:
    """Output of the app, and counts of its receivers."""

    told: dict[str, Any]
    stderr: str
    spans: int
    log_records: int
    ledger_calls: int
    budget_nano_usd: int
    """Spending in the shared budget, in nano-US-dollars."""


def fork_under_load(home: Path, forks: int, *, timeout: float) -> Forked:
    """Fork *forks* times with ledger and budget open; return the result when all have ended."""
    with OtlpSink() as sink:
        environ = clean_environment(
            home,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="system_metrics",
            OTEL_DISTRO_BUDGET_USD_PER_DAY="100000",
            OTEL_DISTRO_BUDGET_ACTION="refuse",
            OTEL_DISTRO_EXIT_LINE="false",
            OTEL_DISTRO_EXIT_TIMEOUT="30",  # the maximum, so that a needless wait shows
            PYTHONFAULTHANDLER="1",
        )
        done = instrumented(APP, environ, str(forks), timeout=timeout)
        assert done.returncode == 0, done.stderr
        assert "cannot be used" not in done.stderr, done.stderr
        state = home / "state/otel-distro"
        return Forked(
            told=json.loads(done.stdout.splitlines()[-1]),
            stderr=done.stderr,
            spans=len(sink.spans()),
            log_records=sum(
                record.body.string_value.startswith("round of ") for record in sink.log_records()
            ),
            ledger_calls=_one(state / "ledger.db", "SELECT count(*) FROM calls"),
            budget_nano_usd=_one(state / "budget.db", "SELECT sum(spent) FROM books"),
        )


def _one(path: Path, query: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute(query).fetchone()[0])
