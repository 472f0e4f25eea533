"""Keeping SQLite and fork() apart.

SQLite remembers per process which locks it holds on a file. A forked child inherits that memory
but not the locks, so even a connection of its own, opened while an inherited one is still around,
believes in locks that are not there: the parent then removes the WAL that the child writes to, and
what the child stored is gone without an error (we have seen it). Therefore every connection is
closed before a fork. Where that is impossible in time, the child leaves the file alone.
"""

from __future__ import annotations

# Before our own registration below: handlers run in reverse order before a fork, and ours has to
# wait for writers, which may want to log, while the lock of logging is still free.
import logging  # noqa: F401
import os
import sqlite3
import weakref
from typing import TYPE_CHECKING, Final, Protocol

from otel_cost_ledger.errors import LedgerError
from otel_host.descriptors import keep_forever

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_WAIT_S: Final = 2.0
"""How long a fork waits for a write that is under way."""


class ForkAware(Protocol):
    """Something that holds locks or connections that a forked child must not have."""

    def before_fork(self) -> None:
        """Finish what is under way, for at most `LONGEST_WAIT_S`, and close connections."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Start anew: locks may be held by threads that do not exist here."""
        ...


class TrackedConnection(sqlite3.Connection):
    """A connection that is known to be open until it is closed."""

    path: Path | None = None

    def close(self) -> None:
        """Close the connection."""
        super().close()
        _open.discard(self)


_open: Final[weakref.WeakSet[TrackedConnection]] = weakref.WeakSet()
_inherited: Final[list[TrackedConnection]] = []
_given_up: Final[list[TrackedConnection]] = []
_aware: Final[weakref.WeakSet[ForkAware]] = weakref.WeakSet()


def watch(aware: ForkAware) -> None:
    """Have *aware* told about every fork of this process."""
    _aware.add(aware)


def track(connection: TrackedConnection, path: Path) -> None:
    """Remember that *connection* to *path* is open."""
    connection.path = path
    _open.add(connection)


def check_not_inherited(path: Path) -> None:
    """Raise `LedgerError` if the parent process had *path* open when it forked this one."""
    if any(connection.path == path for connection in _given_up):
        raise LedgerError(
            f"the program closed our descriptors of {path} and opened files of its own in their"
            f" place; calls go to the spill file, which the next process stores"
        )
    if any(connection.path == path for connection in _inherited):
        raise LedgerError(
            f"this process was forked while {path} was in use, so SQLite's locks cannot be"
            f" trusted here; calls go to the spill file, which other processes store"
        )


def give_up(connection: sqlite3.Connection) -> None:
    """Never use, close or free *connection* again: its descriptors are the program's now."""
    keep_forever(connection)
    if isinstance(connection, TrackedConnection):
        _open.discard(connection)
        _given_up.append(connection)


def _before() -> None:
    for aware in list(_aware):
        aware.before_fork()


def _after_in_parent() -> None:
    for aware in list(_aware):
        aware.after_fork_in_parent()


def _after_in_child() -> None:
    # Kept for ever: closing an inherited connection is as forbidden as using it.
    for connection in _open:
        keep_forever(connection)
        _inherited.append(connection)
    _open.clear()
    for aware in list(_aware):
        aware.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
