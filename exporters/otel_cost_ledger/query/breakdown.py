"""Cost by name and step for charts: the most expensive names, and a sum of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import BILLED, Filters, Window
from otel_cost_ledger.model.sums import NO_PERSON
from otel_cost_ledger.query.grouping import key_maker
from otel_cost_ledger.query.model_names import with_same_models
from otel_cost_ledger.query.timeline import stepped_sources
from otel_cost_ledger.query.top_persons import OTHERS, is_by_person, top_persons

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.sources import Source
    from otel_cost_ledger.query.timeline import Sums


@dataclass(frozen=True, slots=True)
class NameSums:
    """Sum of the billed calls of one name."""

    name: str
    calls: int = 0
    cost_nano_usd: int = 0
    unpriced_calls: int = 0

    def plus(self, other: NameSums) -> NameSums:
        """Return the sum of both, under this name."""
        return NameSums(
            self.name,
            self.calls + other.calls,
            self.cost_nano_usd + other.cost_nano_usd,
            self.unpriced_calls + other.unpriced_calls,
        )

    def minus(self, other: NameSums) -> NameSums:
        """Return these sums minus *other*."""
        taken = NameSums("", -other.calls, -other.cost_nano_usd, -other.unpriced_calls)
        return self.plus(taken)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Cost by name and step: the most expensive names, and a sum of the others."""

    names: tuple[NameSums, ...]
    """The most expensive first, at most `NAMES`."""
    total: NameSums
    count: int
    """Total number of names."""
    steps: tuple[tuple[int, int, int], ...]
    """(start of the step, index of the name in `names`, cost in nano-USD); the index is at most
    `APART`, which covers all names from there.
    """


NAMES: Final = 50
APART: Final = 7


def breakdown(
    ledger: Ledger, window: Window, step_ns: int, name: str, filters: Filters
) -> Breakdown:
    """Return cost by step and *name*, one of `GROUPS`; the sources are read twice."""
    filters = with_same_models(ledger, filters)
    (column,), key_of = key_maker(ledger, (name,))
    plan = stepped_sources(ledger, window, step_ns, {name, *filters.names()})
    unpriced = "outcome_id IN (SELECT id FROM outcomes WHERE status = 'unpriced')"
    # There may be thousands of persons, so the database finds the most expensive.
    top = top_persons(ledger, plan, name, filters, NAMES) if is_by_person((name,)) else None
    named = column if top is None else top.named()
    others = NameSums("")
    ids_of: dict[str, list[int | None]] = {}
    sums: dict[str, NameSums] = {}
    for source in plan:
        calls, cost, one = _totals(source)
        what = f"{named}, {calls}, {cost}, sum(CASE WHEN {unpriced} THEN {one} ELSE 0 END)"
        sql, values = source.selected(what, filters)
        for id_, *counted in ledger.rows(f"{sql} AND {BILLED} GROUP BY 1", values):
            if id_ == OTHERS:
                others = others.plus(NameSums("", *(int(number) for number in counted)))
                continue
            found = key_of([id_])[0]
            ids_of.setdefault(found, []).append(id_)
            new = NameSums(found, *(int(number) for number in counted))
            sums[found] = sums[found].plus(new) if found in sums else new
    ordered = in_order(sums.values())
    cases = [
        f"WHEN {_is_among(column, ids_of[one.name])} THEN {place}"
        for place, one in enumerate(ordered[:APART])
    ]
    place = f"CASE {' '.join(cases)} ELSE {APART} END" if cases else str(APART)
    steps = []
    for source in plan:
        what = f"{source.step(step_ns)}, {place}, {_totals(source)[1]}"
        sql, values = source.selected(what, filters)
        steps += [
            (int(step) * step_ns, int(place), int(nano_usd))
            for step, place, nano_usd in ledger.rows(f"{sql} AND {BILLED} GROUP BY 1, 2", values)
        ]
    made = made_of(ordered, steps)
    if top is None:
        return made
    return replace(made, total=made.total.plus(others), count=top.count)


def _totals(source: Source) -> tuple[str, str, str]:
    """Return SQL for the number of calls, their cost, and the calls of one row."""
    cost = "coalesce(sum(cost_nano_usd), 0)"
    return ("count(*)", cost, "1") if source.is_rows else ("sum(calls)", cost, "calls")


def _is_among(column: str, ids: Sequence[int | None]) -> str:
    """Return the SQL condition that *column* is one of *ids*, which are internal integers."""
    known = ", ".join(str(int(id_)) for id_ in ids if id_ is not None)
    conditions = [f"{column} IN ({known})"] if known else []
    if None in ids or NO_PERSON in ids:
        conditions.append(f"{column} IS NULL")
    return f"({' OR '.join(conditions)})"


def in_order(sums: Iterable[NameSums]) -> list[NameSums]:
    """Return *sums*, the most expensive first."""
    return sorted(sums, key=lambda one: (-one.cost_nano_usd, -one.calls, one.name))


def made_of(ordered: Sequence[NameSums], steps: Iterable[tuple[int, int, int]]) -> Breakdown:
    """Return the breakdown of sorted names."""
    total = NameSums("")
    for one in ordered:
        total = total.plus(one)
    return Breakdown(tuple(ordered[:NAMES]), total, len(ordered), tuple(steps))


def breakdown_of(sums: Iterable[Sums], name: str) -> Breakdown:
    """Return the breakdown of *sums* by one of their names."""
    by_name: dict[str, NameSums] = {}
    by_step: dict[tuple[int, str], int] = {}
    for line in sums:
        found = getattr(line, name)
        unpriced = line.calls if line.status == "unpriced" else 0
        new = NameSums(found, line.calls, line.cost_nano_usd, unpriced)
        by_name[found] = by_name[found].plus(new) if found in by_name else new
        key = line.at_ns, found
        by_step[key] = by_step.get(key, 0) + line.cost_nano_usd
    ordered = in_order(by_name.values())
    place_of = {one.name: min(place, APART) for place, one in enumerate(ordered)}
    return made_of(ordered, [(at, place_of[one], cost) for (at, one), cost in by_step.items()])
