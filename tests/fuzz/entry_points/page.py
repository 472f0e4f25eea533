"""The page: any address, parameter and header gets a page, a refusal or nothing, never an error."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from hypothesis import strategies as st

from fuzz.entry_points.entry_point import NASTY, EntryPoint, texts
from otel_distro.settings import Settings
from support.otlp_archive import chat_span, write_archive

MARKUP = '"><planted onx=1>'
"""Appears unescaped in no page: neither from an address nor from recorded data."""
_TRACE = f"{1:032x}"
_PATHS = (
    *("/", "/calls", "/calls.csv", "/find", "/traces", "/logs", "/metrics", "/sessions"),
    *("/services", "/compare", "/traces.json", "/logs.csv", "/static/ui.css", "/static/../app.py"),
    *("/panel/spend", "/panel/latency", "/panel/budgets", "/panel/", f"/trace/{_TRACE}"),
    *(f"/trace/{_TRACE}.json", f"/trace/{_TRACE}/span/{1:016x}"),
)
_NAMES = (
    *("window", "since", "until", "by", "live", "failed", "q", "at", "until_ns", "sort", "before"),
    *("severity", "attribute", "trace", "span", "all", "a", "b", "service", "model", "provider"),
    *("user", "session", "tenant", "agent", "name", "min_ms", "max_ms", "page", "metric", "order"),
)
_HEADERS = (
    *("host", "x-otel-distro-seen", "cookie", "range", "if-none-match", "if-modified-since"),
    *("accept-encoding", "origin", "authorization", "content-length", "x-forwarded-host"),
)
_values = texts | st.sampled_from([MARKUP, "7d", "24h", "month", "model", "1", _TRACE, "shop"])


class Visit(NamedTuple):
    """One request."""

    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    method: str


_visits = st.builds(
    Visit,
    st.sampled_from(_PATHS)
    | st.builds("/{}/{}".format, st.sampled_from(["trace", "panel", "static", "x"]), _values)
    | _values.map("/{}".format),
    st.lists(st.tuples(st.sampled_from(_NAMES) | texts, _values), max_size=5),
    st.lists(st.tuples(st.sampled_from(_HEADERS), _values), max_size=2),
    st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT"]),
)


def check(visit: Visit) -> None:
    """No fault, no markup from outside, the page's policy on every answer."""
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in visit.query)
    headers = [(name, value.encode("utf-8", "replace")) for name, value in visit.headers]
    answer = _client().request(
        visit.method, f"{quote(visit.path, errors='replace')}?{query}", headers=headers,
        follow_redirects=False,
    )  # fmt: skip
    assert answer.status_code < 500, answer.text
    assert MARKUP not in answer.text or "html" not in answer.headers.get("content-type", "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    location = answer.headers.get("location", "/")
    assert location.startswith(("/", "http://127.0.0.1")), location
    assert not location.startswith(("//", "/\\")), location


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


@cache
def _client() -> Any:
    from starlette.testclient import TestClient

    from otel_distro.server.importing import import_files
    from otel_distro.ui.app import Site, make_app

    folder = Path(tempfile.mkdtemp(prefix="otel-distro-fuzz-page-"))
    nasty = [text for text in NASTY if text.isprintable() and text]
    spans = [
        chat_span(number, **{"gen_ai.request.model": name, "user.id": name, "session.id": name})
        for number, name in enumerate([MARKUP, *nasty])
    ]
    ledger = folder / "ledger.db"
    import_files([write_archive(folder / "a.jsonl", *spans)], ledger, report=lambda _line: None)
    site = Site(
        ledger,
        Settings(state_dir=folder),
        now=lambda: datetime(2026, 1, 2, 3, tzinfo=UTC),
    )
    return TestClient(make_app(site), base_url="http://127.0.0.1:4320")


ENTRY_POINT = EntryPoint(_visits, check, few=30)
