"""Health inside a running process: its file for other processes, and `/healthz` if enabled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from otel_distro.reports.health.board import Board
from otel_distro.reports.health.processes import Watched, state_of

if TYPE_CHECKING:
    from otel_distro.privacy.consent_gate import ConsentGate
    from otel_distro.settings import Settings


class Host(Watched, Protocol):
    """The health-related parts of a running distribution."""

    settings: Settings
    gate: ConsentGate


class HealthInside:
    """Health file and endpoint of a process; started once, restarted after fork."""

    def __init__(self, runtime: Host) -> None:
        self._runtime = runtime
        self._service = ""
        self._server: Any = None
        self._board = Board(runtime.settings.state_dir, self._state)

    def start(self, service: str) -> None:
        """Start for the process of *service*; raises only OS errors."""
        self._service = service
        self._board.start()
        port = self._runtime.settings.health_port
        if port:
            from otel_distro.reports.health.server import serve

            self._server = serve(self._runtime.settings, port)

    def close(self) -> None:
        """Mark this process as ended."""
        self._board.close()

    def at_fork(self) -> None:
        """Reset after fork; the parent continues to serve."""
        server, self._server = self._server, None
        if server is not None:
            server.leave()
        self._board.at_fork()

    def _state(self) -> dict[str, Any] | None:
        # Without consent nothing optional is written.
        return state_of(self._runtime, self._service) if self._runtime.gate.is_open() else None
