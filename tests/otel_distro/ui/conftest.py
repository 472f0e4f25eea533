"""A month of a shop's calls, and the page over it without a browser."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the page needs `pip install 'otel-distro[ui]'`")

from starlette.testclient import TestClient

from otel_distro.settings import Settings
from otel_distro.ui.app import Site, make_app
from support.ui_ledger import write_month

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:4320"


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of a month that ends at NOW."""
    return write_month(tmp_path_factory.mktemp("month"), NOW)


@pytest.fixture
def visit(month: Path) -> Iterator[TestClient]:
    """A client of the page over that month, at NOW."""
    site = Site(month, Settings(state_dir=month.parent), now=lambda: NOW)
    with TestClient(make_app(site), base_url=ADDRESS) as client:
        yield client


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Make clients of other sites."""
    opened: list[TestClient] = []

    def make(ledger: Path | None = None, **how: object) -> TestClient:
        settings = how.pop("settings", None) or Settings(state_dir=tmp_path)
        site = Site(ledger or tmp_path / "ledger.db", settings, now=lambda: NOW, **how)  # type: ignore[arg-type]
        opened.append(TestClient(make_app(site), base_url=ADDRESS))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


class Page(HTMLParser):
    """A parsed page: elements, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._text).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [str(a["id"]) for _, a in self.elements if "id" in a]
