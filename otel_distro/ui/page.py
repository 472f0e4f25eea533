"""Assembles the overview page for one view of the ledger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from otel_distro.pipeline.redaction_tally import read_tally, tally_file
from otel_distro.ui import budget_panel, evidence, speed, spending, usage
from otel_distro.ui.panels import Panel
from otel_distro.ui.tiles import tiles
from otel_distro.ui.view import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.settings import Settings
    from otel_distro.ui.ledger_queries import LedgerQueries
    from otel_distro.ui.panels import Tile
    from otel_distro.ui.query_cache import QueryCache
    from otel_distro.ui.view import View


@dataclass(frozen=True, slots=True)
class PageData:
    """The data of one request, from which panels are made."""

    queries: LedgerQueries
    ledger: Ledger
    query_cache: QueryCache
    settings: Settings


PANELS: Final[dict[str, Callable[[PageData], Panel]]] = {
    "spend": lambda at: spending.spend(at.queries),
    "budgets": lambda at: budget_panel.budgets(
        at.settings, at.ledger, at.query_cache, at.queries.extent
    ),
    "models": lambda at: speed.models(at.queries),
    "latency": lambda at: speed.latency(at.queries),
    "first-token": lambda at: speed.first_token(at.queries),
    "tokens": lambda at: usage.tokens(at.queries),
    "errors": lambda at: usage.errors(at.queries),
    "exposure": lambda at: spending.exposure(at.queries),
    "evidence": lambda at: evidence.evidence(at.queries),
    "violations": lambda at: usage.violations(at.queries),
    "redactions": lambda at: usage.redactions(read_tally(at.settings.state_dir), at.queries),
    "dearest": lambda at: spending.most_expensive(at.queries),
}
"""The panels by name, in page order."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The content of the overview."""

    tiles: list[Tile]
    panels: list[Panel]
    empty: bool
    """Whether there is no call in the window."""
    counting: bool
    """Whether the main query is still being counted."""
    wider: str | None
    """The view that has calls, if this window has none."""
    remarks: tuple[str, ...]


def overview(at: PageData) -> Overview:
    """Return the parts of the overview."""
    queries = at.queries
    view = queries.view
    sums = queries.sums().value
    empty = sums is not None and not sums
    remarks = list(view.problems)
    if not queries.complete:
        remarks.append(
            "Retention has removed single calls of this window, so these sums are too low. "
            "Whole days without filters by agent, user or session stay exact."
        )
    return Overview(
        tiles=[] if empty else tiles(queries),
        panels=[] if empty else arranged([make(at) for make in PANELS.values()]),
        empty=empty,
        counting=sums is None,
        wider=_wider(view, queries) if empty else None,
        remarks=tuple(remarks),
    )


ROWS: Final = (
    ("spend", "budgets"),
    ("models",),
    ("latency", "first-token"),
    ("tokens", "errors"),
    ("exposure", "violations", "redactions"),
    ("dearest",),
    ("evidence",),
)
"""Panels that share a row on a wide screen."""
_SIZES: Final = {1: "wide", 2: "half", 3: "third"}


def arranged(panels: Sequence[Panel]) -> list[Panel]:
    """Return *panels* in rows without gaps; empty ones share one panel at the end."""
    by_name = {panel.name: panel for panel in panels}
    full: list[Panel] = []
    hollow: list[Panel] = []
    for row in ROWS:
        found = [by_name[name] for name in row]
        shown = [panel for panel in found if not panel.is_hollow]
        hollow += [panel for panel in found if panel.is_hollow]
        if len(shown) < len(found):
            shown = [replace(panel, size=_SIZES[len(shown)]) for panel in shown]
        full += shown
    if hollow:
        notes = [f"{panel.title}: {panel.empty}" for panel in hollow]
        full.append(Panel("without", "Nothing to show", "wide", notes=notes))
    return full


def _wider(view: View, queries: LedgerQueries) -> str | None:
    """Return a view that has calls: without filters, or else of all time."""
    if not queries.extent.calls:
        return None
    return view.url(window="all", since=None, until=None)


def mark(at: PageData) -> str:
    """Return an entity tag that changes with the page."""
    queries = at.queries
    view = queries.view
    try:
        tally = tally_file(at.settings.state_dir).stat().st_size
    except OSError:
        tally = 0
    parts = (queries.extent.mark, view.steps[0].start_ns, len(view.steps), view.parameters())
    return hashlib.sha256(repr((parts, tally)).encode()).hexdigest()[:24]


def window_tabs(view: View, path: str) -> list[tuple[str, str, str, bool]]:
    """Return the windows as (short name, title, URL, whether it is selected)."""
    return [
        (
            name,
            title,
            view.url(path, window=name, since=None, until=None),
            name == view.window_name,
        )
        for name, title in WINDOWS.items()
    ]
