"""`otel-distro reports top`: a live view of model calls on a terminal."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from otel_distro.cli.options import filter_options, ledger_option, ledger_path
from otel_distro.cli.reading import note_empty, reading
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from rich.console import RenderableType

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_distro.cli.terminal.snapshot import Snapshot
    from otel_distro.reports.budgets.report import BudgetLine
    from otel_distro.settings import Settings

_WINDOWS = {"5m": 5, "15m": 15, "1h": 60, "24h": 1440}
_AROUND = 22
"""Approximate lines of the screen outside the table of models."""
_SHARE = 4
"""The view reads the ledger for at most one part in this many of the time, at any size."""


@click.command("top", epilog="Example: otel-distro reports top --window 1h --interval 2")
@click.option(
    "--window",
    type=click.Choice([*_WINDOWS]),
    default="1h",
    show_default=True,
    help="Only calls within this time before now.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between updates.",
)
@click.option("--once", is_flag=True, help="Print once; the default without a terminal.")
@filter_options
@ledger_option
def command(
    window: str, interval: float, filters: Filters, ledger: Location | None, *, once: bool
) -> None:
    """Watch model calls: rate, spend, budgets, latency and the last errors; Ctrl-C ends it."""
    path = ledger_path(ledger)
    settings = load(process_environment()).settings
    length = timedelta(minutes=_WINDOWS[window])
    if once or not sys.stdout.isatty():
        _print_once(path, settings, length, filters)
    else:
        _watch(path, settings, length, interval, filters)


def _print_once(path: Location, settings: Settings, length: timedelta, filters: Filters) -> None:
    from otel_distro.cli.terminal.report_text import console
    from otel_distro.cli.terminal.screen import draw

    snapshot = _snapshot(path, length, filters)
    if not snapshot.total.calls:
        note_empty(path, f" since {snapshot.since:%Y-%m-%d %H:%M} UTC")
        return
    out = console()
    out.print(draw(snapshot, budgets_of(settings), width=out.width, live=True))


def _watch(
    path: Location, settings: Settings, length: timedelta, interval: float, filters: Filters
) -> None:
    from rich.live import Live

    from otel_distro.cli.terminal.report_text import console
    from otel_distro.cli.terminal.screen import draw

    out = console()

    def screen() -> RenderableType:
        rows = max(3, out.height - _AROUND)
        snapshot = _snapshot(path, length, filters)
        return draw(snapshot, budgets_of(settings), width=out.width, rows=rows, live=True)

    try:
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                began = time.monotonic()
                live.update(screen(), refresh=True)
                took = time.monotonic() - began
                time.sleep(max(interval, took * _SHARE))
    except KeyboardInterrupt:
        return


def _snapshot(path: Location, length: timedelta, filters: Filters) -> Snapshot:
    from otel_distro.cli.terminal.snapshot import take

    now = datetime.now(UTC)
    with reading(path) as opened:
        return take(opened, now, now - length, filters)


def budgets_of(settings: Settings) -> list[BudgetLine]:
    """Return the status of budgets; empty if their file cannot be read."""
    import sqlite3

    from otel_distro.reports.budgets.standing import budget_lines

    try:
        return budget_lines(settings, time.time_ns())
    except sqlite3.Error:
        return []
