"""Filters that select the calls of a query."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.privacy import parse_pseudonym
from otel_cost_ledger.model.schema import NS_PER_DAY, NS_PER_US

if TYPE_CHECKING:
    from collections.abc import Collection

    from otel_cost_ledger.model.sql import SqlValue

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2262, 1, 1, tzinfo=UTC)
"""Latest time whose nanoseconds since the epoch fit into 64 bits."""

END_OF_TIME_NS: Final = 2**63 - 1

BILLED: Final = "outcome_id > 0"
"""SQL condition for rows that count as calls; see `outcomes` in the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Required values of calls; None means any. `user` and `session` are pseudonyms."""

    service: str | None = None
    provider: str | None = None
    model: str | None = None
    operation: str | None = None
    tenant: str | None = None
    agent: str | None = None
    feature_flag: str | None = None
    scope: str | None = None
    status: str | None = None
    error_type: str | None = None
    failed: bool | None = None
    user: str | None = None
    session: str | None = None
    same_models: tuple[str, ...] = ()
    """Other names under which calls of `model` are stored; they match as well."""

    def names(self) -> frozenset[str]:
        """Return the names of the filters that are set."""
        return frozenset(
            f.name
            for f in fields(self)
            if f.name != "same_models" and getattr(self, f.name) is not None
        )

    def conditions(self, table: str) -> tuple[list[str], list[SqlValue]]:
        """Return SQL conditions on *table*, and their values."""
        interned = _IN_HISTOGRAM if table in _BY_SERIES else _INTERNED
        conditions: list[str] = []
        values: list[SqlValue] = []
        for names_table, column, names in interned:
            filtered = [name for name in names if name in self.names()]
            if filtered:
                where = " AND ".join(
                    f"{name} IN ({', '.join('?' * len(self._values(name)))})" for name in filtered
                )
                conditions.append(f"{column} IN (SELECT id FROM {names_table} WHERE {where})")
                values += [_stored(value) for name in filtered for value in self._values(name)]
        for name in ("user", "session"):
            shown = getattr(self, name)
            if shown is not None:
                conditions.append(f"{name}_id = ?")
                values.append(parse_pseudonym(shown))
        return conditions, values

    def _values(self, name: str) -> list[SqlValue]:
        return [getattr(self, name), *(self.same_models if name == "model" else ())]


def _stored(value: SqlValue) -> SqlValue:
    # Booleans are stored as integers, and PostgreSQL does not compare the two types.
    return int(value) if isinstance(value, bool) else value


DIM_NAMES: Final = ("service", "provider", "model", "operation", "tenant")
ORIGIN_NAMES: Final = ("agent", "feature_flag", "scope")
OUTCOME_NAMES: Final = ("status", "error_type", "failed")

_BY_SERIES: Final = frozenset({"latency_histogram", "latency_hours", "first_token_hours"})
"""Tables that have a call's names by its series."""
_INTERNED: Final = (
    ("dims", "dim_id", DIM_NAMES),
    ("origins", "origin_id", ORIGIN_NAMES),
    ("outcomes", "outcome_id", OUTCOME_NAMES),
)
_IN_HISTOGRAM: Final = (("series", "series_id", ("provider", "model", "operation")),)


@dataclass(frozen=True, slots=True)
class Window:
    """A time span, from `since_ns` up to but not including `until_ns`, by start of the call."""

    since_ns: int
    until_ns: int

    @classmethod
    def between(cls, since: datetime | None, until: datetime | None) -> Window:
        """Return the window between two aware times; None means unbounded."""
        return cls(
            0 if since is None else to_ns(since),
            END_OF_TIME_NS if until is None else to_ns(until),
        )

    def whole_days(self) -> tuple[int, int]:
        """Return the first whole UTC day inside, and the day after the last one."""
        return self.whole(NS_PER_DAY)

    def whole(self, unit_ns: int) -> tuple[int, int]:
        """Return the first whole unit inside, and the one after the last; (0, 0) without one."""
        first, end = -(-self.since_ns // unit_ns), self.end_of_whole(unit_ns)
        return (first, end) if first < end else (0, 0)

    def end_of_whole(self, unit_ns: int) -> int:
        """Return the first unit after the whole ones; the maximum time ends its unit."""
        return self.until_ns // unit_ns + (self.until_ns == END_OF_TIME_NS)

    def edges(self, unit_ns: int = NS_PER_DAY) -> tuple[Window, ...]:
        """Return the parts of the window before and after its whole units, by default days."""
        first, end = self.whole(unit_ns)
        if first == end:
            return (self,)
        before = Window(self.since_ns, min(first * unit_ns, END_OF_TIME_NS))
        after = Window(min(end * unit_ns, END_OF_TIME_NS), self.until_ns)
        return tuple(edge for edge in (before, after) if edge.since_ns < edge.until_ns)


def to_ns(when: datetime) -> int:
    """Return nanoseconds since the epoch of an aware time, exactly.

    Raises `ValueError` for a time without a zone.
    """
    if when.tzinfo is None:
        raise ValueError(f"expected an aware time, got {when!r}; add a time zone")
    return (when - EPOCH) // timedelta(microseconds=1) * NS_PER_US


def check_names(what: str, given: Collection[str], allowed: Collection[str]) -> None:
    """Raise ValueError naming the allowed values if one of *given* is not among them."""
    for name in given:
        if name not in allowed:
            raise ValueError(f"{what} {name!r} is unknown; choose from {', '.join(allowed)}")
