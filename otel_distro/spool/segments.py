"""One file of the spool: written by one process, then sent by whichever takes it.

Who has a segment in hand holds an advisory lock on it, which the system takes back when the
process dies. A segment without a lock is nobody's and may be sent.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from otel_distro.spool.records import (
    DONE_AT,
    HEADER_SIZE,
    count_waiting,
    pack_done,
    pack_header,
    pack_record,
    read_done,
)
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import create_private, open_private, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX: Final = ".spool"
_UNBORN: Final = ".new-"
"""Readers do not see a file before its writer holds the lock on it."""


_held: set[int] = set()
"""Descriptors that hold locks; a forked child closes its copies."""


def forget_inherited() -> None:
    """In a forked child: close the copies of the parent's descriptors, leaving it its locks."""
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


@contextmanager
def holding(descriptor: int) -> Iterator[int]:
    """Have *descriptor* closed in a forked child, and in the end here."""
    _held.add(descriptor)
    owner = os.getpid()
    try:
        yield descriptor
    finally:
        if os.getpid() == owner:
            _held.discard(descriptor)
            os.close(descriptor)


class Segment:
    """A segment that this process holds the lock on; not thread-safe."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self.size = size
        self._descriptor = descriptor
        _held.add(descriptor)
        self._synced = size

    @classmethod
    def create(cls, folder: Path) -> Segment:
        """Make a new segment in *folder*, named so that the oldest sorts first."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}{SUFFIX}"
        unborn, path = folder / f"{_UNBORN}{name}", folder / name
        descriptor = create_private(unborn)
        try:
            try_lock(descriptor)
            _write(descriptor, pack_header())
            unborn.rename(path)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                unborn.unlink()
            raise
        return cls(path, descriptor, HEADER_SIZE)

    @classmethod
    def take(cls, path: Path) -> Segment | None:
        """Return the segment at *path* with its lock held; None when another process has it."""
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
        try:
            _write(self._descriptor, record, self.size)
        except OSError:
            # Half a record would hide those that follow it until a reader has searched.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(record)
        return self.size

    def read(self) -> bytes:
        """Return the whole file."""
        data = bytearray()
        while chunk := os.pread(self._descriptor, 1 << 20, len(data)):
            data += chunk
        return bytes(data)

    def mark_sent(self, position: int) -> None:
        """Remember that everything before *position* was sent, also for other processes."""
        _write(self._descriptor, pack_done(position), DONE_AT)

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        if self._synced == self.size:
            return
        os.fsync(self._descriptor)
        if self._synced == HEADER_SIZE:
            sync_folder(self.path.parent)
        self._synced = self.size

    def release(self) -> None:
        """Give the segment to whoever takes it next."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        _held.discard(descriptor)
        # Before closing: a forked child may hold the same lock by an inherited descriptor.
        with suppress(OSError):
            unlock(descriptor)
        os.close(descriptor)

    def remove(self) -> None:
        """Delete the segment."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.release()


def names(folder: Path) -> list[str]:
    """Return the names of all segments in *folder*, oldest first; none if it cannot be read."""
    try:
        return sorted(name for name in os.listdir(folder) if _is_segment(name))  # noqa: PTH208
    except OSError:
        return []


def sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield name and size of every file in *folder* that counts towards its limit."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.name.endswith(SUFFIX):
                    yield entry.name, entry.stat(follow_symlinks=False).st_size


def waiting_in(path: Path) -> int:
    """Return how many spans the segment at *path* still holds, whoever has it."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return 0
    with os.fdopen(descriptor, "rb") as file:
        return count_waiting(file.read())


def in_use(path: Path) -> bool:
    """Whether a running process has the segment at *path* in hand."""
    segment = Segment.take(path)
    if segment is None:
        return True
    segment.release()
    return False


def sent_up_to(data: bytes) -> int | None:
    """Return up to where a segment with this content was sent; None if it is not a segment."""
    return read_done(data)


def _is_segment(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")


def _is_still(path: Path, descriptor: int) -> bool:
    opened = os.fstat(descriptor)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)


def _write(descriptor: int, data: bytes, position: int = 0) -> None:
    while data:
        written = os.pwrite(descriptor, data, position)
        data, position = data[written:], position + written
