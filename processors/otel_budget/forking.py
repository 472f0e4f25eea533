"""What databases do around a fork: their connections do not survive one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from otel_host.fork_hooks import ForkAware


def shared_across_forks(database: ForkAware) -> None:
    """Call the methods of *database* around every fork for as long as it lives."""
    fork_hooks.watch(Stage.DATABASES, database)
