"""Erasure of a person: calls lose the link to them, or are deleted; sums stay exact.

It works in small steps, as retention does, so that writers hardly wait. Deleted data is
overwritten, also in the write-ahead log.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.location import PostgresUrl, written_here
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.sums import PEOPLE_TABLES
from otel_cost_ledger.sqlite.connection import open_writer
from otel_cost_ledger.sqlite.paths import check_private, identity
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_host.file_locks import wait_and_lock
from otel_host.private_files import open_private, replacing

if TYPE_CHECKING:
    from pathlib import Path

    from otel_cost_ledger.model.location import Location

_CHUNK: Final = 500
_BUSY_MS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Counts of a person's erased data."""

    unlinked_calls: int = 0
    """Calls that remain without a user."""
    deleted_calls: int = 0
    waiting_calls: int = 0
    """Calls in the spill file."""


def forget_user(
    location: Location, user_id: int, *, erase: bool = False, spill: Path | None = None
) -> Forgotten:
    """Unlink the calls of the user stored as *user_id*, or with *erase* delete them.

    Their sessions are unlinked as well, since a session identifies its user. *spill* is the spill
    file of queued calls. Raises `LedgerError` or the database's own error; completed steps are not
    undone.
    """
    location = written_here(location)
    waiting = _rewrite_spill(spill, user_id, erase=erase) if spill is not None else 0
    with suppressed():
        if isinstance(location, PostgresUrl):
            from otel_cost_ledger.postgres.connection import open_for_writing

            with open_for_writing(location, timeout_ms=_BUSY_MS) as connection:
                unlinked, deleted = _forget(connection, user_id, erase=erase)
            return Forgotten(unlinked_calls=unlinked, deleted_calls=deleted, waiting_calls=waiting)
        if not location.exists():
            return Forgotten(waiting_calls=waiting)
        writer = open_writer(location, busy_timeout_ms=_BUSY_MS)
        writer_lock = WriterLock(location.with_name(location.name + ".lock"), _BUSY_MS / 1000)
        try:
            writer.execute("PRAGMA secure_delete = ON").fetchall()
            unlinked, deleted = _forget(writer, user_id, erase=erase, writer_lock=writer_lock)
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            writer_lock.close()
            writer.close()
    return Forgotten(unlinked_calls=unlinked, deleted_calls=deleted, waiting_calls=waiting)


def _forget(
    connection: Any, user_id: int, *, erase: bool, writer_lock: WriterLock | None = None
) -> tuple[int, int]:
    # Selected before the lock is taken: there is no index on users, so this reads every call.
    keys = connection.execute(
        "SELECT start_ns, span_id FROM calls WHERE user_id = ?", [user_id]
    ).fetchall()
    others = connection.execute(
        "SELECT start_ns, span_id FROM calls WHERE user_id IS NULL AND session_id IN"
        " (SELECT DISTINCT session_id FROM calls WHERE user_id = ? AND session_id IS NOT NULL)",
        [user_id],
    ).fetchall()
    unlink = "UPDATE calls SET user_id = NULL, session_id = NULL WHERE start_ns = ? AND span_id = ?"
    delete = "DELETE FROM calls WHERE start_ns = ? AND span_id = ?"
    _each(connection, unlink, others, writer_lock)
    _each(connection, delete if erase else unlink, keys, writer_lock)
    if erase:
        _each(connection, delete.replace("calls", "replaced_prices"), keys, writer_lock)
        for table in PEOPLE_TABLES:
            # The sums over all persons stay, as the daily ones do.
            _each(
                connection, f"DELETE FROM {table.name} WHERE user_id = ?", [(user_id,)], writer_lock
            )
    unlinked = len(others) + (0 if erase else len(keys))
    return unlinked, len(keys) if erase else 0


def _each(connection: Any, statement: str, keys: list[Any], writer_lock: WriterLock | None) -> None:
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        if writer_lock is None:
            with connection.transaction():
                for key in chunk:
                    connection.execute(statement, list(key))
            continue
        with writer_lock.held():
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(statement, chunk)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise


def _rewrite_spill(spill: Path, user_id: int, *, erase: bool) -> int:
    """Rewrite the spill file without the user; return the number of changed calls."""
    check_private(spill)
    try:
        descriptor = open_private(spill, os.O_RDWR)
    except FileNotFoundError:
        return 0
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
        wait_and_lock(descriptor)
        opened = os.fstat(descriptor)
        if (opened.st_dev, opened.st_ino) != identity(spill):
            return 0  # replayed meanwhile; its calls are in the ledger now
        kept, changed = _without(list(lines), user_id, erase=erase)
        if changed:
            # Writers waiting for the lock see that the file was replaced, and open the new one.
            with replacing(spill) as new:
                new.writelines(line.encode() for line in kept)
    return changed


def _without(lines: list[str], user_id: int, *, erase: bool) -> tuple[list[str], int]:
    from otel_cost_ledger.model.entries import Entry, from_line, to_line
    from otel_cost_ledger.model.rows import Row

    kept: list[str] = []
    changed = 0
    for line in lines:
        try:
            entry = from_line(line)
        except ValueError:
            kept.append(line)
            continue
        row = entry.row
        if isinstance(row, Row) and row.user_id == user_id:
            changed += 1
            if erase:
                continue
            bare = row._replace(user_id=None, session_id=None)
            kept.append(to_line(Entry(entry.kind, bare)))
        else:
            kept.append(line)
    return kept, changed
