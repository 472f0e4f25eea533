"""The web application: a few routes, each a read-only view of the ledger."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from otel_cost_ledger.model.errors import LedgerError
from otel_distro.stack.places import PLACES
from otel_distro.ui.ledger_pages import LedgerPages
from otel_distro.ui.rendering import compile_all, render
from otel_distro.ui.security import Access, Guarded
from otel_distro.ui.settings_page import CONSENT, PATH, SettingsPages
from otel_distro.ui.store_pages import StorePages
from otel_trace_store.errors import TraceStoreError
from otel_trace_store.limits import FOLDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from otel_cost_ledger.model.location import Location
    from otel_distro.settings import Settings

STATIC: Final = Path(__file__).with_name("static")
(JAEGER,) = (place.url for place in PLACES if place.service == "jaeger")


@dataclass(frozen=True, slots=True)
class Site:
    """Configuration of the page and its access control."""

    location: Location
    settings: Settings
    access: Access = field(default_factory=Access)
    jaeger: str = JAEGER
    """Base URL of the trace viewer, without a trailing slash."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    store: Path | None = None
    """Folder of the trace store; None for the one in the state folder."""


def make_app(site: Site) -> ASGIApp:
    """Return the application for *site*; it writes only the consent decision."""
    store = StorePages(
        site.store or site.settings.state_dir / FOLDER, site.now, site.jaeger, site.location
    )
    pages = LedgerPages(site.location, site.settings, site.now, site.jaeger, store)
    settings = SettingsPages(site.settings, site.access)
    compile_all()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Counted in advance, so that the results are ready when a browser opens the page.
        threading.Thread(target=pages.warm_up, name="otel_distro-ui-warm", daemon=True).start()
        yield
        pages.query_cache.close()

    app = Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/panel/{name}", pages.panel),
            Route("/calls", pages.calls),
            Route("/calls.csv", pages.calls_csv),
            Route("/costs.csv", pages.costs_csv),
            Route("/find", pages.find),
            Route(PATH, settings.show),
            Route(CONSENT, settings.decide, methods=["POST"]),
            *_store_routes(pages, store),
            Route("/trace/{trace_id}", pages.trace),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={
            HTTPException: _refused,
            LedgerError: _failed,
            TraceStoreError: _failed,
            500: _failed,
        },
        lifespan=lifespan,
    )
    return Guarded(app, site.access, frozenset({CONSENT}))


def _store_routes(pages: LedgerPages, store: StorePages) -> list[Route]:
    return [
        Route("/traces", store.traces),
        Route("/logs", store.logs),
        Route("/metrics", store.metrics),
        Route("/sessions", store.sessions),
        Route("/services", store.services),
        Route("/compare", store.compare),
        Route("/{name}.{form}", store.export),
        Route("/trace/{trace_id}.json", pages.trace_json),
        Route("/trace/{trace_id}/span/{span_id}", pages.span),
    ]


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - this handler is registered for it
    title = "Not found" if error.status_code == 404 else "Not possible"
    detail = str(error.detail)
    if error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"There is no page at {request.url.path[:200]}."
    return _message(request, error.status_code, title, detail)


def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, TraceStoreError):
        return _message(request, 503, "The traces cannot be read", str(error))
    if isinstance(error, LedgerError):
        return _message(request, 503, "The ledger cannot be read", str(error))
    why = f"{type(error).__name__} while rendering this page; see the terminal for details"
    return _message(request, 500, "Internal error", why)


def _message(request: Request, status: int, title: str, text: str) -> Response:
    return HTMLResponse(
        render("message.html", title=title, text=text, path=request.url.path), status
    )
