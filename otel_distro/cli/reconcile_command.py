"""`otel-distro ledger reconcile FILE`: the ledger compared with a provider's figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import (
    json_option,
    ledger_option,
    ledger_path,
    price_book,
    prices_option,
    since_option,
)
from otel_distro.cli.reading import reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from otel_cost_ledger.model.location import Location
    from otel_distro.reports.analysis.reconciliation import Gap
    from otel_distro.reports.analysis.usage_exports import Export


@click.command("reconcile", epilog="Example: otel-distro ledger reconcile completions_usage.csv")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--reported", is_flag=True, help="Compare with costs reported by calls themselves.")
@since_option("With --reported: only calls after this.")
@prices_option
@ledger_option
@json_option
def command(
    file: Path | None,
    since: datetime | None,
    prices: Path | None,
    ledger: Location | None,
    *,
    reported: bool,
    as_json: bool,
) -> None:
    """Compare the ledger with FILE, a usage or cost export of OpenAI or Anthropic (CSV, daily).

    A usage export has no prices: its tokens are priced at list price. With --reported and no FILE:
    with the cost that gateways and instrumentations report per call.
    """
    if reported == (file is not None):
        raise click.UsageError("name a FILE to compare with, or ask for --reported costs")
    if file is None:
        _compare_reported(ledger_path(ledger), since, as_json=as_json)
    else:
        _compare_export(file, prices, ledger_path(ledger), as_json=as_json)


def _compare_reported(path: Location, since: datetime | None, *, as_json: bool) -> None:
    from otel_distro.reports.analysis.reported_costs import compare

    with reading(path) as opened:
        comparison = compare(opened, since)
    if as_json:
        fields = [{**asdict(line), "gap_nano_usd": line.gap_nano_usd} for line in comparison]
        output.print_json({"reported": fields})
        return
    if not comparison:
        output.note(f"no call in {path} reports a cost")
        return
    headings = ("day", "model", "calls", "differing", "ledger", "reported", "gap", "reported only")
    table = output.table([(heading, number > 1) for number, heading in enumerate(headings)])
    for line in comparison:
        table.add_row(
            line.day,
            output.printable(line.model),
            output.count(line.calls),
            output.count(line.differing_calls),
            output.usd(line.computed_nano_usd),
            output.usd(line.reported_nano_usd),
            output.usd(line.gap_nano_usd),
            f"{line.reported_only_calls}: {output.usd(line.reported_only_nano_usd)}",
        )
    output.print_table(table)


def _compare_export(file: Path, prices: Path | None, path: Location, *, as_json: bool) -> None:
    from otel_distro.reports.analysis.reconciliation import reconcile
    from otel_distro.reports.analysis.usage_exports import UnreadableExportError, read_export

    try:
        export = read_export(file)
    except UnreadableExportError as error:
        raise output.fail(str(error)) from error
    with reading(path) as opened:
        gaps = reconcile(opened, export, price_book(prices))
    if as_json:
        output.print_json(_data(export, gaps))
    elif not gaps:
        output.note(f"{file} has no lines")
    else:
        _show(export, gaps)


def _data(export: Export, gaps: Sequence[Gap]) -> dict[str, Any]:
    from otel_distro.reports.analysis.reconciliation import totals

    return {
        "provider": export.provider,
        "kind": export.kind,
        "causes_nano_usd": totals(gaps),
        "days": [
            {
                "day": gap.day,
                "model": gap.model,
                "calls": gap.calls,
                "requests": gap.requests,
                "ledger_nano_usd": gap.ledger_nano_usd,
                "provider_nano_usd": gap.provider_nano_usd,
                "gap_nano_usd": gap.gap_nano_usd,
                "causes_nano_usd": gap.causes,
            }
            for gap in gaps
        ],
    }


def _show(export: Export, gaps: Sequence[Gap]) -> None:
    from otel_distro.reports.analysis.reconciliation import CAUSES, totals

    table = output.table(
        [
            ("day", False),
            ("model", False),
            ("calls", True),
            ("requests", True),
            ("ledger", True),
            (export.provider, True),
            ("gap", True),
            ("because", False),
        ]
    )
    for gap in gaps:
        table.add_row(
            gap.day,
            output.printable(gap.model),
            output.count(gap.calls),
            output.count(gap.requests),
            output.usd(gap.ledger_nano_usd),
            output.usd(gap.provider_nano_usd),
            output.usd(gap.gap_nano_usd),
            ", ".join(f"{cause} {output.usd(amount)}" for cause, amount in gap.causes.items()),
        )
    table.add_row("total", "", *_totals(gaps), "", style="bold")
    after = [
        f"{cause}: {output.usd(amount)}, {CAUSES[cause]}" for cause, amount in totals(gaps).items()
    ]
    unknown = sum(gap.provider_nano_usd is None for gap in gaps)
    if unknown:
        after.append(f"{unknown} lines have no known price, so their gap is not known")
    output.print_table(table, lines_after=after or ["no gap"])


def _totals(gaps: Sequence[Gap]) -> list[str]:
    """Return the cells of the sums; a column with a missing amount has no sum."""
    billed = [gap.provider_nano_usd for gap in gaps]
    differences = [gap.gap_nano_usd for gap in gaps]
    requests = [gap.requests for gap in gaps]
    return [
        output.count(sum(gap.calls for gap in gaps)),
        output.count(_sum(requests)),
        output.usd(sum(gap.ledger_nano_usd for gap in gaps)),
        output.usd(_sum(billed)),
        output.usd(_sum(differences)),
    ]


def _sum(amounts: Sequence[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
