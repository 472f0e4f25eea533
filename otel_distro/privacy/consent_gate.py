"""The gate that allows export and storage, checked for every record."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from otel_distro.privacy import consent_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.settings import Settings

_LOOK_SECONDS = 0.5


class ConsentGate:
    """Open if consent is not required or is given; never under DO_NOT_TRACK.

    A decision made in another process, by `otel-distro privacy consent`, takes effect within half a
    second. Records that began before the gate opened are withheld even if they end afterwards.
    """

    def __init__(self, settings: Settings) -> None:
        self._state_dir = settings.state_dir
        self.required = settings.consent
        self.do_not_track = settings.do_not_track
        self._watched = settings.consent and not settings.do_not_track
        self._open = not settings.consent and not settings.do_not_track
        self._opened_ns = 0
        self._on_close: Callable[[], None] = lambda: None
        if self._watched and self._granted():
            self._open = True

    def is_open(self) -> bool:
        """Whether telemetry may leave and be stored."""
        return self._open

    def admits(self, began_ns: int | None) -> bool:
        """Whether a record that began at *began_ns* may leave."""
        return self._open and (began_ns or 0) >= self._opened_ns

    def watch(self, on_close: Callable[[], None]) -> None:
        """Start following decisions; *on_close* is called when consent is revoked."""
        self._on_close = on_close
        self._start()

    def at_fork(self) -> None:
        """Restart the watch after fork."""
        self._start()

    def refresh(self) -> None:
        """Read the current decision."""
        if not self._watched:
            return
        granted = self._granted()
        if granted and not self._open:
            self._opened_ns = time.time_ns()
            self._open = True
        elif not granted and self._open:
            self._open = False
            self._on_close()

    def close(self) -> None:
        """Close the gate in this process, regardless of the stored decision."""
        self._watched = False
        self._open = False
        self._on_close()

    def _granted(self) -> bool:
        decision = consent_state.read(self._state_dir)
        return decision is not None and decision.granted

    def _start(self) -> None:
        if self._watched:
            threading.Thread(target=self._follow, name="otel_distro-consent", daemon=True).start()

    def _follow(self) -> None:
        while self._watched:
            time.sleep(_LOOK_SECONDS)
            self.refresh()
