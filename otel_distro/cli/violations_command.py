"""`otel-distro reports violations`: spans that exceeded their latency budgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from otel_distro.base.formatting import percent
from otel_distro.cli import output
from otel_distro.cli.options import json_option, ledger_option, ledger_path, since_option
from otel_distro.cli.reading import reading

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location
_WINDOW = timedelta(hours=24)


@click.command("violations", epilog="Example: otel-distro reports violations --since 24h")
@since_option("Only violations after this; by default the last 24 hours.")
@ledger_option
@json_option
def command(since: datetime | None, ledger: Location | None, *, as_json: bool) -> None:
    """Show spans that exceeded their latency budgets, by operation."""
    from otel_cost_ledger.query.violations import violations
    from otel_distro.reports.analysis.violations import by_operation

    path = ledger_path(ledger)
    since = since or datetime.now(UTC) - _WINDOW
    with reading(path) as opened:
        lines = by_operation(violations(opened, since))
    if as_json:
        output.print_json(
            {
                "since": since.isoformat(),
                "all_budgets_met": not lines,
                "by_operation": {
                    line.operation: {
                        "count": line.count,
                        "avg_overage_ms": round(line.avg_overage_ms, 2),
                        "max_overage_ms": round(line.max_overage_ms, 2),
                        "avg_overage_percent": round(line.avg_overage_percent, 1),
                    }
                    for line in lines
                },
            }
        )
        return
    if not lines:
        output.note(f"all latency budgets met since {since:%Y-%m-%d %H:%M} UTC")
        return
    table = output.table(
        [
            ("operation", False),
            ("violations", True),
            ("average overage", True),
            ("largest overage", True),
            ("of the budget", True),
        ]
    )
    for line in lines:
        table.add_row(
            output.printable(line.operation),
            output.count(line.count),
            output.milliseconds(line.avg_overage_ms),
            output.milliseconds(line.max_overage_ms),
            percent(line.avg_overage_percent / 100),
        )
    output.print_table(table)
