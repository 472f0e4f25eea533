"""Ordered hooks around a fork.

`Stage` is the order. Before a fork the highest stage runs first: it stops work that needs the lower
ones. After the fork, in parent and child, the lowest runs first.

Earlier registered handlers of the standard library run later before a fork and earlier after it. So
a stage is registered on first use: the databases at import, the runtime once its providers exist.
"""

from __future__ import annotations

# Before any registration below: a fork waits for writers, which may log, so the lock of logging has
# to be free until then.
import logging  # noqa: F401
import os
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Stage(IntEnum):
    """The parts affected by a fork, from the lowest layer up."""

    DATABASES = 0
    """Connections, which do not survive a fork."""
    ACCOUNTS = 1
    """In-memory state of this process: budget leases, counts."""
    RUNTIME = 2
    """Threads, queues and exporters."""


class ForkAware(Protocol):
    """An object with locks or connections that a forked child must not use."""

    def before_fork(self) -> None:
        """Finish pending work, in bounded time, and close connections."""

    def after_fork_in_parent(self) -> None:
        """Continue."""

    def after_fork_in_child(self) -> None:
        """Reset: locks may be held by threads that do not exist in the child."""


@dataclass(slots=True)
class _Hooks:
    before: list[Callable[[], object]] = field(default_factory=list)
    after_in_parent: list[Callable[[], object]] = field(default_factory=list)
    after_in_child: list[Callable[[], object]] = field(default_factory=list)
    watched: weakref.WeakSet[ForkAware] = field(default_factory=weakref.WeakSet)


_stages: Final[dict[Stage, _Hooks]] = {}


def register(
    stage: Stage,
    *,
    before: Callable[[], object] | None = None,
    after_in_parent: Callable[[], object] | None = None,
    after_in_child: Callable[[], object] | None = None,
) -> None:
    """Call the hooks around every fork from now on; does nothing on platforms without fork.

    Hooks of a stage run in the order of their registration, before those of watched objects. Errors
    of a hook are ignored: the others still run, and the app's fork succeeds.
    """
    hooks = _installed(stage)
    if before is not None:
        hooks.before.append(before)
    if after_in_parent is not None:
        hooks.after_in_parent.append(after_in_parent)
    if after_in_child is not None:
        hooks.after_in_child.append(after_in_child)


def watch(stage: Stage, aware: ForkAware) -> None:
    """Call the methods of *aware* around every fork for as long as it lives."""
    _installed(stage).watched.add(aware)


def _installed(stage: Stage) -> _Hooks:
    for each in Stage:
        if each <= stage and each not in _stages:
            _stages[each] = _Hooks()
            _install(_stages[each])
    return _stages[stage]


def _install(hooks: _Hooks) -> None:
    if not hasattr(os, "register_at_fork"):
        return

    def before() -> None:
        _call(hooks.before)
        _call([aware.before_fork for aware in list(hooks.watched)])

    def after_in_parent() -> None:
        _call(hooks.after_in_parent)
        _call([aware.after_fork_in_parent for aware in list(hooks.watched)])

    def after_in_child() -> None:
        _call(hooks.after_in_child)
        _call([aware.after_fork_in_child for aware in list(hooks.watched)])

    os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )


def _call(actions: list[Callable[[], object]]) -> None:
    for action in actions:
        with suppress(Exception):
            action()
