"""`otel-distro budgets`: remaining budgets, and manual corrections with a record."""

from __future__ import annotations

import getpass
import time
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import usd_short
from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.cli.reading import opened_accounts
from otel_distro.privacy import audit
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_budget.cost_budget import CostBudget
    from otel_distro.reports.budgets.report import BudgetLine
    from otel_distro.settings import Settings

NONE = (
    "no cost budget is set here; set the variables of the program in this shell too, "
    "for example OTEL_DISTRO_BUDGET_USD_PER_DAY=5 and OTEL_DISTRO_BUDGET_ACTION=refuse"
)


@click.group("budgets", invoke_without_command=True, epilog="Example: otel-distro budgets --json")
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show the spent, reserved and remaining amount of each budget, and when it will run out."""
    if ctx.invoked_subcommand is not None:
        return
    from otel_distro.reports.budgets.report import lines

    loaded = load(process_environment())
    settings = loaded.settings
    if loaded.problems:
        from otel_distro.base.errors import SettingsError

        raise output.fail(str(SettingsError(loaded.problems)), code=2)
    found: list[BudgetLine] = []
    if settings.cost_budgets:
        with opened_accounts(settings) as accounts:
            found = list(lines(settings.cost_budgets, accounts, time.time_ns()))
    if as_json:
        output.print_json({"budgets": [as_data(line) for line in found]})
    elif not found:
        output.note(NONE if not settings.cost_budgets else "nothing was spent in this window yet")
    else:
        _print(found)


@command.command("set", epilog="Example: otel-distro budgets set day 1.50 --why 'invoice'")
@click.argument("name")
@click.argument("amount")
@click.option("--scope", default="", help="The scope value, as `otel-distro budgets` shows it.")
@click.option("--why", default="", help="Kept with the change.")
def set_command(name: str, amount: str, scope: str, why: str) -> None:
    """Set the amount spent in this window: US dollars, tokens or calls."""
    _change(name, amount, scope, why)


@command.command("reset", epilog="Example: otel-distro budgets reset day")
@click.argument("name")
@click.option("--scope", default="", help="The scope value, as `otel-distro budgets` shows it.")
@click.option("--why", default="", help="Kept with the change.")
def reset_command(name: str, scope: str, why: str) -> None:
    """Reset the amount spent in this window to zero."""
    _change(name, "0", scope, why)


@command.command("changes", epilog="Example: otel-distro budgets changes")
@json_option
def changes_command(*, as_json: bool) -> None:
    """List manual changes, and who made them."""
    from otel_budget.inspection import changes

    settings = load(process_environment()).settings
    with opened_accounts(settings) as accounts:
        found = changes(accounts)
    if as_json:
        output.print_json(
            {
                "changes": [
                    {
                        "at": _when(change.at_ns),
                        "budget": change.budget,
                        "scope": change.scope,
                        "detail": change.detail,
                    }
                    for change in found
                ]
            }
        )
        return
    for change in found:
        click.echo(
            f"{_when(change.at_ns)}  {output.printable(change.budget)}"
            f"  {output.printable(change.scope)}  {output.printable(change.detail)}"
        )


def _change(name: str, amount: str, scope: str, why: str) -> None:
    from otel_budget.cost_budget import Unit, nano_usd
    from otel_budget.inspection import set_spent

    settings = load(process_environment()).settings
    budget = _budget(settings, name)
    try:
        number = Decimal(amount)
        spent = nano_usd(number) if budget.unit is Unit.USD else int(number)
    except (InvalidOperation, ValueError, OverflowError):
        spent = -1
    if spent < 0:
        raise output.fail(f"{amount!r} is not an amount; for example 1.50", code=2)
    with opened_accounts(settings) as accounts:
        account = budget.account_of(scope, time.time_ns())
        before = set_spent(accounts, account, spent, by=_user(), why=why)
    audit.record_quietly(
        settings.state_dir,
        "budget.set" if spent else "budget.reset",
        budget=name,
        scope=scope,
        spent_before=_amount(budget, before.spent),
        spent=_amount(budget, spent),
        why=why,
    )
    output.note(f"budget {name}: spent {_amount(budget, before.spent)} -> {_amount(budget, spent)}")


def _budget(settings: Settings, name: str) -> CostBudget:
    for budget in settings.cost_budgets:
        if budget.name == name:
            return budget
    known = ", ".join(budget.name for budget in settings.cost_budgets) or "none is set"
    raise output.fail(f"no budget is called {name!r}: {known}", code=2)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _when(at_ns: int | None) -> str | None:
    if at_ns is None:
        return None
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(at_ns: int | None) -> str:
    """Return a time as other tables show it; empty if there is none."""
    if at_ns is None:
        return ""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%m-%d %H:%M")


def _amount(
    budget: CostBudget, value: int, dollars: Callable[[int | None], str] = output.usd
) -> str:
    from otel_budget.cost_budget import Unit

    return dollars(value) if budget.unit is Unit.USD else f"{value:,} {budget.unit}"


def as_data(line: BudgetLine) -> dict[str, Any]:
    """Return *line* as in `budgets --json`."""
    budget = line.budget
    return {
        "name": budget.name,
        "unit": "nano_usd" if budget.unit == "usd" else budget.unit.value,
        "scope": budget.scope,
        "scope_value": line.scope,
        "window": budget.calendar.kind.value,
        "action": budget.action.value,
        "limit": budget.limit,
        "spent": line.spent,
        "reserved": line.reserved,
        "left": line.left,
        "per_hour": line.per_hour,
        "runs_out_at": _when(line.runs_out_ns),
        "resets_at": _when(line.until_ns),
    }


def _print(lines: list[BudgetLine]) -> None:
    table = output.table(
        [
            ("budget", False),
            ("for", False),
            ("limit", True),
            ("spent", True),
            ("reserved", True),
            ("left", True),
            ("per hour", True),
            ("runs out (UTC)", False),
            ("resets (UTC)", False),
        ]
    )
    for line in lines:
        budget = line.budget
        table.add_row(
            output.printable(budget.name),
            output.printable(line.scope or budget.scope),
            f"{_amount(budget, budget.limit)} a {budget.calendar.kind}",
            _amount(budget, line.spent),
            _amount(budget, line.reserved),
            _amount(budget, line.left),
            _amount(budget, line.per_hour, usd_short),
            _shown(line.runs_out_ns) or "not in this window",
            _shown(line.until_ns),
        )
    output.print_table(table, optional=("reserved", "per hour", "runs out (UTC)", "for"))
