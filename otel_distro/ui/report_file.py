"""The overview as one HTML file without scripts, to keep or to send."""

from __future__ import annotations

import base64
import hashlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.query.timeline import extent
from otel_distro.ui.ledger_queries import LedgerQueries
from otel_distro.ui.page import PageData, overview
from otel_distro.ui.query_cache import QueryCache
from otel_distro.ui.rendering import render
from otel_distro.ui.view_query import read_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_cost_ledger.model.location import Location
    from otel_distro.settings import Settings

_STYLE: Final = Path(__file__).with_name("static") / "ui.css"


def report(
    location: Location,
    settings: Settings,
    query: Mapping[str, str],
    *,
    now: datetime | None = None,
) -> str:
    """Return the page for *query*, as in the URL of `otel-distro ui`, as one document.

    It loads and runs nothing: its content security policy allows only its own style sheet. Raises
    `LedgerError`.
    """
    style = _STYLE.read_text("utf-8")
    with (
        open_ledger(location, missing_ok=True) as ledger,
        closing(QueryCache(location, patience=None)) as query_cache,
    ):
        known = extent(ledger)
        view = read_view(query, now or datetime.now(UTC), known)
        page_data = PageData(
            LedgerQueries(ledger, view, query_cache, known), ledger, query_cache, settings
        )
        return render(
            "report.html",
            view=view,
            shown=overview(page_data),
            made=f"{view.now:%Y-%m-%d %H:%M} UTC",
            filters=view.active_filters(),
            style=Markup(style),  # noqa: S704 - our own file
            digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        )
