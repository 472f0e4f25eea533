"""Serves receivers and page on one event loop until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from otel_distro.ui.slow_clients import patient_protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from starlette.types import ASGIApp

    from otel_distro.server.limits import ReceiverLimits

_GRACE_SECONDS: Final = 2
_BACKLOG: Final = 128


class _Server(uvicorn.Server):
    """A server that leaves signal handling to its caller, which runs several servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


def serve_all(
    served: Sequence[tuple[ASGIApp, socket.socket]],
    limits: ReceiverLimits,
    started: Callable[[], object],
) -> None:
    """Serve each app on its socket until SIGINT or SIGTERM; call *started* when all are ready."""
    servers = [
        _Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=False,
                backlog=_BACKLOG,
                limit_concurrency=limits.connections,
                timeout_keep_alive=int(limits.head_seconds),
                timeout_graceful_shutdown=_GRACE_SECONDS,
                http=patient_protocol(limits.head_seconds),
                ws="none",
                lifespan="on",
            )
        )
        for app, _ in served
    ]
    listeners = [listener for _, listener in served]
    asyncio.run(_run(servers, listeners, started))


async def _run(
    servers: list[_Server], listeners: list[socket.socket], started: Callable[[], object]
) -> None:
    loop = asyncio.get_running_loop()

    def leave() -> None:
        for server in servers:
            if server.should_exit:
                server.force_exit = True
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, listener in zip(servers, listeners, strict=True)
    ]
    while not all(server.started for server in servers):
        if any(task.done() for task in tasks):
            break
        await asyncio.sleep(0.01)
    else:
        await loop.run_in_executor(None, started)
    await asyncio.gather(*tasks)
