"""One folder of the spool: one app, one signal, one endpoint, up to a limit."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from otel_distro.export.spool.private_folders import prepare_folder
from otel_distro.export.spool.segment_folder import names, sizes, waiting_in
from otel_distro.export.spool.segments import LARGEST_BYTES, Segment
from otel_host.descriptor_reserve import is_out_of_descriptors, reserve
from otel_host.descriptors import DescriptorLostError

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.export.spool.address import Address
    from otel_distro.export.spool.limits import SpoolLimits

SEGMENT_BYTES: Final = 2 * 2**20
"""A segment that has reached this size is closed; a reader holds one segment in memory."""
SYNC_SECONDS: Final = 5.0
"""Seconds after which records survive a power cut; every written record survives the process."""
_LOOK_AGAIN: Final = 16
"""The folder is measured again whenever a sixteenth of its limit has been written."""
_RETRY_SECONDS: Final = 1.0


class SpoolListener(Protocol):
    """Receives events of the spool itself."""

    def spool_lost(self, signal: str, count: int, reason: str) -> None:
        """Record that *count* spooled records are lost, because of *reason*."""

    def spool_fault(self, folder: Path, error: Exception) -> None:
        """Record that the folder is unusable now."""


class SpoolFolder:
    """Stores undelivered requests; thread-safe, never raises."""

    def __init__(
        self, state_dir: Path, address: Address, listener: SpoolListener, limits: SpoolLimits
    ) -> None:
        self.address = address
        self.path = address.folder(state_dir)
        self._state_dir = state_dir
        self._listener = listener
        self._limits = limits
        self._lock = threading.RLock()
        self._segment: Segment | None = None
        self._prepared = False
        self._unmeasured = 0
        self._synced_at = 0.0
        self._retry_at = 0.0

    def keep(self, payload: bytes, count: int) -> bool:
        """Write *payload*, an encoded request with *count* records; return whether it is stored."""
        with self._lock:
            if time.monotonic() < self._retry_at:
                return False
            try:
                if not self._make_room(len(payload)):
                    return False
                try:
                    segment, size = self._append(payload, count)
                except OSError as error:
                    if not is_out_of_descriptors(error):
                        raise
                    self._append_with_reserve(payload, count)
                    return True
                self._unmeasured += len(payload)
                if size >= SEGMENT_BYTES:
                    self.release_segments()
                elif time.monotonic() > self._synced_at + SYNC_SECONDS:
                    self._sync(segment)
            except OSError as error:
                self._disable(error)
                return False
        return True

    def release_segments(self) -> None:
        """Close the segment that is being written, so that it can be sent."""
        with self._lock:
            segment, self._segment = self._segment, None
            if segment is not None:
                with suppress(OSError):
                    self._sync(segment)
                segment.release()

    def waiting(self) -> list[str]:
        """Return the names of segments in the folder, oldest first."""
        return names(self.path)

    def at_fork(self) -> None:
        """Reset after fork: the open segment is the parent's."""
        self._lock = threading.RLock()
        self._segment = None

    def new_segment(self) -> Segment:
        """Return a new segment in the folder, creating the folder if missing; raises OSError."""
        if not self._prepared:
            prepare_folder(self._state_dir, *self.address.names)
            self.address.describe(self.path)
            self._prepared = True
        try:
            return Segment.create(self.path)
        except FileNotFoundError:  # another program removed it
            self._prepared = False
            raise

    def _append(self, payload: bytes, count: int) -> tuple[Segment, int]:
        segment = self._opened()
        try:
            return segment, segment.append(payload, count)
        except DescriptorLostError:
            # Another process sends its content; new records go into a new one.
            segment.release()
            self._segment = None
            segment = self._opened()
            return segment, segment.append(payload, count)

    def _append_with_reserve(self, payload: bytes, count: int) -> None:
        """Write to a separate segment, closed at once: the process is out of descriptors."""
        with reserve.lent():
            segment = self.new_segment()
            try:
                segment.append(payload, count)
            finally:
                segment.release()

    def _opened(self) -> Segment:
        if self._segment is None:
            self._segment = self.new_segment()
        return self._segment

    def _sync(self, segment: Segment) -> None:
        segment.sync()
        self._synced_at = time.monotonic()

    def _disable(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        with suppress(OSError):
            self.release_segments()
        self.note_fault(error)

    def note_fault(self, error: Exception) -> None:
        """Report an *error* of the folder, which is checked again before its next use."""
        self._prepared = False
        self._listener.spool_fault(self.path, error)

    def make_room(self, size: int) -> bool:
        """Drop the oldest until *size* bytes fit; return whether they do."""
        with self._lock:
            return self._make_room(size)

    def _make_room(self, size: int) -> bool:
        if size > min(self._limits.max_bytes, LARGEST_BYTES - 2 * SEGMENT_BYTES):
            return False
        if self._unmeasured and self._unmeasured + size < self._limits.max_bytes // _LOOK_AGAIN:
            return True
        self._unmeasured = 1
        used = sum(size for _, size in sizes(self.path))
        margin = size + self._limits.max_bytes // _LOOK_AGAIN
        for name in self.waiting():
            if used + margin <= self._limits.max_bytes:
                return True
            used -= self._drop(name)
        return used + size <= self._limits.max_bytes

    def _drop(self, name: str) -> int:
        path = self.path / name
        if self._segment is not None and self._segment.path == path:
            self.release_segments()
        segment = Segment.take(path)
        if segment is None:  # being written or sent by another process
            return 0
        lost = waiting_in(path)
        segment.remove()
        if lost:
            self._listener.spool_lost(self.address.signal, lost, "spool_full")
        return segment.size
