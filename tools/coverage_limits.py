"""Holds the coverage of lines and branches to limits, by group: `.ci/coverage` calls it.

    python -m tools.coverage_limits coverage.json

A group's figure is that of its lines and branches together. Limits are what the suite reaches;
raise one when it rises.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Group:
    """Code that is held to a limit of its own."""

    name: str
    places: tuple[str, ...]
    """Files or folders with a slash at the end; empty for everything."""
    least_percent: float


GROUPS: Final = (
    Group("pricing", ("processors/otel_pricing/",), 99.0),
    Group("billing", ("processors/otel_pricing/billing/",), 99.0),
    Group(
        "budgets",
        (
            "processors/otel_budget/",
            "otel_distro/pipeline/budgets/",
            "otel_distro/reports/budgets/",
            "otel_distro/api/budget.py",
        ),
        99.0,
    ),
    Group("ledger", ("exporters/otel_cost_ledger/",), 99.0),
    Group("all", (), 92.0),
)
"""Not reached, and not excluded: the work of a process before SIGKILL ends it (its data is lost),
threads that outlive the interpreter. Excluded: the locks of Windows, by `pragma: no cover`; by
`[tool.coverage]` in pyproject.toml Parquet (`pyarrow` is not among the test extras), a module of
types that no program imports, and lines that raise AssertionError because nothing reaches them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Lines and branches of a group."""

    reached: int
    all: int

    @property
    def percent(self) -> float:
        """Share in percent; 100 where there is nothing to reach."""
        return 100 * self.reached / self.all if self.all else 100.0


def figure_of(files: Mapping[str, Any], places: tuple[str, ...]) -> Figure:
    """Return the figure of the *files* of a coverage report that are in *places*."""
    reached = every = 0
    for name, file in files.items():
        if not places or name.startswith(places):
            summary = file["summary"]
            reached += summary["covered_lines"] + summary.get("covered_branches", 0)
            every += summary["num_statements"] + summary.get("num_branches", 0)
    return Figure(reached, every)


def main(report: Path, groups: tuple[Group, ...] = GROUPS) -> int:
    """Print each group's figure; return 1 where one is below its limit, else 0."""
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    below = 0
    for group in groups:
        figure = figure_of(files, group.places)
        is_below = not figure.all or figure.percent < group.least_percent
        below += is_below
        print(
            f"{group.name:<10} {figure.percent:6.2f} % of {figure.all:,} lines and branches, "
            f"at least {group.least_percent} %{'  BELOW' if is_below else ''}"
        )
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
