"""Protection of SQLite connections across fork().

SQLite tracks per process which locks it holds on a file. A forked child inherits that state but not
the locks, so even its own connection, opened while an inherited one still exists, relies on locks
that do not exist: the parent then removes the WAL that the child writes to, and the child's rows
are lost without an error (observed). Therefore every connection is closed before a fork. If that is
impossible in time, the child does not use the file.
"""

from __future__ import annotations

import sqlite3
import weakref
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.errors import LedgerError
from otel_host import fork_hooks
from otel_host.descriptors import keep_forever
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from otel_host.fork_hooks import ForkAware

LONGEST_WAIT_S: Final = 2.0
"""Seconds that a fork waits for a current write."""


class TrackedConnection(sqlite3.Connection):
    """A connection registered as open until it is closed."""

    path: Path | None = None

    def close(self) -> None:
        """Close the connection."""
        super().close()
        _open.discard(self)


_open: Final[weakref.WeakSet[TrackedConnection]] = weakref.WeakSet()
_inherited: Final[list[TrackedConnection]] = []
_given_up: Final[list[TrackedConnection]] = []


def watch(aware: ForkAware) -> None:
    """Call the methods of *aware* around every fork; each may take `LONGEST_WAIT_S`."""
    fork_hooks.watch(Stage.DATABASES, aware)


def track(connection: TrackedConnection, path: Path) -> None:
    """Register *connection* to *path* as open."""
    connection.path = path
    _open.add(connection)


def check_not_inherited(path: Path) -> None:
    """Raise `LedgerError` if the parent process had *path* open during the fork."""
    if any(connection.path == path for connection in _given_up):
        raise LedgerError(
            f"the program closed the descriptors of {path} and reused their numbers;"
            " calls go to the spill file, which the next process stores"
        )
    if any(connection.path == path for connection in _inherited):
        raise LedgerError(
            f"this process was forked while {path} was in use, so SQLite's locks cannot be"
            f" trusted here; calls go to the spill file, which other processes store"
        )


def abandon_connection(connection: sqlite3.Connection) -> None:
    """Never use, close or free *connection* again: its descriptors now belong to the program."""
    keep_forever(connection)
    if isinstance(connection, TrackedConnection):
        _open.discard(connection)
        _given_up.append(connection)


def _after_in_child() -> None:
    # Kept for ever: an inherited connection must be neither closed nor used.
    for connection in _open:
        keep_forever(connection)
        _inherited.append(connection)
    _open.clear()


fork_hooks.register(Stage.DATABASES, after_in_child=_after_in_child)
