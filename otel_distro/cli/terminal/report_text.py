"""The text that `otel-distro reports report` prints."""

from __future__ import annotations

import sys
from datetime import UTC
from typing import TYPE_CHECKING

from otel_cost_ledger.model.filters import Filters
from otel_cost_ledger.query.timeline import extent
from otel_distro.cli.terminal.screen import draw
from otel_distro.cli.terminal.snapshot import take
from otel_distro.ui.view_query import read_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rich.console import Console

    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.reports.budgets.report import BudgetLine

UNKNOWN_WIDTH = 120
"""Width in columns if stdout is not a terminal."""


def console(width: int | None = None) -> Console:
    """Return a console on stdout, with colours only on a terminal and without NO_COLOR."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        width=width or (None if terminal else UNKNOWN_WIDTH),
        highlight=False,
        markup=False,
        emoji=False,
        no_color=None if terminal else True,
    )


def print_report(
    ledger: Ledger, query: Mapping[str, str], now: datetime, budgets: Sequence[BudgetLine]
) -> bool:
    """Print the figures of the window of *query*; return False if there are none."""
    view = read_view(query, now.astimezone(UTC), extent(ledger))
    snapshot = take(ledger, now, view.since, view.filters or Filters(), view.by)
    if not snapshot.total.calls:
        return False
    out = console()
    out.print(draw(snapshot, budgets, width=out.width))
    return True
