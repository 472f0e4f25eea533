"""All checks of a host, for the command and for `/healthz` inside an app."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from otel_distro.reports.health.checks import (
    HealthCheck,
    check_budgets,
    check_ledger,
    check_memory,
    overall,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.reports.budgets.report import BudgetLine
    from otel_distro.settings import Settings

NOT_WELL = frozenset({"degraded", "critical"})


def live_checks(settings: Settings) -> list[HealthCheck]:
    """Return the checks of running processes and of today's exports."""
    from otel_distro.export.daily_delivery_counts import today
    from otel_distro.export.spool.offline import status as spool_status
    from otel_distro.reports.health.board import running
    from otel_distro.reports.health.deliveries import check_deliveries, check_spool
    from otel_distro.reports.health.processes import check_processes

    checks_found = [*check_processes(running(settings.state_dir))]
    checks_found += check_deliveries(today(settings.state_dir))
    checks_found.append(check_spool(spool_status(settings.state_dir)))
    return checks_found


def checks(
    settings: Settings, ledger: Ledger | None, budgets: Sequence[BudgetLine]
) -> list[HealthCheck]:
    """Return every check of this host, from the data shared by its processes."""
    import psutil

    checks_found = [check_memory(psutil.virtual_memory().percent)]
    if ledger is not None:
        checks_found += check_ledger(ledger, datetime.now(UTC))
    return [*checks_found, *check_budgets(budgets), *live_checks(settings)]


def as_data(checks: Sequence[HealthCheck]) -> dict[str, Any]:
    """Return *checks* as a JSON object."""
    return {
        "status": overall(checks),
        "checks": {
            check.name: {"status": check.status, "found": check.found, "value": check.value}
            for check in checks
        },
    }


def health_report(settings: Settings) -> dict[str, Any]:
    """Run all checks now; unreadable data is a failed check."""
    from otel_cost_ledger.query.ledger import open_ledger
    from otel_distro.reports.budgets.standing import budget_lines

    try:
        budgets = budget_lines(settings, time.time_ns())
        if settings.ledger is None:
            return as_data(checks(settings, None, budgets))
        with open_ledger(settings.ledger, missing_ok=True) as ledger:
            return as_data(checks(settings, ledger, budgets))
    except Exception as error:  # noqa: BLE001 - a probe must always get a response
        broken = HealthCheck("storage", "critical", f"cannot be read ({type(error).__name__})", 1)
        return as_data([broken])
