"""A PostgreSQL server for a test run, in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_S = 30


def programs() -> Path | None:
    """Return the folder of the server's programs; None without an installed server."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).parent)
    return max(found, default=None)


@contextmanager
def server(folder: Path, *, fsync: bool = False) -> Iterator[str]:
    """Run a server in *folder* and yield the URL of its database, password included."""
    bin_folder = programs()
    assert bin_folder is not None
    data = folder / "data"
    password_file = folder / "password"
    password_file.write_text("correct-horse\n")
    user = as_user(folder)
    _run(
        [
            *user,
            str(bin_folder / "initdb"),
            "-D",
            str(data),
            "-U",
            "otel",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]
    )
    port = free_port()
    options = [
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"port={port}",
        "-c",
        f"fsync={'on' if fsync else 'off'}",
        "-c",
        f"unix_socket_directories={folder}",
        "-c",
        "max_connections=40",
        "-c",
        "shared_buffers=32MB",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*user, str(bin_folder / "postgres"), "-D", str(data), *options],
            stdout=log,
            stderr=log,
            cwd="/",
        )
    try:
        _wait(port, process, folder / "log")
        yield f"postgresql://otel:correct-horse@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def empty(url: str) -> None:
    """End other sessions of the database and drop the tables of ledger and budgets."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for schema in ("otel_distro", "otel_distro_budget"):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def as_user(folder: Path) -> list[str]:
    """Return the command prefix that runs a program without root, which the server refuses."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120)
    assert done.returncode == 0, done.stderr


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        if "ready to accept connections" in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"the server does not answer on port {port}: {log.read_text()}")
