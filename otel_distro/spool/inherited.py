"""Connections that a forked child inherits: its copies are closed, and it makes its own.

Nothing here may wait: the locks of the HTTP client may be held by a thread of the parent that was
sending at the moment of the fork, and nobody in the child will ever let go of them.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Queue
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_left_alone: Final[list[Any]] = []
"""What must never be freed: urllib3 takes a lock when it closes the pools of a lost container."""


def renew_connections(transport: Any) -> None:
    """Give *transport*, of the OTLP exporter over HTTP, pools and locks that nobody holds."""
    session = getattr(transport, "_session", None)
    cookies: Any = getattr(session, "cookies", None)
    if hasattr(cookies, "_cookies_lock"):
        cookies._cookies_lock = threading.RLock()  # noqa: SLF001
    for manager in _pool_managers(transport, session):
        inherited = manager.pools
        _left_alone.append(inherited)
        manager.pools = type(inherited)(getattr(inherited, "_maxsize", 10))
        _empty(inherited)


def _pool_managers(transport: Any, session: Any) -> Iterator[Any]:
    found = [getattr(transport, "_pool", None)]
    for adapter in getattr(session, "adapters", {}).values():
        found += [getattr(adapter, "poolmanager", None)]
        found += getattr(adapter, "proxy_manager", {}).values()
    yield from (manager for manager in found if hasattr(manager, "pools"))


def _empty(pools: Any) -> None:
    """Close what waits in *pools* without its locks; the parent's ends stay as they are."""
    for pool in list(getattr(pools, "_container", {}).values()):
        waiting = getattr(pool, "pool", None)
        for connection in list(getattr(waiting, "queue", ())):
            with suppress(Exception):  # a connection that was never opened has no socket
                connection.sock.close()
        if isinstance(waiting, Queue):
            # urllib3 empties it when the interpreter ends, and takes its lock for that.
            waiting.__init__(waiting.maxsize)  # type: ignore[misc]
