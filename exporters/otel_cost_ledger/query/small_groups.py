"""Reports without groups of few users, which could identify a person."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from otel_cost_ledger.query.costs import costs, total_of
from otel_cost_ledger.query.grouping import PERSONS

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.query.costs import CostLine, CostReport
    from otel_cost_ledger.query.grouping import Key
    from otel_cost_ledger.query.ledger import Ledger


def without_small_groups(
    ledger: Ledger,
    report: CostReport,
    since: datetime | None,
    until: datetime | None,
    *,
    least_users: int,
) -> CostReport:
    """Return *report* with all groups of fewer than *least_users* users summed in one line.

    The line has no percentiles, and includes more groups until it covers enough users itself,
    otherwise the total would reveal it. Without users in the ledger, nothing changes. Raises
    ValueError for a report by user or session, in which each line is one person.
    """
    if persons := sorted(set(report.by) & set(PERSONS)):
        raise ValueError(f"each line of a report by {persons[0]} is one person")
    users, complete = _users(ledger, report.by, since, until)
    if complete and not any(users.values()):
        return report
    fewest_first = sorted(report.groups, key=lambda line: (len(users[line.key]), line.calls))
    joined: list[CostLine] = []
    together: set[str] = set()
    for line in fewest_first:
        enough = not joined or len(together) >= least_users
        if len(users[line.key]) >= least_users and enough:
            break
        joined.append(line)
        together |= users[line.key]
    if not joined:
        return report
    kept = [line for line in report.groups if line not in joined]
    key = (f"(fewer than {least_users} users)", *[""] * (len(report.by) - 1))
    return replace(report, groups=(*kept, replace(total_of(joined), key=key)))


def _users(
    ledger: Ledger, by: tuple[str, ...], since: datetime | None, until: datetime | None
) -> tuple[dict[Key, set[str]], bool]:
    """Return the users of each group, and whether all rows of the window still exist."""
    report = costs(ledger, since, until, by=(*by, "user"), percentiles=False)
    users: defaultdict[Key, set[str]] = defaultdict(set)
    for line in report.groups:
        *group, user = line.key
        users[tuple(group)] |= {user} if user else set()
    return users, report.complete
