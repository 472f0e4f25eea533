"""Closes connections whose request heads do not arrive in time.

Without a deadline, a few hundred clients that send a byte a minute exhaust the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio


def patient_protocol(seconds: float) -> type[H11Protocol]:
    """Return a uvicorn protocol that waits *seconds* for a request head."""

    class PatientProtocol(H11Protocol):
        """HTTP/1.1 with a deadline for each request head, counted from the connection."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._head_is_there():
                self._stop()
            else:
                self._wait()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if not self.transport.is_closing():
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _head_is_there(self) -> bool:
            return self.conn.their_state not in {h11.IDLE, h11.ERROR}

        def _wait(self) -> None:
            # Further bytes do not extend the deadline.
            if self._deadline is None:
                self._deadline = self.loop.call_later(seconds, self._close)

        def _stop(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _close(self) -> None:
            self._deadline = None
            if not self._head_is_there() and not self.transport.is_closing():
                self.transport.close()

    return PatientProtocol
