"""Connection pools for processes with several concurrent readers.

The page and the embedded collector run many queries on many threads; a connection for each costs
the server a process and the reader some 10 ms. Commands with one query open their own.
"""

from __future__ import annotations

import atexit
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from otel_host import fork_hooks
from otel_host.descriptors import keep_forever
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.location import PostgresUrl

MOST_CONNECTIONS: Final = 4
"""Maximum concurrent queries through pooled connections; further ones open their own."""
_WAIT_S = 1.0
_IDLE_S: Final = 60.0
_CLOSE_S: Final = 1.0


class _Pools:
    """The pools of this process, one for each database, created on first use."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sharing = False
        self.pools: dict[tuple[tuple[str, str], ...], Any] = {}

    def pool(self, url: PostgresUrl, connect: Callable[[], dict[str, Any]]) -> Any:
        """Return the pool of *url*; None if connections are not pooled."""
        if not self.sharing:
            return None
        key = tuple(sorted(url.parameters.items()))
        with self.lock:
            pool = self.pools.get(key)
            if pool is None:
                pool = self.pools[key] = _new_pool(connect())
            return pool


_here: _Pools = _Pools()


def share_connections() -> bool:
    """Pool the connections of this process's readers from now on.

    Returns False, and changes nothing, without the package `psycopg_pool`. A forked child creates
    its own pools; all are closed when the process ends.
    """
    if _here.sharing:
        return True
    if find_spec("psycopg_pool") is None:
        return False
    _here.sharing = True
    atexit.register(close_connections)
    fork_hooks.register(Stage.DATABASES, after_in_child=_reset)
    return True


def close_connections() -> None:
    """Close every pooled connection; the next reader opens its own."""
    with _here.lock:
        pools, _here.pools = list(_here.pools.values()), {}
        _here.sharing = False
    for pool in pools:
        pool.close(timeout=_CLOSE_S)


def borrow(url: PostgresUrl, connect: Callable[[], dict[str, Any]]) -> tuple[Any, Any]:
    """Return a connection to *url* and its pool, or (None, None) if the caller opens its own.

    *connect* returns the arguments of `psycopg.connect`. There is no wait for an unreachable server
    or an exhausted pool: the caller's own attempt then succeeds or reports the reason.
    """
    pool = _here.pool(url, connect)
    if pool is None:
        return None, None
    from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

    try:
        return pool.getconn(timeout=_WAIT_S), pool
    except (PoolTimeout, PoolClosed, TooManyRequests):
        return None, None


def shared_connections() -> int:
    """Return the number of pooled connections of this process."""
    with _here.lock:
        return sum(pool.get_stats().get("pool_size", 0) for pool in _here.pools.values())


def _new_pool(arguments: dict[str, Any]) -> Any:
    from psycopg_pool import ConnectionPool

    return ConnectionPool(
        "",
        kwargs=arguments,
        min_size=0,
        max_size=MOST_CONNECTIONS,
        max_idle=_IDLE_S,
        reconnect_timeout=1.0,
        # A restarted server has closed the idle connections.
        check=ConnectionPool.check_connection,
        open=True,
        name="otel_distro",
    )


def _reset() -> None:
    """Reset after fork: the pools, their threads and locks belong to the parent."""
    # The lock is replaced, because a thread of the parent may hold it.
    global _here
    inherited, _here = _here, _Pools()
    _here.sharing = inherited.sharing
    keep_forever(inherited)
