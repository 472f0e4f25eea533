"""A pgbouncer in front of a PostgreSQL server, for the time of a test."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from support.postgres_server import as_user
from support.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_S = 30


def program() -> str | None:
    """Return the path of the program; None where it is not installed."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pooler(server_url: str, *, mode: str, sessions: int) -> Iterator[str]:
    """Pool *sessions* sessions of the server in *mode*; yields the URL to use instead."""
    found = program()
    assert found is not None
    server, port = urlsplit(server_url), free_port()
    # Not below pytest's own folder, which only the user who runs the tests can enter.
    with tempfile.TemporaryDirectory(prefix="otel-distro-pgbouncer-") as name:
        folder = Path(name)
        user = as_user(folder)
        (folder / "pgbouncer.ini").write_text(
            f"""[databases]
postgres = host={server.hostname} port={server.port} user={server.username} \
password={server.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
"""
        )
        (folder / "pgbouncer.ini").chmod(0o644)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*user, found, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, cwd="/"
            )
        url = f"postgresql://otel@127.0.0.1:{port}/postgres"
        try:
            _wait(url, process, folder / "log")
            yield url
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            psycopg.connect(url, autocommit=True).close()
        except psycopg.OperationalError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        else:
            return
