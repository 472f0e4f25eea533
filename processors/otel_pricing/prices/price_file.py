"""Reader of price files: checks each entry and reports every problem."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

from otel_pricing.prices import model_aliases
from otel_pricing.prices.aliases import list_provider
from otel_pricing.prices.model_aliases import ModelAlias
from otel_pricing.prices.overrides import Override, PriceBookError, PriceTable
from otel_pricing.prices.price import COUNTED_UNITS, UNITS, CountRate, Price, Rate, price_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PER_ONE = ("request", "web_search")
PER_COUNT = {unit.key: name for name, unit in COUNTED_UNITS.items()}
"""Key of a price file -> field of `Usage`."""
KEYS = frozenset(
    {"model", "provider", "from", "source", "tier", "free", *UNITS, *PER_ONE, *PER_COUNT}
)


def read_price_file(path: Path) -> PriceTable:
    """Return the prices declared in a TOML or JSON file.

    Raises PriceBookError with every invalid entry.
    """
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".json":
            data = json.loads(content, parse_float=Decimal)
        else:
            import tomllib  # imported only with a price file

            data = tomllib.loads(content, parse_float=Decimal)
    except (OSError, ValueError) as exc:
        reason = (isinstance(exc, OSError) and exc.strerror) or exc
        raise PriceBookError(f"cannot read prices from {path}: {reason}") from exc
    return price_table(data, origin=path.name)


def price_table(data: object, *, origin: str = "price table") -> PriceTable:
    """Return the prices in decoded TOML or JSON *data*.

    Raises PriceBookError with every invalid entry.
    """
    tables = cast("dict[str, object]", data) if isinstance(data, dict) else {"price": data}
    default: list[object] | None = [] if "alias" in tables else None
    problems: list[str] = []
    overrides = [
        entry.override()
        for entry in _entries(tables.get("price", default), "price", origin, problems)
    ]
    aliases = [
        entry.alias() for entry in _entries(tables.get("alias", []), "alias", origin, problems)
    ]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        counted = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise PriceBookError(f"{origin}: {counted} in the prices\n{listed}")
    return PriceTable(tuple(overrides), tuple(aliases))


def _entries(entries: object, name: str, origin: str, problems: list[str]) -> Iterator[_Entry]:
    """Yield the tables of a list; add the problems of each after its use."""
    if not isinstance(entries, list):
        raise PriceBookError(
            f"{origin}: expected a list named `{name}`, got {type(entries).__name__}"
        )
    for number, entry in enumerate(cast("list[object]", entries), start=1):
        if isinstance(entry, dict):
            read = _Entry(cast("dict[str, object]", entry), origin)
            yield read
            problems += (f"{name} {number}: {problem}" for problem in read.problems)
        else:
            problems.append(f"{name} {number}: expected a table, got {type(entry).__name__}")


class _Entry:
    """One table of the file, read while collecting its problems."""

    def __init__(self, entry: Mapping[str, object], origin: str) -> None:
        self.entry = entry
        self.origin = origin
        self.problems: list[str] = []

    def override(self) -> Override:
        self._check_keys(KEYS)
        model = self._text("model").lower()
        if not model:
            self.problems.append("has no `model`")
        from_day = self._day("from", date.min)
        return Override(
            model=model,
            provider=list_provider(self._text("provider")),
            tier=self._text("tier").lower(),
            from_day=from_day,
            price=self._price(model, from_day),
        )

    def alias(self) -> ModelAlias:
        self._check_keys(model_aliases.KEYS)
        names = {name: self._text(name) for name in ("pattern", "model")}
        self.problems += (f"has no `{name}`" for name, given in names.items() if not given)
        multiplier = self._amount("multiplier")
        if multiplier is not None and not multiplier:
            self.problems.append("`multiplier` must be above 0; declare a price with free = true")
        first, last = self._day("from", date.min), self._day("until", date.max)
        if first > last:
            self.problems.append(f"`from` {first} is after `until` {last}")
        return ModelAlias(
            pattern=names["pattern"].lower(),
            model=names["model"],
            provider=self._text("provider"),
            multiplier=model_aliases.ONE if multiplier is None else multiplier,
            from_day=first,
            until_day=last,
        )

    def _check_keys(self, allowed: frozenset[str]) -> None:
        unknown = sorted(self.entry.keys() - allowed)
        if unknown:
            named = ", ".join(map(repr, unknown))
            self.problems.append(f"unknown key {named}; allowed: {', '.join(sorted(allowed))}")

    def _price(self, model: str, from_day: date) -> Price:
        amounts = {name: self._amount(name) for name in (*UNITS, *PER_ONE, *PER_COUNT)}
        free = self.entry.get("free", False)
        given = [name for name, amount in amounts.items() if amount is not None]
        if not isinstance(free, bool):
            self.problems.append(f"`free` must be true or false, got {free!r}")
        elif free and given:
            self.problems.append(f"is free and has a price for {', '.join(given)}")
        elif not free and not given:
            self.problems.append("declares no price; give one, or free = true")
        since = "" if from_day == date.min else f" since {from_day}"
        return replace(
            price_of(lambda unit: _rate(amounts[unit])),
            usd_per_request=amounts["request"],
            usd_per_web_search=amounts["web_search"],
            counted=tuple(
                CountRate(name, amount, COUNTED_UNITS[name].per)
                for key, name in PER_COUNT.items()
                if (amount := amounts[key]) is not None
            ),
            is_free=free is True,
            source=f"{self._text('source') or self.origin}: {model}{since}",
        )

    def _text(self, key: str) -> str:
        value = self.entry.get(key, "")
        if not isinstance(value, str):
            self.problems.append(f"`{key}` must be text, got {value!r}")
            return ""
        return value.strip()

    def _day(self, key: str, default: date) -> date:
        value = self.entry.get(key)
        if value is None:
            return default
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.problems.append(f"`{key}` must be a day such as 2026-01-31, got {value!r}")
            return default

    def _amount(self, key: str) -> Decimal | None:
        value = self.entry.get(key)
        if value is None:
            return None
        try:
            if isinstance(value, bool):
                raise InvalidOperation
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or not 0 <= amount < 1_000_000:
            unit = "a number" if key == "multiplier" else "US dollars"
            self.problems.append(f"`{key}` must be {unit} from 0 to 1000000, got {value!r}")
            return None
        return amount


def _rate(amount: Decimal | None) -> Rate | None:
    return None if amount is None else Rate(amount)
