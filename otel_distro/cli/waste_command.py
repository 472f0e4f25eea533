"""`otel-distro reports waste`: the cost of wasted model calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import counted, percent
from otel_distro.cli import output
from otel_distro.cli.cost_report import saved_by_caches
from otel_distro.cli.options import (
    filter_options,
    json_option,
    ledger_option,
    ledger_path,
    price_book,
    prices_option,
    since_option,
    until_option,
)
from otel_distro.cli.reading import note_empty, reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_distro.reports.analysis.waste import WasteReport

_DEFAULT_DAYS = 7


@click.command("waste", epilog="Example: otel-distro reports waste --since 24h")
@since_option("Only calls that began after this; by default the last 7 days.")
@until_option
@filter_options
@prices_option
@ledger_option
@json_option
def command(
    since: datetime | None,
    until: datetime | None,
    filters: Filters,
    prices: Path | None,
    ledger: Location | None,
    *,
    as_json: bool,
) -> None:
    """Show in dollars what retries, abandoned streams, repeats and missed caches cost.

    The ledger stores no text. Equal prompts are found by a keyed fingerprint if spans carry one,
    else by caller, model, token count and time: such findings are bounds. A call can be in several
    lines, so they have no total.
    """
    from otel_cost_ledger.query.billed_calls import billed_calls
    from otel_cost_ledger.query.calls import each_not_billed
    from otel_distro.reports.analysis.waste import find_waste
    from otel_pricing.model.billing_reasons import CACHED

    path = ledger_path(ledger)
    since = since or datetime.now(UTC) - timedelta(days=_DEFAULT_DAYS)
    with reading(path) as opened:
        report = find_waste(billed_calls(opened, since, until, filters=filters), price_book(prices))
        saved = [
            stored.priced.cost_nano_usd or 0
            for stored in each_not_billed(opened, CACHED, since, until, filters=filters)
        ]
    if as_json:
        cached = {"calls": len(saved), "saved_nano_usd": sum(saved)}
        output.print_json({**_data(report), "cached_answers": cached})
    elif not report.calls:
        note_empty(path, f" since {since:%Y-%m-%d %H:%M} UTC")
    else:
        _show(report, saved)


def _data(report: WasteReport) -> dict[str, Any]:
    return {
        "calls": report.calls,
        "cost_nano_usd": report.cost_nano_usd,
        "waste": [
            {
                "kind": line.kind,
                "calls": line.calls,
                "certain_nano_usd": line.certain_nano_usd,
                "at_most_nano_usd": line.at_most_nano_usd,
                "meaning": line.meaning,
            }
            for line in report.lines
        ],
        "unused_limit_tokens": report.unused_limit_tokens,
        "unused_limit_nano_usd": report.unused_limit_nano_usd,
    }


def _show(report: WasteReport, saved: Sequence[int]) -> None:
    table = output.table(
        [
            ("waste", False),
            ("calls", True),
            ("certain", True),
            ("at most", True),
            ("of cost", True),
            ("what it is", False),
        ]
    )
    for line in report.lines:
        table.add_row(
            line.kind,
            output.count(line.calls),
            output.usd(line.certain_nano_usd),
            output.usd(line.at_most_nano_usd),
            _share(line.at_most_nano_usd, report.cost_nano_usd),
            line.meaning,
        )
    after = [f"{report.calls:,} calls, {output.usd(report.cost_nano_usd)}"]
    if not report.lines:
        after = [f"nothing found in {counted(report.calls, 'call')}"]
    after += saved_by_caches(len(saved), sum(saved))
    if report.unused_limit_tokens:
        after.append(
            f"max_tokens allowed {report.unused_limit_tokens:,} more output tokens than were used: "
            f"{output.usd(report.unused_limit_nano_usd)} not charged, but reserved by rate limits "
            "and hard budgets"
        )
    output.print_table(table, lines_after=after)


def _share(part: int, whole: int) -> str:
    # A bound can exceed the known cost: calls without usage have a bound and no cost.
    return percent(part / whole) if 0 < part <= whole else "-"
