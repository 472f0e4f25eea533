"""Groups of a report: the values of `--by`, and the order of the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from otel_distro.cli.groups import closest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.query.costs import CostReport
    from otel_cost_ledger.query.stats import StatReport

Report = TypeVar("Report", "CostReport", "StatReport")


def group_names(by: str, allowed: Sequence[str] | None = None) -> list[str]:
    """Return the names of `--by`; ends with a message if one is not *allowed*."""
    if allowed is None:
        from otel_cost_ledger.query.grouping import GROUPS

        allowed = GROUPS
    names = [name for part in by.split(",") if (name := part.strip())]
    unknown = [name for name in names if name not in allowed]
    if unknown or not names:
        hint = closest(unknown[0], {name: name for name in allowed}) if unknown else ""
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'} is not among {', '.join(allowed)}{hint}",
            param_hint="--by",
        )
    return names


def in_order(report: Report) -> Report:
    """Return *report* with periods in order of time; other groups stay the most expensive first."""
    from dataclasses import replace

    from otel_cost_ledger.query.grouping import PERIODS

    places = [place for place, name in enumerate(report.by) if name in PERIODS]
    if not places:
        return report
    ordered = sorted(report.groups, key=lambda line: [line.key[place] for place in places])
    return replace(report, groups=tuple(ordered))
