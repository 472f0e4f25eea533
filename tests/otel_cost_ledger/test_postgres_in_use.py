"""A PostgreSQL ledger from the outside: the setting, the sink of the distribution, the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_cost_ledger import open_ledger
from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.query.queries import costs
from otel_distro.pipeline.accounting.ledger_sink import LedgerSink
from otel_distro.pipeline.accounting.maintenance import Maintenance
from otel_distro.settings import load
from otel_pricing.model.call import PricedCall
from support.ledger_cli import run
from support.otlp_archive import chat_span, write_archive

MakeCall = Callable[..., PricedCall]

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def test_the_setting_alone_is_enough(
    postgres: PostgresUrl,
    postgres_server: str,
    make_call: MakeCall,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settled calls are in the database."""
    loaded = load(
        {"OTEL_DISTRO_LEDGER": postgres_server, "OTEL_DISTRO_STATE_DIR": str(tmp_path / "state")}
    )
    assert loaded.problems == ()
    assert "correct-horse" not in repr(loaded)
    # Its thread would run beside later tests in this process.
    monkeypatch.setattr(Maintenance, "start", lambda _self: None)
    sink = LedgerSink(loaded.settings, str)

    sink.settle([make_call(), make_call()], [])
    sink.flush()
    sink._writer().shutdown()  # a process that ends would close its connection itself

    with open_ledger(postgres) as ledger:
        assert costs(ledger).total.calls == 2


def test_commands_take_a_url(postgres: PostgresUrl, postgres_server: str, tmp_path: Path) -> None:
    """Import, costs, check, retain; the password is in no output."""
    archive = write_archive(tmp_path / "a.jsonl", *(chat_span(n) for n in range(3)))
    url = ("--ledger", postgres_server)

    results = [
        run("ledger", "import", archive, *url),
        run("costs", "--json", *url),
        run("reports", "stats", *url),
        run("calls", *url),
        run("reports", "waste", "--since", "2026-01-01", *url),
        run("ledger", "reprice", "--since", "2026-01-01", *url),
        run("ledger", "check", *url),
        run("ledger", "archive", tmp_path / "old", *url),
        run("ledger", "retain", "--days", "1", *url),
    ]

    assert [result.exit_code for result in results] == [0] * len(results), results
    assert json.loads(results[1].stdout)["total"]["cost_nano_usd"] == 18_000_000
    assert "3 new in postgresql://otel@127.0.0.1" in results[0].stdout
    assert results[6].stdout.endswith("sound, and every sum is exact\n")
    assert results[8].stdout.startswith("3 calls removed")
    assert "correct-horse" not in "".join(result.output for result in results)


def test_a_missing_ledger_reads_as_empty(postgres: PostgresUrl, postgres_server: str) -> None:
    """As for a file; checking it is a problem."""
    empty = run("costs", "--ledger", postgres_server)

    assert empty.exit_code == 0
    assert f"no model calls in {postgres}" in empty.stderr
    assert run("ledger", "check", "--ledger", postgres_server).exit_code == 1


@pytest.mark.slow
def test_a_setting_in_the_environment_serves_commands_too(
    postgres: PostgresUrl, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No option is needed."""
    monkeypatch.setenv("OTEL_DISTRO_LEDGER", postgres_server)

    assert str(postgres) in run("costs").stderr
    assert "correct-horse" not in run("doctor").output
