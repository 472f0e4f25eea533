"""Telling writers that they live in a forked child now."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import sqlite3


class ForkAware(Protocol):
    """Something that holds what a forked child must not use."""

    def abandon_in_child(self) -> None:
        """Let go of the parent's connection, locks and waiting calls."""
        ...


_aware: Final[weakref.WeakSet[ForkAware]] = weakref.WeakSet()
_abandoned: Final[list[sqlite3.Connection]] = []


def watch(aware: ForkAware) -> None:
    """Have *aware* told when this process turns out to be a forked child."""
    _aware.add(aware)


def abandon(connection: sqlite3.Connection) -> None:
    """Keep an inherited connection alive for ever.

    SQLite forbids a child any use of it, and closing is a use: it could remove the parent's WAL.
    """
    _abandoned.append(connection)


def _after_fork_in_child() -> None:
    for aware in list(_aware):
        aware.abandon_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
