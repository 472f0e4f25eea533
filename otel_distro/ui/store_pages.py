"""The pages over the trace store: traces, one trace, logs, metrics."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from otel_cost_ledger.model.location import ClickHouseUrl
from otel_distro.ui import (
    compare_page,
    exports,
    log_page,
    metric_page,
    service_page,
    session_page,
    trace_list_page,
    trace_page,
)
from otel_distro.ui.rendering import render
from otel_distro.ui.store_view import (
    SORTS,
    WINDOWS,
    StoreView,
    read_store_view,
    trace_id_in,
)
from otel_trace_store.limits import METRICS_FOLDER
from otel_trace_store.reader import StoreReader
from otel_trace_store.schema import NameKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from starlette.requests import Request

    from otel_cost_ledger.model.location import Location

SEEN: Final = "x-otel-distro-seen"
"""Request header with the tag of the page in the browser; 204 if unchanged."""
_QUERY_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class StorePageData:
    """The data of one request."""

    reader: StoreReader
    view: StoreView
    request: Request


class StorePages:
    """The endpoints; Starlette runs them on threads."""

    def __init__(
        self,
        folder: Path,
        now: Callable[[], datetime],
        jaeger: str,
        ledger: Location | None = None,
    ) -> None:
        self._folder = folder
        # A Collector that fills a ledger in ClickHouse also stores whole traces.
        self._fleet = ledger if isinstance(ledger, ClickHouseUrl) else None
        self._now = now
        self._jaeger = jaeger

    @contextmanager
    def load(self, request: Request) -> Iterator[StorePageData]:
        """Open the store for one response, with a time limit."""
        # Programs store their own metrics in a folder beside the received ones.
        own = [self._folder.with_name(METRICS_FOLDER)]
        others = own if request.url.path.startswith("/metrics") else []
        with StoreReader(self._folder, *others) as reader:
            reader.limit_time(_QUERY_SECONDS)
            view = read_store_view(dict(request.query_params), self._now())
            yield StorePageData(reader, view, request)

    def traces(self, request: Request) -> Response:
        """List traces; a trace id redirects to its trace."""
        trace_id = trace_id_in(request.query_params.get("q", ""))
        if trace_id:
            with self.load(request) as at:
                if trace_page.is_stored(at.reader, bytes.fromhex(trace_id)):
                    return RedirectResponse(f"/trace/{trace_id}", 303)
        return self._listed(request, "/traces", "traces.html", trace_list_page.content)

    def logs(self, request: Request) -> Response:
        """List log records."""
        return self._listed(request, "/logs", "logs.html", log_page.content)

    def metrics(self, request: Request) -> Response:
        """List metrics, or show one."""
        return self._listed(request, "/metrics", "metrics.html", metric_page.content)

    def sessions(self, request: Request) -> Response:
        """List sessions."""
        return self._listed(request, "/sessions", "sessions.html", session_page.content)

    def services(self, request: Request) -> Response:
        """Show services and operations."""
        return self._listed(request, "/services", "services.html", service_page.content)

    def compare(self, request: Request) -> Response:
        """Compare two traces or two windows."""
        with self.load(request) as at:
            values = compare_page.content(at.reader, at.view, dict(request.query_params))
            return HTMLResponse(render("compare.html", **frame(at, "/compare"), **values))

    def export(self, request: Request) -> Response:
        """Return the items of a page as a file; raises `HTTPException` 404 for another name."""
        name = str(request.path_params["name"])
        form = str(request.path_params["form"])
        rows = {"traces": exports.traces, "logs": exports.logs, "metrics": exports.metrics}
        if name not in rows or form not in exports.FORMATS:
            raise HTTPException(404, f"there is no file {name}.{form} here")
        with self.load(request) as at:
            return exports.answer(rows[name](at.reader, at.view), name, form)

    def _listed(
        self,
        request: Request,
        path: str,
        template: str,
        content: Callable[[StoreReader, StoreView], dict[str, Any]],
    ) -> Response:
        with self.load(request) as at:
            mark = at.reader.mark()
            if request.headers.get(SEEN) == mark:
                return Response(status_code=204)
            values = content(at.reader, at.view)
            return HTMLResponse(
                render(template, **frame(at, path), **values, mark=mark, refreshes=at.view.live)
            )

    def trace(self, request: Request, trace_id: bytes) -> Response | None:
        """Show one trace; None if the store does not have it."""
        with self._load_trace(request, trace_id) as at:
            values = trace_page.content(at.reader, trace_id, dict(request.query_params))
            if values is None:
                return None
            return HTMLResponse(
                render("whole_trace.html", **frame(at, "/traces"), **values, jaeger=self._jaeger)
            )

    def span(self, request: Request, trace_id: bytes, span_id: str) -> Response:
        """Show the details of one span, for the page of its trace; raises 404 if unknown."""
        with self._load_trace(request, trace_id) as at:
            values = trace_page.content(at.reader, trace_id, {"span": span_id})
            if values is None or values["detail"] is None:
                raise HTTPException(404, "the store has no such span")
            return HTMLResponse(render("span_detail.html", **values))

    def trace_json(self, request: Request, trace_id: bytes) -> Response:
        """Return one trace as OTLP/JSON."""
        with self._load_trace(request, trace_id) as at:
            return trace_page.as_otlp(at.reader, trace_id)

    @contextmanager
    def _load_trace(self, request: Request, trace_id: bytes) -> Iterator[StorePageData]:
        """Open the store that has a trace: this host's, else the fleet's."""
        with self.load(request) as at:
            if self._fleet is None or trace_page.is_stored(at.reader, trace_id):
                yield at
                return
            from otel_distro.ui.fleet_traces import store_of_trace

            with store_of_trace(self._fleet, trace_id) as found:
                yield at if found is None else StorePageData(found, at.view, request)


def frame(at: StorePageData, path: str) -> dict[str, Any]:
    """Return the context of the layout of every page over the store."""
    view, reader = at.view, at.reader
    return {
        "path": path,
        "sview": view,
        "windows": [
            (name, title, view.url(path, window=name, before=None), name == view.window)
            for name, (title, _) in WINDOWS.items()
        ],
        "sorts": SORTS,
        "chips": view.chips(path),
        "clear": path,
        "form_path": path,
        "services": reader.names(NameKind.SERVICE),
        "operations": reader.names(NameKind.OPERATION),
        "models": reader.names(NameKind.MODEL),
        "agents": reader.names(NameKind.AGENT),
        "events": reader.names(NameKind.EVENT),
        "toggle_live": view.url(path, live="0" if view.live else None),
        "csv": view.url(f"{path}.csv"),
        "json": view.url(f"{path}.json"),
        "remarks": view.problems,
    }
