"""Groupings of reports, and the names of their groups."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import DIM_NAMES, EPOCH, ORIGIN_NAMES
from otel_cost_ledger.model.privacy import format_pseudonym
from otel_cost_ledger.model.sums import NO_PERSON
from otel_cost_ledger.query.model_names import model_names
from otel_cost_ledger.query.name_lookup import NameLookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from otel_cost_ledger.query.ledger import Ledger

PERIODS: Final = ("hour", "day", "week", "month")
_DAYS: Final = ("day", "week", "month")
PERSONS: Final = ("user", "session")
GROUPS: Final = (*DIM_NAMES, *PERSONS, *ORIGIN_NAMES, "status", "error_type", *PERIODS)
"""Allowed names in `by`. Periods are UTC; weeks are ISO weeks."""

IN_ROLLUP: Final = frozenset({*DIM_NAMES, *_DAYS, "status", "error_type", "failed"})
"""Groups and filters of the daily sums."""

IN_AGENTS: Final = IN_ROLLUP | {"agent"}
"""Groups and filters of the sums by agent; the hourly ones also have `hour`."""

IN_PEOPLE: Final = frozenset({*PERSONS, *_DAYS, "status", "failed"})
"""Groups and filters of the sums by user and session; the hourly ones also have `hour`."""

IN_HISTOGRAM: Final = frozenset({"provider", "model", "operation", *_DAYS})
"""Groups and filters of the stored latency histogram."""

COLUMN_OF: Final = {
    **dict.fromkeys(DIM_NAMES, "dim_id"),
    **dict.fromkeys(ORIGIN_NAMES, "origin_id"),
    **dict.fromkeys(("status", "error_type"), "outcome_id"),
    **dict.fromkeys(_DAYS, "day"),
    "hour": "hour",
    "user": "user_id",
    "session": "session_id",
}

_SERIES_COLUMNS: Final = dict.fromkeys(("provider", "model", "operation"), "series_id")

_TABLE_OF: Final = {
    "dim_id": "dims",
    "series_id": "series",
    "origin_id": "origins",
    "outcome_id": "outcomes",
}

Key = tuple[str, ...]


def key_maker(
    ledger: Ledger, by: Sequence[str], *, of_series: bool = False
) -> tuple[list[str], Callable[[Sequence[int | None]], Key]]:
    """Return the id columns that *by* needs, and a function from a row of them to a key.

    With *of_series* provider, model and operation are looked up by `series_id`, not `dim_id`.
    """
    column_of = {**COLUMN_OF, **(_SERIES_COLUMNS if of_series else {})}
    columns = sorted({column_of[name] for name in by})
    namers = [(columns.index(column_of[name]), _namer(ledger, name, column_of)) for name in by]

    # There are few keys and many rows: a day's histogram has thousands of rows for one key.
    known: dict[tuple[int | None, ...], Key] = {}

    def key_of(ids: Sequence[int | None]) -> Key:
        found = tuple(ids)
        key = known.get(found)
        if key is None:
            key = known[found] = tuple(name(found[place]) for place, name in namers)
        return key

    return columns, key_of


def _namer(ledger: Ledger, group: str, column_of: Mapping[str, str]) -> Callable[[int | None], str]:
    if group in PERIODS:
        return _PERIOD_NAMES[group]
    if group in PERSONS:
        return _person
    table = _TABLE_OF[column_of[group]]
    if group == "model":
        shown = model_names(ledger)

        def read_models() -> Iterator[tuple[int, str]]:
            for id_, provider, model in ledger.rows(f"SELECT id, provider, model FROM {table}"):
                yield id_, shown.of(provider, model)

        models = NameLookup(read_models, "")
        return lambda stored: models[stored or 0]

    def read_names() -> Iterator[tuple[int, str]]:
        for id_, name in ledger.rows(f"SELECT id, {group} FROM {table}"):
            yield id_, str(name)

    # Looked up in memory: a join would carry the text through every row of the rollup.
    names = NameLookup(read_names, "")
    return lambda stored: names[stored or 0]


def _person(stored: int | None) -> str:
    return format_pseudonym(None if stored == NO_PERSON else stored) or ""


def _hour(hour: int | None) -> str:
    return f"{EPOCH + timedelta(hours=hour or 0):%Y-%m-%dT%H:00Z}"


def day_name(day: int | None) -> str:
    """Return the date of *day*, days since the epoch."""
    return (EPOCH + timedelta(days=day or 0)).date().isoformat()


def _week(day: int | None) -> str:
    year, week, _ = (EPOCH + timedelta(days=day or 0)).isocalendar()
    return f"{year}-W{week:02d}"


def _month(day: int | None) -> str:
    return day_name(day)[:7]


_PERIOD_NAMES: Final = {"hour": _hour, "day": day_name, "week": _week, "month": _month}
