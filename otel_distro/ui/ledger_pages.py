"""The pages over the ledger: overview, single calls, one trace, and their file exports."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.model.filters import BILLED
from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.query.calls import read_calls
from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.query.model_names import with_same_models
from otel_cost_ledger.query.timeline import extent
from otel_distro.ui.exports import answer, call_data, cost_data
from otel_distro.ui.ledger_queries import LedgerQueries
from otel_distro.ui.page import PANELS, PageData, mark, overview, window_tabs
from otel_distro.ui.query_cache import QueryCache
from otel_distro.ui.rendering import render
from otel_distro.ui.spending import call_table
from otel_distro.ui.store_pages import SEEN
from otel_distro.ui.store_view import is_trace_id, trace_id_in
from otel_distro.ui.trace import calls_of, trace_of
from otel_distro.ui.view import FILTERS, FIRST_FILTERS, described_filters
from otel_distro.ui.view_query import read_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from starlette.requests import Request

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.settings import Settings
    from otel_distro.ui.store_pages import StorePages
    from otel_distro.ui.view import View

_CALLS_A_PAGE: Final = 50
_CALLS_A_FILE: Final = 10_000


class LedgerPages:
    """The endpoints; Starlette runs them on threads, so that none blocks another."""

    def __init__(
        self,
        location: Location,
        settings: Settings,
        now: Callable[[], datetime],
        jaeger: str,
        store: StorePages,
    ) -> None:
        self._location = location
        self._settings = settings
        self._now = now
        self._jaeger = jaeger
        self._store = store
        self.query_cache = QueryCache(location)
        if isinstance(location, PostgresUrl):
            # Importing its driver takes half a second, which ledgers in files do not need.
            from otel_cost_ledger.postgres.pool import share_connections

            share_connections()

    @contextmanager
    def _load(self, request: Request) -> Iterator[PageData]:
        with open_ledger(self._location, missing_ok=True) as ledger:
            known = extent(ledger)
            view = read_view(dict(request.query_params), self._now(), known)
            queries = LedgerQueries(ledger, view, self.query_cache, known)
            yield PageData(queries, ledger, self.query_cache, self._settings)

    def warm_up(self) -> None:
        """Run the queries of the first visit in advance."""
        with suppress(LedgerError), open_ledger(self._location, missing_ok=True) as ledger:
            known = extent(ledger)
            view = read_view({}, self._now(), known)
            queries = LedgerQueries(ledger, view, self.query_cache, known)
            overview(PageData(queries, ledger, self.query_cache, self._settings))

    def _page(self, request: Request, name: str, page_data: PageData, **more: Any) -> Response:
        view = page_data.queries.view
        return HTMLResponse(
            render(
                name,
                **_frame(view, request.url.path),
                choices=page_data.queries.choices(),
                ledger=str(self._location),
                **more,
            )
        )

    def overview(self, request: Request) -> Response:
        """Show the overview; 204 if the browser has the current one."""
        with self._load(request) as page_data:
            current = mark(page_data)
            if request.headers.get(SEEN) == current:
                return Response(status_code=204)
            return self._page(
                request,
                "overview.html",
                page_data,
                shown=overview(page_data),
                costs_csv=page_data.queries.view.url("/costs.csv"),
                calls_csv=page_data.queries.view.url("/calls.csv"),
                has_calls=page_data.queries.extent.calls > 0,
                mark=current,
                refreshes=page_data.queries.view.live,
            )

    def panel(self, request: Request) -> Response:
        """Show one panel of the overview; raises `HTTPException` 404 for another name."""
        make = PANELS.get(request.path_params["name"])
        if make is None:
            raise HTTPException(404, f"there is no panel of that name; {', '.join(PANELS)}")
        with self._load(request) as page_data:
            return HTMLResponse(render("one_panel.html", panel=make(page_data)))

    def calls(self, request: Request) -> Response:
        """List single calls."""
        with self._load(request) as page_data:
            view = page_data.queries.view
            until = _whole_number(request.query_params.get("until_ns"))
            stored_calls = read_calls(
                page_data.ledger,
                *_conditions(page_data.ledger, view, until),
                order="start_ns DESC, span_id DESC",
                limit=_CALLS_A_PAGE + 1,
            )
            page_calls = stored_calls[:_CALLS_A_PAGE]
            older = None
            if len(stored_calls) > _CALLS_A_PAGE:
                older = view.url("/calls", until_ns=str(stored_calls[-1].priced.call.start_ns + 1))
            return self._page(
                request,
                "calls.html",
                page_data,
                table=call_table("Calls, newest first", page_calls, view),
                csv=view.url("/calls.csv"),
                newest=view.url("/calls") if until else None,
                older=older,
            )

    def calls_csv(self, request: Request) -> Response:
        """Return the single calls of the view."""
        with self._load(request) as page_data:
            stored_calls = read_calls(
                page_data.ledger,
                *_conditions(page_data.ledger, page_data.queries.view, None),
                order="start_ns DESC, span_id DESC",
                limit=_CALLS_A_FILE,
            )
            return answer([call_data(stored) for stored in stored_calls], "calls", "csv")

    def costs_csv(self, request: Request) -> Response:
        """Return the spend of the view, one row per name."""
        with self._load(request) as page_data:
            view = page_data.queries.view
            return answer(cost_data(page_data.ledger, view), "costs", "csv")

    def find(self, request: Request) -> Response:
        """Redirect to the trace of that id, or to traces with that text."""
        query_text = request.query_params.get("q", "").strip()
        if trace_id := trace_id_in(query_text):
            return RedirectResponse(f"/trace/{trace_id}", 303)
        return RedirectResponse(f"/traces?{urlencode({'q': query_text[:300]})}", 303)

    def trace(self, request: Request) -> Response:
        """Show a trace from the store, or its calls from the ledger; raises 404 if unknown."""
        trace_id = _trace_id(request.path_params["trace_id"])
        whole = self._store.trace(request, trace_id.to_bytes(16, "big"))
        if whole is not None:
            return whole
        near = _whole_number(request.query_params.get("at"))
        with self._load(request) as page_data:
            stored = calls_of(page_data.ledger, trace_id, near)
            if not stored:
                raise HTTPException(
                    404,
                    "neither the trace store nor the ledger has this trace; retention removes "
                    "old ones, and only `otel-distro serve` stores whole traces",
                )
            return self._page(
                request,
                "trace.html",
                page_data,
                trace=trace_of(trace_id, stored),
                jaeger=f"{self._jaeger}/trace/{trace_id:032x}",
            )

    def trace_json(self, request: Request) -> Response:
        """Return a trace as OTLP/JSON."""
        trace_id = _trace_id(request.path_params["trace_id"])
        return self._store.trace_json(request, trace_id.to_bytes(16, "big"))

    def span(self, request: Request) -> Response:
        """Show the details of a span."""
        trace_id = _trace_id(request.path_params["trace_id"])
        span_id = str(request.path_params["span_id"])
        return self._store.span(request, trace_id.to_bytes(16, "big"), span_id)


def _frame(view: View, path: str) -> dict[str, Any]:
    """Return the context of the layout of every page with a view."""
    of_view = path if path in {"/", "/calls"} else "/"
    hidden = view.parameters()
    return {
        "view": view,
        "path": path,
        "form_path": of_view,
        "windows": window_tabs(view, of_view),
        "active": list(described_filters(view, of_view)),
        "filters": FILTERS,
        "first_filters": FIRST_FILTERS,
        "more_open": bool(view.active_filters().keys() - set(FIRST_FILTERS)),
        "kept": {
            name: hidden[name]
            for name in ("window", "since", "until", "by", "live")
            if name in hidden
        },
        "clear": view.url(of_view, **dict.fromkeys((*FILTERS, "failed"))),
        "home": view.url("/"),
        "list": view.url("/calls"),
        "toggle_live": view.url(of_view, live="0" if view.live else None),
    }


def _conditions(ledger: Ledger, view: View, until_ns: int | None) -> tuple[list[str], list[Any]]:
    conditions, values = with_same_models(ledger, view.filters).conditions("calls")
    window = view.window
    until = window.until_ns if until_ns is None else min(until_ns, window.until_ns)
    return (
        ["start_ns >= ?", "start_ns < ?", BILLED, *conditions],
        [window.since_ns, until, *values],
    )


def _whole_number(text: str | None) -> int | None:
    if not text or not text.isascii() or not text.isdigit():
        return None
    number = int(text[:20])
    return number if number < 2**63 - 2**58 else None


def _trace_id(text: str) -> int:
    if not is_trace_id(text):
        raise HTTPException(404, "a trace id has 32 hexadecimal digits")
    return int(text, 16)
