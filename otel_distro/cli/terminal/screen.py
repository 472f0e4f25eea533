"""Renders a snapshot for a terminal of any width, with printable names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_distro.base import formatting as figures
from otel_distro.reports.budgets.standing import budget_left, budget_name, outlook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from otel_cost_ledger.query.costs import CostLine
    from otel_distro.cli.terminal.snapshot import Snapshot
    from otel_distro.reports.budgets.report import BudgetLine

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 24
_NARROW: Final = 72
_WIDE: Final = 120
_NAMELESS: Final = "(not set)"


def draw(
    snapshot: Snapshot,
    budgets: Sequence[BudgetLine],
    *,
    width: int,
    rows: int | None = None,
    live: bool = False,
) -> RenderableType:
    """Return everything on one screen, *width* columns wide; *rows* limits the table of models."""
    parts: list[RenderableType] = [_headline(snapshot), _figures(snapshot, width)]
    if live:
        parts.append(_pulse(snapshot, width))
    if snapshot.total.calls:
        parts.append(_groups(snapshot, width, rows))
    if budgets:
        parts.append(_budgets(budgets, width))
    if snapshot.errors:
        parts.append(_errors(snapshot))
    spaced = [Padding(part, (0, 0, 1, 0)) for part in parts[:-1]] + [parts[-1]]
    return Group(*spaced)


def _headline(snapshot: Snapshot) -> Text:
    since = f"since {snapshot.since:%Y-%m-%d %H:%M} UTC" if snapshot.since else "of all time"
    text = Text(f"model calls {since}", style="bold")
    text.append(f"   at {snapshot.now:%H:%M:%S} UTC", style="dim")
    return text


def _figures(snapshot: Snapshot, width: int) -> Table:
    total = snapshot.total
    rate = total.failed_calls / total.calls if total.calls else 0.0
    hits = total.cache_read_tokens / total.input_tokens if total.input_tokens else None
    figures_shown = [
        ("spend", cost_of(total), ""),
        ("calls", figures.count(total.calls), ""),
        ("failed", figures.percent(rate), "red" if rate >= 0.05 else ""),
        ("p50", figures.duration(total.p50_ms), ""),
        ("p95", figures.duration(total.p95_ms), ""),
        ("p99", figures.duration(total.p99_ms), ""),
        ("first token p95", figures.duration(snapshot.first_token_p95_ms), ""),
        ("tokens in", figures.compact(total.input_tokens), ""),
        ("tokens out", figures.compact(total.output_tokens), ""),
        ("cached", "-" if hits is None else figures.percent(hits), ""),
    ]
    columns = max(2, min(len(figures_shown), width // 17))
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in range(columns):
        grid.add_column(no_wrap=True)
    for start in range(0, len(figures_shown), columns):
        row = figures_shown[start : start + columns]
        grid.add_row(*(Text(name, style="dim") for name, _, _ in row))
        grid.add_row(*(Text(value, style=f"bold {style}".strip()) for _, value, style in row))
    return grid


def cost_of(line: CostLine) -> str:
    """Return the cost of *line*, with a mark for unknown parts."""
    return figures.cost(
        line.cost_nano_usd,
        calls=line.calls,
        unpriced=line.unpriced_calls,
        partial=line.partial_calls,
        shown=figures.usd_short,
    )


def _pulse(snapshot: Snapshot, width: int) -> Text:
    """Return calls a second, the rate of spending, and the last hour in blocks."""
    text = Text(f"{snapshot.calls_per_second:.2f} calls/s", style="bold")
    spend = snapshot.spend_per_hour_nano_usd
    rate = figures.UNKNOWN if spend is None else figures.usd_short(spend)
    text.append("   spending ", style="dim")
    text.append(f"{rate}/h", style="bold")
    text.append("   ")
    room = width - len(text) - len(" last 60 min")
    minutes = snapshot.per_minute[-max(10, min(60, room)) :]
    text.append(sparkline(minutes), style="cyan")
    text.append(f" last {len(minutes)} min", style="dim")
    return text


def sparkline(values: Sequence[int]) -> str:
    """Return *values* as blocks: zero is a space, the largest value a full block."""
    most = max(values, default=0)
    if not most:
        return "·" * len(values)
    return "".join(_BLOCKS[min(7, value * 8 // (most + 1))] if value else "·" for value in values)


def _table(headings: Sequence[tuple[str, bool]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, is_number in headings:
        table.add_column(
            heading,
            justify="right" if is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=None if is_number else 1,
        )
    return table


def _groups(snapshot: Snapshot, width: int, rows: int | None) -> Table:
    wide = width >= _NARROW
    headings = [(snapshot.report.by[0], False), ("calls", True), ("failed", True), ("cost", True)]
    headings += [("p50", True)] if wide else []
    headings += [("p95", True)]
    headings += [("input", True), ("output", True)] if wide else []
    table = _table(headings)
    groups = snapshot.report.groups
    for line in groups[:rows]:
        cells = [
            Text(figures.printable(line.key[0]) or _NAMELESS),
            Text(figures.count(line.calls)),
            Text(figures.count(line.failed_calls), style="red" if line.failed_calls else ""),
            Text(cost_of(line)),
        ]
        cells += [Text(figures.duration(line.p50_ms))] if wide else []
        cells += [Text(figures.duration(line.p95_ms))]
        if wide:
            cells += [
                Text(figures.compact(line.input_tokens)),
                Text(figures.compact(line.output_tokens)),
            ]
        table.add_row(*cells)
    if rows is not None and len(groups) > rows:
        table.add_row(Text(f"and {len(groups) - rows:,} more", style="dim"))
    return table


def _budgets(lines: Sequence[BudgetLine], width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    with_outlook = width >= _WIDE
    for _ in range(4 if with_outlook else 3):
        table.add_column(no_wrap=True, overflow="ellipsis")
    for line in lines[:6]:
        share = line.left / line.budget.limit if line.budget.limit else 0.0
        style = "red" if share == 0 else "yellow" if share <= 0.2 else "green"
        cells = [
            Text(f"budget {budget_name(line)}"),
            Text(bar(share, _BAR if width >= _NARROW else _BAR // 3), style=style),
            Text(budget_left(line)),
        ]
        if with_outlook:
            cells.append(Text(outlook(line), style="dim"))
        table.add_row(*cells)
    return table


def bar(share: float, width: int = _BAR) -> str:
    """Return a bar of *width* characters, *share* (0 to 1) of it full; a remainder always shows."""
    full = round(share * width)
    if share > 0:
        full = max(1, full)
    return "█" * full + "░" * (width - full)


def _errors(snapshot: Snapshot) -> Table:
    table = _table([("last errors", False), ("model", False), ("error", False), ("HTTP", True)])
    when = table.columns[0]
    when.ratio, when.min_width = None, len("03-18 15:30:00")
    for stored in snapshot.errors:
        call = stored.priced.call
        at = datetime.fromtimestamp(call.start_ns / 1e9, UTC)
        table.add_row(
            Text(f"{at:%m-%d %H:%M:%S}"),
            Text(figures.printable(call.model) or _NAMELESS),
            Text(figures.printable(call.error_type or ""), style="red"),
            Text(str(call.http_status_code or "-")),
        )
    return table
