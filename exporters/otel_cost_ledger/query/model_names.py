"""Mapping of requested to responding models, so that failed calls join their model.

A request for `gpt-4o` gets a response from `gpt-4o-2024-08-06`. A failed call has no response, so
it is stored under the requested name. Reports show both under the name in the response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import BILLED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.query.ledger import Ledger

_LATEST_ROWS: Final = 20_000
"""Maximum rows, latest first, to read for pairs of requested and responding model."""

_SNAPSHOT: Final = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{3}|latest)$")
"""Suffix of a model's snapshots."""

_Name = tuple[str, str]
"""A provider and a model."""


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A model that responded to requests for a model."""

    provider: str
    requested: str
    model: str
    last_ns: int
    """Start of the latest of these calls, in nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Names of models in reports; a name without an entry is unchanged."""

    shown: dict[_Name, str]
    answers: dict[str, frozenset[str]]
    """The models that responded to requests for a model, of any provider."""

    def of(self, provider: str, model: str) -> str:
        """Return the name of *model* in reports."""
        return self.shown.get((provider, model), model)

    def same_as(self, model: str) -> frozenset[str]:
        """Return the other stored names that a query for *model* includes."""
        wanted = {model, *self.answers.get(model, ())}
        wanted |= {name for (_, asked), name in self.shown.items() if asked == model}
        joined = {asked for (_, asked), name in self.shown.items() if name in wanted}
        return frozenset((wanted | joined) - {model})


def without_snapshot(model: str) -> str:
    """Return *model* without the date or number of its snapshot."""
    return _SNAPSHOT.sub("", model)


def find_names(
    responses: Sequence[ModelResponse], succeeded: Collection[_Name], only_failed: Iterable[_Name]
) -> ModelNames:
    """Return the names derived from the pairs of requested and responding models in *responses*.

    A requested name joins the model that responded last, if all responses are from snapshots of one
    model; a router to several models keeps its own line, and so does a model with a fallback. A
    name with only failed calls, and without rows of responses, joins the latest snapshot of that
    name among the names that *succeeded*.
    """
    by_request: dict[_Name, list[ModelResponse]] = {}
    for one in responses:
        if one.model != one.requested:
            by_request.setdefault((one.provider, one.requested), []).append(one)
    direct: dict[_Name, str] = {}
    for name, found in by_request.items():
        families = {without_snapshot(one.model) for one in found}
        if name in succeeded:
            families.add(without_snapshot(name[1]))
        if len(families) == 1:
            direct[name] = max(found, key=lambda one: (one.last_ns, one.model)).model
    snapshots: dict[_Name, str] = {}
    for provider, model in sorted(succeeded):
        snapshots[provider, without_snapshot(model)] = model
    for name in only_failed:
        if name not in by_request and name in snapshots:
            direct[name] = snapshots[name]
    answers = {
        model: frozenset(one.model for one in found) for (_, model), found in by_request.items()
    }
    return ModelNames(_followed(direct), answers)


def _followed(direct: dict[_Name, str]) -> dict[_Name, str]:
    """Return *direct* with each chain resolved to its end, without cycles."""
    renamed: dict[_Name, str] = {}
    for (provider, model), answering in direct.items():
        seen, name = {model}, answering
        while name not in seen and (provider, name) in direct:
            seen.add(name)
            name = direct[provider, name]
        if name not in seen:
            renamed[provider, model] = name
    return renamed


def model_names(ledger: Ledger) -> ModelNames:
    """Return the names of the models in *ledger*, read once per opening."""
    if not ledger.model_names:
        ledger.model_names.append(_read(ledger))
    return ledger.model_names[0]


_NAMED: Final = (
    " JOIN dims d ON d.id = p.dim_id JOIN origins o ON o.id = p.origin_id"
    " WHERE o.request_model <> '' AND o.request_model <> d.model GROUP BY 1, 2, 3"
)
_LATEST_PAIRS: Final = (
    "SELECT d.provider, o.request_model, d.model, max(p.last_ns)"
    " FROM (SELECT dim_id, origin_id, max(start_ns) AS last_ns"
    f" FROM (SELECT dim_id, origin_id, start_ns FROM calls WHERE {BILLED}"
    f" ORDER BY start_ns DESC LIMIT {_LATEST_ROWS}) latest GROUP BY 1, 2) p{_NAMED}"
)
_PAIRS: Final = f"SELECT d.provider, o.request_model, d.model, max(p.last_ns) FROM pairs p{_NAMED}"
"""Query for the pairs of all calls, from a table that is updated as calls arrive."""


def _read(ledger: Ledger) -> ModelNames:
    pairs = ledger.rows(_PAIRS if ledger.counts_rows else _LATEST_PAIRS)
    responses = [
        ModelResponse(provider, requested, model, int(last_ns))
        for provider, requested, model, last_ns in pairs
    ]
    outcomes = ledger.rows(
        "SELECT d.provider, d.model, min(r.failed) FROM"
        " (SELECT DISTINCT dim_id, outcome_id FROM daily_costs WHERE calls > 0) s"
        " JOIN dims d ON d.id = s.dim_id JOIN outcomes r ON r.id = s.outcome_id"
        " WHERE r.billed = 1 GROUP BY 1, 2"
    )
    names: tuple[set[_Name], set[_Name]] = (set(), set())
    for provider, model, failed in outcomes:
        names[int(failed)].add((provider, model))
    return find_names(responses, *names)


def with_same_models(ledger: Ledger, filters: Filters) -> Filters:
    """Return *filters* that select a model under all of its stored names."""
    if filters.model is None:
        return filters
    return replace(filters, same_models=tuple(sorted(model_names(ledger).same_as(filters.model))))
