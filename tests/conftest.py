"""Fixtures for the whole suite."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.postgres_server import programs, server

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings and corpora beside the project, where there is one."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("no ../shared/data beside the project: recordings and corpora are not here")
    return data


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of this test run; its URL, with the password."""
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is missing: pip install 'otel-distro[postgres]'")
    # Not below pytest's own folder, which only the user who runs the tests can enter.
    folder = Path(tempfile.mkdtemp(prefix="otel-distro-postgres-"))
    try:
        with server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)
