"""The panel of the sources of each provider's calls: wire, span or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.panels import Cell, Column, Panel, Table, pending
from otel_distro.ui.spending import label

if TYPE_CHECKING:
    from otel_distro.ui.ledger_queries import LedgerQueries

_NAME: Final = "evidence"
_TITLE: Final = "Evidence"
_MOST_ROWS: Final = 12
_MOST_SCOPES: Final = 2


def evidence(queries: LedgerQueries) -> Panel:
    """Return the number of calls seen on the wire, by a span and by both, by provider."""
    result = queries.coverage()
    report = result.value
    if report is None:
        return pending(_NAME, _TITLE, "wide", queries.rows)
    if not report.providers:
        return Panel(_NAME, _TITLE, "wide", empty="No call in this window.")
    rows = [
        [
            Cell(label(line.provider), href=queries.view.url(provider=line.provider)),
            *(
                Cell(figures.count(number))
                for number in (
                    line.calls, line.both, line.wire_only, line.span_only, line.cached
                )
            ),
            Cell(_scopes(dict(line.scopes.most_common(_MOST_SCOPES))), tone="muted"),
        ]
        for line in report.providers[:_MOST_ROWS]
    ]  # fmt: skip
    columns = [
        Column("provider"),
        Column("calls", is_number=True),
        Column("wire and span", is_number=True),
        Column("wire only", is_number=True),
        Column("span only", is_number=True),
        Column("cached answers", is_number=True, minor=True),
        Column("instrumentations", minor=True),
    ]
    calls = sum(line.calls for line in report.providers)
    seen = sum(line.both + line.wire_only for line in report.providers)
    notes = [] if report.complete else ["Only the latest calls of this window are counted here."]
    return Panel(
        _NAME,
        _TITLE,
        "wide",
        lead=f"{seen:,} of {figures.counted(calls, 'call')} seen on the wire",
        table=Table("Calls by source", columns, rows),
        notes=notes,
        pending=not result.current,
    )


def _scopes(scopes: dict[str, int]) -> str:
    return ", ".join(f"{label(scope)} {calls:,}" for scope, calls in scopes.items()) or "-"
