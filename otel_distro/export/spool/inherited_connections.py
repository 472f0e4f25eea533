"""Closes the connections that a forked child inherits, and gives it new ones.

Nothing here may block: a thread of the parent that was sending during the fork may hold the HTTP
client's locks, and no thread of the child ever releases them.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Queue
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from otel_host.descriptors import identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_host.descriptors import Identity

_left_alone: Final[list[Any]] = []
"""Objects that must never be freed: urllib3 takes a lock when it frees the pools of a container."""


def renew_connections(transport: Any) -> None:
    """Give *transport*, of the OTLP exporter over HTTP, new pools and locks."""
    session = getattr(transport, "_session", None)
    cookies: Any = getattr(session, "cookies", None)
    if hasattr(cookies, "_cookies_lock"):
        cookies._cookies_lock = threading.RLock()
    for manager in _pool_managers(transport, session):
        inherited = manager.pools
        _left_alone.append(inherited)
        manager.pools = type(inherited)(getattr(inherited, "_maxsize", 10))
        _empty(inherited)


def drop_lost_connections(transport: Any) -> None:
    """Drop idle connections whose socket the program closed: its descriptor may be reused."""
    for connection in _idle(transport):
        sock = connection.sock
        if sock is not None and identity(sock.fileno()) != _sockets.get(connection):
            with suppress(Exception):
                sock.detach()
            connection.sock = None


def remember_connections(transport: Any) -> None:
    """Record the sockets of the idle connections of *transport*; call it after each request."""
    for connection in _idle(transport):
        sock = connection.sock
        if sock is not None:
            _sockets[connection] = identity(sock.fileno())


def _idle(transport: Any) -> Iterator[Any]:
    for manager in _pool_managers(transport, getattr(transport, "_session", None)):
        for pool in list(getattr(manager.pools, "_container", {}).values()):
            waiting = getattr(pool, "pool", None)
            for connection in list(getattr(waiting, "queue", ())):
                if getattr(connection, "sock", None) is not None:
                    yield connection


_sockets: Final[WeakKeyDictionary[Any, Identity | None]] = WeakKeyDictionary()


def _pool_managers(transport: Any, session: Any) -> Iterator[Any]:
    managers = [getattr(transport, "_pool", None)]
    for adapter in getattr(session, "adapters", {}).values():
        managers += [getattr(adapter, "poolmanager", None)]
        managers += getattr(adapter, "proxy_manager", {}).values()
    yield from (manager for manager in managers if hasattr(manager, "pools"))


def _empty(pools: Any) -> None:
    """Close idle connections in *pools* without locking; the parent's copies are unaffected."""
    for pool in list(getattr(pools, "_container", {}).values()):
        waiting = getattr(pool, "pool", None)
        for connection in list(getattr(waiting, "queue", ())):
            with suppress(Exception):  # a connection that was never opened has no socket
                connection.sock.close()
        if isinstance(waiting, Queue):
            # urllib3 clears it at interpreter exit, and takes its lock for that.
            Queue.__init__(waiting, waiting.maxsize)
