"""Imports telemetry that local programs spooled to disk for this receiver.

A program that exports to the default port while no server runs leaves its telemetry in the spool.
At start, this server reads the telemetry for its ports from there.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from otel_distro.base import messages
from otel_distro.base.formatting import counted
from otel_distro.export.spool.drain import drain, drain_lock
from otel_distro.export.spool.export_outcome import DELIVERED, ResponseClass, SendResult
from otel_distro.export.spool.offline import folders, waits
from otel_distro.server.decoding import PROTOBUF
from otel_distro.server.signals import METRICS, SIGNALS
from otel_distro.ui.serving import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_distro.export.spool.address import Address
    from otel_distro.server.ingest import Ingest

_ANSWER_SECONDS: Final = 60.0
_UNSET: Final = "0.0.0.0"  # noqa: S104 - an address that programs may export to


class LeftOnDisk:
    """Reads the spool once, on a background thread."""

    def __init__(self, state_dir: Path, ingest: Ingest, ports: frozenset[int]) -> None:
        self._state_dir = state_dir
        self._ingest = ingest
        self._ports = ports
        self._closing = False
        self._thread = threading.Thread(
            target=self._run, name="otel_distro-left-on-disk", daemon=True
        )

    def start(self) -> None:
        """Start reading the spool."""
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Stop after the current request."""
        self._closing = True
        self._thread.join(timeout)

    def _run(self) -> None:
        taken = 0
        for path, address in folders(self._state_dir):
            if self._is_for_us(address) and waits(path) and not self._closing:
                taken += self._take(path, address)
        if taken:
            messages.warn(f"received {counted(taken, 'record')} that programs had spooled on disk")

    def _is_for_us(self, address: Address) -> bool:
        endpoint = address.endpoint
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        try:
            port = parts.port
        except ValueError:
            return False
        name = parts.hostname or ""
        return (
            address.signal in SIGNALS
            and port in self._ports
            and (is_loopback(name) or name == _UNSET)
        )

    def _take(self, path: Path, address: Address) -> int:
        def send(payload: bytes, _on_sent: Callable[[], None]) -> SendResult:
            outcome = self._ingest.submit(address.signal, payload, PROTOBUF).result(_ANSWER_SECONDS)
            if outcome.status == 200:
                return DELIVERED
            later = outcome.status in {403, 503}
            response_class = ResponseClass.TRY_LATER if later else ResponseClass.REJECTED
            return SendResult(response_class, outcome.reason)

        try:
            with drain_lock(path) as acquired:
                if not acquired:
                    return 0
                done = drain(
                    path,
                    send,
                    lambda: not self._closing,
                    joined=address.signal != METRICS,
                )
        except (OSError, TimeoutError):
            return 0  # the program that spooled it, or the next start, sends it
        return done.sent
