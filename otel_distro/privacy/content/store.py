"""The message store beside the ledger: encrypted messages in a separate file, one row per call.

Only the columns to find, expire and erase messages are unencrypted: time, ids, and the user's
pseudonym. Opened for each use, so that no connection crosses a fork.
"""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.rows import signed_64, unsigned_64
from otel_cost_ledger.sqlite.paths import prepare_file
from otel_host.private_files import narrow_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

FILE_NAME = "content.db"
_BUSY_S = 5.0
_APPLICATION_ID = 0x4F544331
_TABLE = """
CREATE TABLE IF NOT EXISTS messages (
    start_ns INTEGER NOT NULL, span_id INTEGER NOT NULL, trace_id BLOB NOT NULL,
    user_id INTEGER, sealed BLOB NOT NULL,
    PRIMARY KEY (start_ns, span_id)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed messages of one call."""

    start_ns: int
    span_id: int
    trace_id: bytes
    user_id: int | None
    sealed: bytes

    @property
    def ids(self) -> bytes:
        """Data that the seal authenticates."""
        return self.trace_id + self.span_id.to_bytes(8, "big")


def write(path: Path, rows: Sequence[Sealed]) -> None:
    """Store *rows*; existing ones are unchanged. Raises LedgerError or sqlite3.Error."""
    with _opened(path, create=True) as connection:
        connection.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(r.start_ns, signed_64(r.span_id), r.trace_id, r.user_id, r.sealed) for r in rows],
        )


def read(path: Path, *, trace_id: bytes | None = None, limit: int = 20) -> list[Sealed]:
    """Return the latest *limit* rows, of one trace if given; raises as `write`."""
    if not path.exists():
        return []
    where, values = ("WHERE trace_id = ?", [trace_id]) if trace_id is not None else ("", [])
    with _opened(path) as connection:
        if not _has_table(connection):
            return []
        rows = connection.execute(
            f"SELECT start_ns, span_id, trace_id, user_id, sealed FROM messages {where}"
            " ORDER BY start_ns DESC LIMIT ?",
            [*values, limit],
        ).fetchall()
    return [Sealed(at, unsigned_64(span), trace, user, sealed)
            for at, span, trace, user, sealed in rows]  # fmt: skip


def delete_before(path: Path, horizon_ns: int) -> int:
    """Delete rows that began before; return their number."""
    return _delete(path, "start_ns < ?", horizon_ns)


def delete_user(path: Path, user_id: int) -> int:
    """Delete the messages of a user, beyond recovery; return the number of rows."""
    return _delete(path, "user_id = ?", user_id)


def delete_all(path: Path) -> int:
    """Delete everything; return the number of rows."""
    return _delete(path, "start_ns >= ?", -(2**63))


def _delete(path: Path, condition: str, value: int) -> int:
    if not path.exists():
        return 0
    with _opened(path) as connection:
        if not _has_table(connection):
            return 0  # another process is about to create it
        # Overwritten with zeros, not only unlinked from the tree.
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        deleted = connection.execute(f"DELETE FROM messages WHERE {condition}", [value]).rowcount
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return deleted


@contextmanager
def _opened(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    with suppressed():
        prepare_file(path)
        with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
            (known,) = connection.execute("PRAGMA application_id").fetchone()
            if known not in {0, _APPLICATION_ID}:
                raise LedgerError(f"{path} is the database of another program; it is left alone")
            narrow_mode(path)  # only now: the file might have belonged to another program
            if create:
                _retry(lambda: _create(connection))
            with connection:
                yield connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute(_TABLE)


def _has_table(connection: sqlite3.Connection) -> bool:
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages'").fetchone()
    return table is not None


def _retry(action: Callable[[], None]) -> None:
    """Retry *action* while SQLite is busy: changing the journal mode does not wait."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            busy = "locked" in str(error) or "busy" in str(error)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(random.SystemRandom().uniform(0.001, 0.01))
        else:
            return
