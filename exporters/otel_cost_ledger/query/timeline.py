"""Sums over time, in steps of any length, for charts.

Steps of days and hours come from the sums if those have the names; shorter ones are read from the
rows. A step is identified by its start, in nanoseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.filters import DIM_NAMES, Filters, Window
from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY, NS_PER_HOUR
from otel_cost_ledger.query.model_names import model_names, with_same_models
from otel_cost_ledger.query.name_lookup import NameLookup
from otel_cost_ledger.query.sources import ends, rows, sources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.sources import Source

_OUTCOME: Final = ("status", "failed", "error_type", "http_status_code", "reason")


@dataclass(frozen=True, slots=True)
class Extent:
    """Extent of a ledger's data, and a value that changes whenever its sums do."""

    calls: int
    first_ns: int | None
    """Start of the first call with a row; None without rows."""
    last_ns: int | None
    first_day_ns: int | None
    """The first day with sums; retention may have removed its calls."""
    mark: str


@dataclass(frozen=True, slots=True)
class Sums:
    """Sum of the billed calls of one step, one combination of names and one outcome."""

    at_ns: int
    service: str
    provider: str
    model: str
    operation: str
    tenant: str
    status: str
    failed: bool
    error_type: str
    http_status_code: int
    reason: str
    calls: int
    cost_nano_usd: int
    exposure_nano_usd: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    latency_us: int


def extent(ledger: Ledger) -> Extent:
    """Return the extent of the data, in a few milliseconds for a ledger of any size."""
    marks = (
        "count(*)",
        "min(day)",
        "max(day)",
        *(f"sum({name})" for name in COUNTERS),
        "sum(outcome_id * calls)",
    )
    (sums,) = ledger.rows(f"SELECT {', '.join(marks)} FROM daily_costs")
    first_ns, last_ns = ends(ledger)
    (violations,) = ledger.rows("SELECT max(at_ns) FROM latency_violations")
    first_day = sums[1]
    return Extent(
        calls=int(sums[3] or 0),
        first_ns=first_ns,
        last_ns=last_ns,
        first_day_ns=None if first_day is None else int(first_day) * NS_PER_DAY,
        mark="-".join(str(value) for value in (*sums, first_ns, last_ns, *violations)),
    )


def timeline(
    ledger: Ledger, window: Window, step_ns: int, filters: Filters, *, by_name: bool = True
) -> list[Sums]:
    """Return the sums of the billed calls in *window* in steps of *step_ns*.

    *step_ns* is a day, or divides one. Without *by_name* a sum is of all names together, which
    are empty in it.
    """
    plan = stepped_sources(ledger, window, step_ns, filters.names())
    filters = with_same_models(ledger, filters)
    names = NameLookup(lambda: _shown_names(ledger) if by_name else (), ("",) * len(DIM_NAMES))
    dim = "dim_id" if by_name else "0"
    outcomes = dict(_named(ledger, "outcomes", _OUTCOME, "WHERE billed = 1"))
    found = []
    for source in plan:
        names_and_sums = ", ".join([dim, "outcome_id", *source.sums])
        sql, values = source.selected(f"{source.step(step_ns)}, {names_and_sums}", filters)
        sql += " GROUP BY 1, 2, 3"
        for step, dim_id, outcome_id, *counted in ledger.rows(sql, values):
            if outcome_id not in outcomes:
                continue
            found.append(_sums(int(step) * step_ns, names[dim_id], outcomes[outcome_id], counted))
    return found


def stepped_sources(
    ledger: Ledger, window: Window, step_ns: int, names: Collection[str]
) -> list[Source]:
    """Return the sources of sums in steps of *step_ns* for a query that uses *names*."""
    if step_ns % NS_PER_HOUR:
        return [rows(window)]
    return sources(ledger, window, {*names, "hour" if step_ns % NS_PER_DAY else "day"})


def _sums(at_ns: int, names: Sequence[Any], outcome: Sequence[Any], counted: Sequence[Any]) -> Sums:
    status, failed, error_type, code, reason = outcome
    values: list[Any] = [at_ns, *names, status, bool(failed), error_type, int(code), reason]
    values += [int(number) for number in counted]
    return Sums(*values)


def _shown_names(ledger: Ledger) -> Iterator[tuple[int, tuple[Any, ...]]]:
    for id_, found in _named(ledger, "dims", DIM_NAMES):
        yield id_, _shown(ledger, found)


def _shown(ledger: Ledger, names: tuple[Any, ...]) -> tuple[Any, ...]:
    service, provider, model, *others = names
    return service, provider, model_names(ledger).of(provider, model), *others


def _named(
    ledger: Ledger, table: str, names: tuple[str, ...], where: str = ""
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    sql = f"SELECT id, {', '.join(names)} FROM {table} {where}"  # constants only
    for id_, *values in ledger.rows(sql):
        yield id_, tuple(values)


def known_names(ledger: Ledger, table: str, name: str, most: int = 300) -> list[str]:
    """Return at most *most* sorted values of *name* in the table of names *table*.

    Models have their names in reports.
    """
    if name == "model":
        dims = ledger.rows("SELECT DISTINCT provider, model FROM dims WHERE model <> ''")
        return sorted({model_names(ledger).of(*dim) for dim in dims})[:most]
    sql = f"SELECT DISTINCT {name} FROM {table} WHERE {name} <> '' ORDER BY 1 LIMIT ?"
    return [str(value) for (value,) in ledger.rows(sql, (most,))]
