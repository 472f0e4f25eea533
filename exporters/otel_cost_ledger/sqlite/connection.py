"""SQLite connections of the ledger: writers and readers."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from otel_cost_ledger.model.errors import LedgerError, NewerSchemaError
from otel_cost_ledger.model.schema import APPLICATION_ID, SCHEMA_VERSION
from otel_cost_ledger.sqlite.forking import TrackedConnection, check_not_inherited, track
from otel_cost_ledger.sqlite.migrations import migrate
from otel_cost_ledger.sqlite.paths import prepare_file
from otel_host.private_files import narrow_mode

if TYPE_CHECKING:
    from pathlib import Path

Synchronous = Literal["NORMAL", "FULL"]
"""Durability of a commit. NORMAL survives a killed process; FULL survives a power cut too."""

DEFAULT_BUSY_TIMEOUT_MS: Final = 5_000


_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_APPLICATION_ID: Final = slice(68, 72)


def open_writer(
    path: Path,
    *,
    synchronous: Synchronous = "NORMAL",
    busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
) -> sqlite3.Connection:
    """Return a connection that writes to *path*, creating or migrating the ledger first.

    Raises `LedgerError` for a file that must not be changed and `sqlite3.Error` for SQLite's
    errors.
    """
    check_not_inherited(path)
    prepare_file(path)
    _check_content(path)
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_ms / 1000,
        isolation_level=None,
        # The writer serialises its threads with a lock; the last flush may run on another thread.
        check_same_thread=False,
        factory=TrackedConnection,
    )
    track(connection, path)
    try:
        version = schema_version(connection, path)
        if version > SCHEMA_VERSION:
            raise newer_schema(path, version)
        narrow_mode(path)  # only now: before the checks it might have been another program's file
        _configure(connection, path, synchronous)
        if version < SCHEMA_VERSION:
            migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_content(path: Path) -> None:
    """Raise LedgerError for a file that never was a database, such as a text or an image.

    A damaged ledger still has the first bytes of its header or its application id, or is all zeros.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if (
        header.strip(b"\0")
        and not header.startswith(_MAGIC)
        and header[_APPLICATION_ID] != APPLICATION_ID.to_bytes(4)
    ):
        raise LedgerError(f"{path} is not a cost ledger and is left unchanged; choose another path")


def _configure(connection: sqlite3.Connection, path: Path, synchronous: Synchronous) -> None:
    # auto_vacuum counts only while the file is empty, and before WAL mode writes its header.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LedgerError(
            f"the file system of {path} cannot share memory between processes "
            f"(journal mode is {mode!r}); choose a file on a local disk"
        )
    connection.execute(f"PRAGMA synchronous = {'FULL' if synchronous == 'FULL' else 'NORMAL'}")
    connection.execute("PRAGMA trusted_schema = OFF")
    # The next checkpoint truncates a WAL that grew in a large import.
    connection.execute(f"PRAGMA journal_size_limit = {16 * 2**20}")


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a read-only connection to *path*, also in a read-only directory.

    In a read-only directory SQLite cannot create its shared-memory file and refuses a WAL database.
    Opened as immutable it is readable, without data that other processes have not checkpointed yet.
    """
    path = path.absolute()
    check_not_inherited(path)
    location = f"file:{quote(str(path))}?mode=ro"
    last_error: sqlite3.Error | None = None
    for uri in (location, f"{location}&immutable=1"):
        try:
            connection = sqlite3.connect(
                uri,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                factory=TrackedConnection,
            )
        except sqlite3.OperationalError as error:  # for example for a folder
            last_error = error
            continue
        track(connection, path)
        try:
            schema_version(connection, path)
        except sqlite3.OperationalError as error:
            connection.close()
            last_error = error
        except sqlite3.DatabaseError as error:
            connection.close()
            _check_content(path)
            raise LedgerError(
                f"{path} is not a readable ledger: {error}; "
                f"the next write sets it aside and starts a new one"
            ) from error
        else:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            return connection
    raise LedgerError(f"cannot read cost ledger {path}: {last_error}") from last_error


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version of the file; 0 for an empty file.

    Raises `LedgerError` for the database of another program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and (version or objects):
        raise LedgerError(
            f"{path} is the database of another program, not a cost ledger; choose another path"
        )
    return int(version)


def newer_schema(path: Path, version: int) -> NewerSchemaError:
    """Describe a ledger created by a later version of this package."""
    return NewerSchemaError(
        f"{path} has schema {version}, this version of otel-distro knows up to {SCHEMA_VERSION}; "
        f"upgrade otel-distro or choose another ledger"
    )
