"""Fixtures for the whole suite."""

from __future__ import annotations

import itertools
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from support import clickhouse_server
from support.postgres_server import empty, programs, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_cost_ledger.model.location import ClickHouseUrl

SHARED = Path(__file__).resolve().parents[2] / "shared"


# The everyday suite tries the same examples in every run, with any seed of their order.
# `--hypothesis-profile=search` looks for new ones; each finding becomes an `@example`.
# The duration of an example depends on the machine; benchmarks cover slow code.
settings.register_profile("everyday", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, print_blob=True, max_examples=300)
settings.load_profile("everyday")


def pytest_configure() -> None:
    """Handle signals as a foreground program, also in programs that tests start.

    A shell starts background jobs with SIGINT ignored, `nohup` with SIGHUP.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings and corpora beside the project, if present."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("no ../shared/data beside the project: recordings and corpora are not here")
    return data


@pytest.fixture(scope="session")
def clickhouse_engine() -> Iterator[str]:
    """ClickHouse's engine behind its HTTP interface for this test run; a URL without database."""
    if not clickhouse_server.is_here():
        pytest.skip(clickhouse_server.MISSING)
    folder = Path(tempfile.mkdtemp(prefix="otel-distro-clickhouse-"))
    try:
        with clickhouse_server.server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_databases = itertools.count(1)


@pytest.fixture
def clickhouse(clickhouse_engine: str) -> ClickHouseUrl:
    """A database with the tables of a ledger and no calls; rows stay ten years.

    The engine removes it at its end: dropping it would wait for merges.
    """
    from otel_cost_ledger.clickhouse.schema import MOST_DAYS, init
    from otel_cost_ledger.model.location import ClickHouseUrl

    url = ClickHouseUrl.parse(f"{clickhouse_engine}/test_{next(_databases)}")
    init(url, rows_days=MOST_DAYS)
    return url


@pytest.fixture(scope="session")
def postgres_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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


@pytest.fixture
def postgres_server(postgres_engine: str) -> str:
    """The URL of a PostgreSQL server, without the tables that another test left."""
    # Before a test, not after it: a writer that is shut down last writes its waiting calls.
    empty(postgres_engine)
    return postgres_engine
