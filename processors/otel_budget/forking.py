"""What databases do around a fork: their connections do not survive one."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that has to be got ready for a fork."""

    def before_fork(self) -> None:
        """Get ready."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""


_open: weakref.WeakSet[Forkable] = weakref.WeakSet()


def shared_across_forks(database: Forkable) -> None:
    """Have *database* told of forks for as long as it lives."""
    _open.add(database)


def _each(action: str) -> None:
    for database in list(_open):
        getattr(database, action)()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _each("before_fork"),
        after_in_parent=lambda: _each("after_fork_in_parent"),
        after_in_child=lambda: _each("after_fork_in_child"),
    )
