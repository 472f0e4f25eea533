"""The files of a trace store: one SQLite database per day, or several for a large day.

Retention removes whole files, oldest first, which needs no lock and no vacuum. The name of a
segment is its creation time, so that names sort by age.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from otel_trace_store.errors import TraceStoreError
from otel_trace_store.schema import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX: Final = ".traces.db"
_NAME_FORMAT: Final = "%Y%m%dT%H%M%S%f"
_SIDE_FILES: Final = ("", "-wal", "-shm", "-journal")
_BUSY_SECONDS: Final = 5.0
_WAL_BYTES: Final = 32 * 2**20
_CACHE_KIB: Final = 16_384


def segment_files(folder: Path) -> list[Path]:
    """Return the segments in *folder*, oldest first; none without a folder."""
    with suppress(OSError):
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    return []


def made_at(path: Path) -> datetime | None:
    """Return the creation time of the segment at *path*; None for another name."""
    with suppress(ValueError):
        return datetime.strptime(path.name.removesuffix(SUFFIX), _NAME_FORMAT).replace(tzinfo=UTC)
    return None


def new_segment_path(folder: Path, now: datetime) -> Path:
    """Return the path for a segment created *now*, after all others in *folder*."""
    name = now.astimezone(UTC).strftime(_NAME_FORMAT)
    files = segment_files(folder)
    if files and files[-1].name.removesuffix(SUFFIX) >= name:
        # The clock was set back; segments stay in the order of creation.
        last = files[-1].name.removesuffix(SUFFIX)
        name = last[:-6] + f"{int(last[-6:]) + 1:06}"
    return folder / f"{name}{SUFFIX}"


def prepare_folder(folder: Path) -> None:
    """Create the private *folder* of a store; raises TraceStoreError if that fails."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file_stat = folder.lstat()
    except OSError as error:
        raise TraceStoreError(
            f"cannot make the folder {folder} for traces: {error.strerror}; "
            "name another with OTEL_DISTRO_STATE_DIR"
        ) from error
    if not stat.S_ISDIR(file_stat.st_mode):
        raise TraceStoreError(f"{folder} is a link or a file; move it away")
    if hasattr(os, "geteuid") and file_stat.st_uid != os.geteuid():
        raise TraceStoreError(f"{folder} belongs to user {file_stat.st_uid}; choose another folder")
    if file_stat.st_mode & 0o077:
        folder.chmod(0o700)


def open_writable(path: Path) -> sqlite3.Connection:
    """Return a connection that writes to the segment at *path*, created or migrated if necessary.

    Raises TraceStoreError for a foreign file and sqlite3.Error for one that SQLite cannot use.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    # Created with mode 0600 before SQLite opens it, which gives its side files the same mode.
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        version = _version(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA trusted_schema = OFF")
        _migrate(connection, version)
    except BaseException:
        connection.close()
        raise
    return connection


def open_readable(path: Path) -> sqlite3.Connection:
    """Return a read-only connection to the segment at *path*.

    Raises TraceStoreError for a foreign file, and sqlite3.Error.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        if _version(connection, path) == 0:
            raise TraceStoreError(f"{path} is empty")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open segment."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def is_current(path: Path) -> bool:
    """Return whether the segment at *path* has the current schema.

    An older one is only read: a write would have to index all of it again.
    """
    with suppress(sqlite3.Error, TraceStoreError), closing(open_readable(path)) as connection:
        return version_of(connection) == SCHEMA_VERSION
    return True  # opening it for writing reports the fault


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = version_of(connection)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (version or objects):
        raise TraceStoreError(f"{path} is the database of another program; move it away")
    if version > SCHEMA_VERSION:
        raise TraceStoreError(
            f"{path} has schema {version}, this version of otel-distro knows up to "
            f"{SCHEMA_VERSION}; upgrade otel-distro"
        )
    return version


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def size_of(path: Path) -> int:
    """Return the bytes on disk of the segment at *path*, side files included."""
    total = 0
    for side in _SIDE_FILES:
        with suppress(OSError):
            total += path.with_name(path.name + side).stat().st_size
    return total


def remove(path: Path) -> None:
    """Remove the segment at *path* and its side files; raises OSError."""
    for side in _SIDE_FILES:
        path.with_name(path.name + side).unlink(missing_ok=True)
