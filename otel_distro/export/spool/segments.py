"""A spool file, written by one process, then sent by the process that locks it.

The owner of a segment holds an advisory lock on it, which the system releases when the process
dies. A segment without a lock has no owner and may be sent.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from otel_distro.export.spool.records import (
    DONE_AT,
    HEADER_SIZE,
    pack_done,
    pack_header,
    pack_record,
)
from otel_host.descriptors import DescriptorLostError, OwnDescriptor
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import create_private, open_private, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX: Final = ".spool"
LARGEST_BYTES: Final = 32 * 2**20
"""Larger than any segment of ours; bytes beyond it are damage and are not read."""
_READ: Final = 2**20
_NEW: Final = ".new-"
"""Suffix of a file whose writer does not hold its lock yet; readers ignore it."""


_lock_descriptors: set[OwnDescriptor] = set()
"""Descriptors that hold locks; a forked child closes its copies."""


def forget_inherited() -> None:
    """Close the copies of the parent's descriptors after fork; the parent keeps its locks."""
    while _lock_descriptors:
        _lock_descriptors.pop().close()


@contextmanager
def locked(descriptor: int, what: object) -> Iterator[bool]:
    """Hold the lock on *descriptor* for the body; yield False if another process has it.

    The descriptor is closed at the end, and at once in a forked child.
    """
    own = OwnDescriptor(descriptor, what)
    _lock_descriptors.add(own)
    owner = os.getpid()
    try:
        yield try_lock(own.number)
    finally:
        if os.getpid() == owner:
            _lock_descriptors.discard(own)
            _unlock_and_close(own)


def _unlock_and_close(own: OwnDescriptor) -> None:
    # Before closing: a forked child may hold the same lock by an inherited descriptor.
    with suppress(OSError):
        unlock(own.number)
    own.close()


class Segment:
    """A segment locked by this process; not thread-safe."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self.size = size
        self._own = OwnDescriptor(descriptor, path)
        _lock_descriptors.add(self._own)
        self._released = False
        self._synced = size

    @classmethod
    def create(cls, folder: Path) -> Segment:
        """Create a segment in *folder*, named so that the oldest sorts first."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}{SUFFIX}"
        new, path = folder / f"{_NEW}{name}", folder / name
        descriptor = create_private(new)
        try:
            try_lock(descriptor)
            _write(descriptor, pack_header())
            new.rename(path)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                new.unlink()
            raise
        return cls(path, descriptor, HEADER_SIZE)

    @classmethod
    def take(cls, path: Path) -> Segment | None:
        """Return the segment at *path*, locked; None if another process has the lock."""
        try:
            descriptor = open_private(path)
        except FileNotFoundError:
            return None
        taken = False
        try:
            if try_lock(descriptor) and _is_still(path, descriptor):
                taken = True
                return cls(path, descriptor, os.fstat(descriptor).st_size)
        finally:
            if not taken:
                os.close(descriptor)
        return None

    def append(self, payload: bytes, count: int) -> int:
        """Write *payload* and return the position after it; on OSError nothing was written."""
        record = pack_record(payload, count)
        descriptor = self._opened()
        try:
            _write(descriptor, record, self.size)
        except OSError:
            # Half a record would hide those after it until a reader has searched.
            with suppress(OSError):
                os.ftruncate(self._own.number, self.size)
            raise
        self.size += len(record)
        return self.size

    def read(self) -> bytes:
        """Return the content of the file, at most `LARGEST_BYTES`."""
        data = bytearray()
        descriptor = self._opened()
        while len(data) < LARGEST_BYTES and (chunk := os.pread(descriptor, _READ, len(data))):
            data += chunk
        return bytes(data)

    def mark_sent(self, position: int) -> None:
        """Store that everything before *position* was sent, for other processes too."""
        _write(self._opened(), pack_done(position), DONE_AT)

    def sync(self) -> None:
        """Make the written records survive a power cut."""
        if self._synced == self.size:
            return
        os.fsync(self._opened())
        if self._synced == HEADER_SIZE:
            sync_folder(self.path.parent)
        self._synced = self.size

    def release(self) -> None:
        """Release the segment to the next process that locks it."""
        self._released = True
        _lock_descriptors.discard(self._own)
        _unlock_and_close(self._own)

    def _opened(self) -> int:
        """Return the descriptor; reopen and lock the file if the program closed it.

        Raises DescriptorLostError if the file is gone or another process has locked it.
        """
        if self._own.is_ours():
            return self._own.number
        if self._released:
            raise DescriptorLostError(self.path)
        _lock_descriptors.discard(self._own)
        before = self._own.identity
        again = _reopened(self.path)
        if again is None:
            raise DescriptorLostError(self.path)
        if again.identity != before or os.fstat(again.number).st_size != self.size:
            again.close()
            raise DescriptorLostError(self.path)
        self._own = again
        _lock_descriptors.add(again)
        return again.number

    def remove(self) -> None:
        """Delete the segment."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.release()


def _reopened(path: Path) -> OwnDescriptor | None:
    try:
        own = OwnDescriptor(open_private(path), path)
        if try_lock(own.number):
            return own
    except OSError:
        return None
    own.close()
    return None


def _is_still(path: Path, descriptor: int) -> bool:
    opened = os.fstat(descriptor)
    try:
        file_stat = path.lstat()
    except FileNotFoundError:
        return False
    return (file_stat.st_dev, file_stat.st_ino) == (opened.st_dev, opened.st_ino)


def _write(descriptor: int, data: bytes, position: int = 0) -> None:
    while data:
        written = os.pwrite(descriptor, data, position)
        data, position = data[written:], position + written
