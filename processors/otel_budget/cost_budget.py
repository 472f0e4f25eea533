"""Cost budgets: limit, unit, window, scope, and the action once a budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from otel_budget.accounts.account import BudgetAccount
from otel_budget.windows import Calendar, Window, WindowKind

if TYPE_CHECKING:
    from collections.abc import Mapping

NANO_PER_USD = 1_000_000_000
DEFAULT_THRESHOLDS = (50, 80, 95, 100)
"""Percentages of a limit that are reported, once each in a window."""
DAY = "day"
"""Name of the budget configured by environment variables."""
MOST_USD = Decimal(1_000_000_000)


class Action(StrEnum):
    """Action on calls once a budget is spent."""

    WARN = "warn"
    """Admit calls and only report thresholds."""
    REFUSE = "refuse"
    """Answer calls with HTTP 402 instead of sending them."""


class Unit(StrEnum):
    """Unit of a budget; its limit is a whole number of these."""

    USD = "usd"
    """Nano-USD."""
    TOKENS = "tokens"
    CALLS = "calls"


SCOPES = ("total", "service", "tenant", "user", "session", "agent", "model", "provider", "api_key")
"""Scopes that a budget can be counted for separately; `total` is everything on this host together.
"""

PERSONAL_SCOPES = frozenset({"user", "session", "api_key"})
"""Scopes whose values are never stored in the clear."""
Hide = Callable[[str, str], str]
"""(scope, value) -> stored pseudonym."""

_LIMITS = {"limit_usd": Unit.USD, "limit_tokens": Unit.TOKENS, "limit_calls": Unit.CALLS}
_KEYS = (
    "name",
    *_LIMITS,
    "scope",
    "match",
    "window",
    "rolling_hours",
    "time_zone",
    "action",
    "thresholds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBudget:
    """One limit on the cost of model calls."""

    name: str
    limit: int
    unit: Unit = Unit.USD
    scope: str = "total"
    match: str | None = None
    """The only scope value this budget applies to; None gives each value its own account."""
    calendar: Calendar = field(default_factory=Calendar)
    action: Action = Action.WARN
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS

    def account(
        self, scope_values: Mapping[str, str | None], now_ns: int, hide: Hide = lambda _, name: name
    ) -> BudgetAccount | None:
        """Return the account of a call with *scope_values*; None if the budget does not apply.

        *hide* turns a value that names a person into its stored pseudonym.
        """
        return self.account_in(self.calendar.window(now_ns), scope_values, hide)

    def account_in(
        self, window: Window, scope_values: Mapping[str, str | None], hide: Hide
    ) -> BudgetAccount | None:
        """Return the account of a call in *window*; None if the budget does not apply."""
        value = "" if self.scope == "total" else scope_values.get(self.scope)
        if value is None or (self.match is not None and value != self.match):
            return None
        return self._account(hide(self.scope, value) if self.hides else value, window)

    @property
    def hides(self) -> bool:
        """Whether its scope values name persons, and are stored as pseudonyms."""
        return self.scope in PERSONAL_SCOPES

    def account_of(self, stored: str, now_ns: int) -> BudgetAccount:
        """Return the account of a stored scope value."""
        return self._account(stored, self.calendar.window(now_ns))

    def _account(self, stored: str, window: Window) -> BudgetAccount:
        return BudgetAccount(
            self.name,
            stored,
            window.since_ns,
            window.account_ns,
            self.limit,
            self.thresholds,
            window.until_ns,
        )

    @classmethod
    def per_day(cls, usd: Decimal, action: Action) -> CostBudget:
        """Return the budget configured by the two environment variables."""
        return cls(name=DAY, limit=nano_usd(usd), action=action)

    @classmethod
    def from_mapping(cls, table: object) -> CostBudget:
        """Build one from a `[[budgets]]` table; raises ValueError with the allowed values."""
        if not isinstance(table, dict):
            raise ValueError(f"{table!r} is not a table with the keys {', '.join(_KEYS)}")  # noqa: TRY004
        unknown = sorted(set(map(str, table)) - set(_KEYS))
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r}; the keys are {', '.join(_KEYS)}")
        name = str(table.get("name", "")).strip()
        if not name:
            raise ValueError("a budget needs a name")
        unit, limit = _limit(name, table)
        return cls(
            name=name,
            limit=limit,
            unit=unit,
            scope=_choice(name, table, "scope", SCOPES, "total"),
            match=str(table["match"]) if "match" in table else None,
            calendar=_calendar(name, table),
            action=Action(_choice(name, table, "action", tuple(Action), Action.WARN)),
            thresholds=_thresholds(name, table),
        )


def nano_usd(usd: Decimal) -> int:
    """Return US dollars as whole nano-USD, rounded down: a limit is never raised."""
    return int(usd * NANO_PER_USD)


def _limit(name: str, table: Mapping[str, Any]) -> tuple[Unit, int]:
    given = [key for key in _LIMITS if key in table]
    if len(given) != 1:
        raise ValueError(f"budget {name!r} needs exactly one of {', '.join(_LIMITS)}")
    key = given[0]
    unit, value = _LIMITS[key], table[key]
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal(-1)
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= MOST_USD:
        raise ValueError(f"{key} {value!r} of budget {name!r} is not an amount; for example 5")
    if unit is Unit.USD:
        return unit, nano_usd(number)
    if number != int(number):
        raise ValueError(f"{key} {value!r} of budget {name!r} is not a whole number")
    return unit, int(number)


def _choice(
    name: str, table: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str
) -> str:
    value = str(table.get(key, default))
    if value not in allowed:
        raise ValueError(f"{key} {value!r} of budget {name!r}: choose from {', '.join(allowed)}")
    return value


def _calendar(name: str, table: Mapping[str, Any]) -> Calendar:
    kind = WindowKind(_choice(name, table, "window", tuple(WindowKind), WindowKind.DAY))
    hours = table.get("rolling_hours", 24)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= 24 * 366:
        raise ValueError(f"rolling_hours {hours!r} of budget {name!r} is not a number of hours")
    zone_name = str(table.get("time_zone", "UTC"))
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"time_zone {zone_name!r} of budget {name!r} is unknown; for example Europe/Paris"
        ) from None
    return Calendar(kind, zone, hours)


def _thresholds(name: str, table: Mapping[str, Any]) -> tuple[int, ...]:
    given = table.get("thresholds", DEFAULT_THRESHOLDS)
    if not isinstance(given, list | tuple) or not all(
        isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 1000 for n in given
    ):
        raise ValueError(f"thresholds {given!r} of budget {name!r} are not percentages")
    return tuple(sorted(set(given)))
