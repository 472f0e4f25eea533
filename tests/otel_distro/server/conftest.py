"""A running embedded collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="serve needs `pip install 'otel-distro[serve]'`")

from support.otlp_messages import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module that do not end it."""
    server = Server(tmp_path_factory.mktemp("serve"))
    yield server
    server.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of one test."""
    made = Server(tmp_path)
    yield made
    made.close()
