"""`otel-distro reports top`: live on a terminal, once elsewhere, without stored escapes."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from rich.console import Console

from otel_budget.cost_budget import Action, CostBudget
from otel_cost_ledger import LedgerWriter, open_ledger
from otel_distro.cli import main
from otel_distro.cli.terminal.screen import bar, draw, sparkline
from otel_distro.cli.terminal.snapshot import take
from otel_distro.reports.budgets.standing import budget_lines
from otel_distro.settings import Settings
from otel_pricing.model.call import CostStatus, PricedCall
from support.hostile import write_hostile
from support.process import BIN, clean_environment
from support.ui_ledger import month_of_calls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_distro.cli.terminal.snapshot import Snapshot
    from otel_distro.reports.budgets.report import BudgetLine

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)


def drawn(snapshot: Snapshot, width: int, budgets: Sequence[BudgetLine] = ()) -> str:
    out = Console(file=io.StringIO(), width=width, color_system=None)
    out.print(draw(snapshot, budgets, width=width, live=True))
    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    writer = LedgerWriter(path)
    writer.write(month_of_calls(NOW, days=3))
    writer.shutdown()
    return path


def snapshot_of(ledger: Path, now: datetime = NOW, hours: float = 24) -> Snapshot:
    with open_ledger(ledger) as opened:
        return take(opened, now, now - timedelta(hours=hours))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_it_fits_any_width(ledger: Path, width: int) -> None:
    """No line is longer than the terminal, and all figures are shown."""
    text = drawn(snapshot_of(ledger), width)

    assert max(len(line) for line in text.splitlines()) <= width
    for word in ("spend", "calls", "failed", "p95", "first token p95", "calls/s", "last errors"):
        assert word in text


def moved(call: PricedCall, back_s: int, cost: int) -> PricedCall:
    """Return *call* as if it had begun *back_s* seconds before NOW and cost *cost*."""
    start = (int(NOW.timestamp()) - back_s) * 10**9
    return replace(
        call,
        call=replace(call.call, start_ns=start, end_ns=start + 10**9, span_id=back_s),
        status=CostStatus.PRICED,
        cost_nano_usd=cost,
    )


def test_rates_are_of_the_last_minutes(tmp_path: Path) -> None:
    """Three calls in a minute are 0.05 a second; 12 times what five minutes cost is an hour's."""
    any_call = month_of_calls(NOW, days=2)[0]
    writer = LedgerWriter(tmp_path / "ledger.db")
    writer.write([moved(any_call, back, 10**6) for back in (10, 20, 50, 200, 400)])
    writer.shutdown()
    snapshot = snapshot_of(tmp_path / "ledger.db")

    assert snapshot.calls_per_second == 3 / 60
    assert snapshot.spend_per_hour_nano_usd == 4 * 10**6 * 12
    assert snapshot.per_minute[-8:] == (1, 0, 0, 1, 0, 0, 3, 0)


def test_budgets_have_bars(ledger: Path, tmp_path: Path) -> None:
    """Full if nothing is spent, empty if nothing is left."""
    budgets = (
        CostBudget.per_day(Decimal(100), Action.WARN),
        CostBudget.from_mapping({"name": "none", "limit_usd": "0.0001", "window": "month"}),
    )
    settings = Settings(state_dir=tmp_path, ledger=ledger, cost_budgets=budgets)
    march = int(NOW.timestamp()) * 10**9
    text = drawn(snapshot_of(ledger), 120, budget_lines(settings, march))

    assert re.search(r"budget none +░{24}  \$0 of \$0\.0001 left", text)
    assert re.search(r"budget day +█{23,24}░?  \$99\.\d\d of \$100\.00 left", text)


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "░░░░"), (0.001, "█░░░"), (0.5, "██░░"), (1, "████")]
)
def test_a_small_remainder_is_never_shown_as_zero(share: float, shown: str) -> None:
    """A budget with a cent left is not spent."""
    assert bar(share, 4) == shown


def test_a_sparkline_distinguishes_zero_from_little() -> None:
    """Zero is a dot."""
    assert sparkline([0, 1, 50, 100]) == "·▁▄█"
    assert sparkline([0, 0]) == "··"


@pytest.mark.parametrize("width", [60, 120])
def test_terminal_escapes_in_names_are_neutralised(tmp_path: Path, width: int) -> None:
    """In models, errors and other shown text."""
    text = drawn(snapshot_of(write_hostile(tmp_path, NOW)), width)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_without_a_terminal_it_prints_once(ledger: Path, tmp_path: Path) -> None:
    """Or prints that there are no calls."""
    now = datetime.now(UTC)
    writer = LedgerWriter(ledger)
    writer.write(month_of_calls(now, days=2)[-3:])
    writer.shutdown()
    full = CliRunner().invoke(main, ["reports", "top", "--window", "24h", "--ledger", str(ledger)])
    unused = {"OTEL_DISTRO_LEDGER": str(tmp_path / "none.db")}
    empty = CliRunner(env=unused).invoke(main, ["reports", "top"])

    assert full.stdout.startswith("model calls since")
    assert "\x1b" not in full.stdout
    assert (empty.stdout, empty.exit_code) == ("", 0)
    assert "no model calls in" in empty.stderr


def on_a_terminal(environ: dict[str, str], *arguments: str, until: str) -> tuple[str, int]:
    """Run the command on a terminal, end it with Ctrl-C once it shows *until*."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [str(BIN / "otel-distro"), *arguments],
        env={**environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    text, deadline = "", time.monotonic() + 30
    interrupted = False
    while time.monotonic() < deadline:
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                text += os.read(master, 65536).decode("utf-8", "replace")
            except OSError:
                break
        if until in text and not interrupted:
            interrupted = True
            process.send_signal(2)
        if process.poll() is not None and not ready:
            break
    code = process.wait(10)
    os.close(master)
    return text, code


@pytest.mark.process
def test_on_a_terminal_it_is_live_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """On the alternate screen, which is restored; with NO_COLOR without colours."""
    ledger = tmp_path / "ledger.db"
    writer = LedgerWriter(ledger)
    writer.write(month_of_calls(datetime.now(UTC), days=2))
    writer.shutdown()
    command = ["reports", "top", "--window", "24h", "--ledger", str(ledger), "--interval", "0.5"]
    plain = clean_environment(tmp_path)
    text, code = on_a_terminal(plain, *command, until="calls/s")
    bare, _ = on_a_terminal({**plain, "NO_COLOR": "1"}, *command, until="calls/s")

    assert code == 0
    assert "\x1b[?1049h" in text
    assert "\x1b[?1049l" in text
    assert re.search(r"\x1b\[[0-9;]*3[0-9]m", text)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", bare)
