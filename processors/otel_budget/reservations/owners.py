"""Liveness and debts of processes, by a locked file of each.

A process id is not enough: it is reused, and has no meaning in another container that shares the
folder. The kernel releases a lock when its process ends for any reason, and every word that the
process wrote to the mapped file stays there.
"""

from __future__ import annotations

import mmap
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_host.descriptors import FilesOf, OwnDescriptor, keep_forever
from otel_host.file_locks import HAS_LOCKS, try_lock, unlock
from otel_host.private_files import (
    create_private,
    make_own_folder,
    make_private_folder,
    open_private,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_WORD = 8
SLOTS = 512
"""Maximum leases of a process; beyond it each call has its own reservation."""
_SIZES = (SLOTS * _WORD, 2 * SLOTS * _WORD)
"""File sizes in bytes of an owner of leases: without and with the settled totals."""
_ABANDONED_S = 60.0


class Owner:
    """An owner of reservations and leases: this process, under a name that others can check.

    Its file in *folder* has *slots* of *words_a_slot* words each, and with *settles* one more word
    for each slot.
    """

    def __init__(
        self, folder: Path, *, slots: int = SLOTS, words_a_slot: int = 1, settles: bool = False
    ) -> None:
        self._folder = folder
        self._words_a_slot = words_a_slot
        words = slots * words_a_slot
        size = (words + slots * settles) * _WORD
        make_private_folder(folder.parent)
        make_own_folder(folder)
        self.number = secrets.randbits(38)
        self.name = f"{os.getpid()}-{self.number:010x}"
        self._own = OwnDescriptor(create_private(folder / self.name), folder / self.name)
        if not try_lock(self._own.number):
            raise OSError(f"{folder / self.name} is locked by another process")
        # Written, not only extended: a full disk must raise here, not fault at a store to mapped
        # memory.
        os.write(self._own.number, bytes(size))
        self._memory = mmap.mmap(self._own.number, size)
        # The mapped memory has its own descriptor, and closes it on deallocation.
        self._files = FilesOf([folder / self.name])
        memory = memoryview(self._memory).cast("q")
        self.owed = memory[:words]
        """By slot, the total to charge to a lease's account if this process dies now.

        A word is written atomically, so that a reader never sees half of one.
        """
        self.settled: memoryview | None = memory[words:] if settles else None
        """By slot, the cost of a lease's ended calls, which other processes of this host write."""
        self._free = list(range(slots))
        self._is_closed = False

    def take_slot(self) -> int | None:
        """Return a free slot with the value 0; None if all are in use."""
        return self._free.pop() if self._free else None

    def free_slot(self, slot: int) -> None:
        """Release *slot*."""
        self.owed[slot * self._words_a_slot] = 0
        if self.settled is not None:
            self.settled[slot] = 0
        self._free.append(slot)

    def abandon(self) -> None:
        """Reset after fork: close the parent's file, which keeps its lock and its words."""
        for words in (self.owed, self.settled):
            if words is not None:
                words.release()  # remaining references raise instead of writing there
        if self._files.reclaim():
            with suppress(BufferError):
                self._memory.close()
        else:
            keep_forever(self._memory)
        self._files.close()
        self._own.close()

    def hold_on(self) -> None:
        """Lock the file again if the program closed its descriptor.

        The lock lasts as long as the mapped memory, which has its own descriptor; a program that
        closes all descriptors closes both.
        """
        if self._is_closed or self._own.is_ours():
            return
        with suppress(OSError):
            again = OwnDescriptor(open_private(self._folder / self.name), self._folder / self.name)
            if again.identity == self._own.identity and try_lock(again.number):
                self._own = again
            else:
                again.close()

    def close(self, *, remove: bool) -> None:
        """Mark this owner as ended, and remove its file on request.

        Other threads may still finish their writes.
        """
        self._is_closed = True
        if remove:
            with suppress(OSError):
                (self._folder / self.name).unlink()
        # Closing is not enough: the mapped memory has its own descriptor.
        with suppress(OSError):
            unlock(self._own.number)
        if not self._files.reclaim():
            keep_forever(self._memory)
        self._files.close()
        self._own.close()


@dataclass(frozen=True, slots=True)
class Remains:
    """The debts of a dead owner."""

    owed: memoryview | None
    """Debts of its leases by slot; None, unknown, if its file is gone."""


def remains(folder: Path, name: str) -> Remains | None:
    """Return the debts of the owner *name*; None while it is alive.

    Raises UnknownOwnerError if this host cannot determine that.
    """
    if not HAS_LOCKS:
        raise UnknownOwnerError(name)
    try:
        descriptor = open_private(folder / name)
    except FileNotFoundError:
        raise UnknownOwnerError(name) from None
    except OSError:
        return None
    try:
        return Remains(owed(folder, name)) if try_lock(descriptor) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def owed(folder: Path, name: str) -> memoryview | None:
    """Return the debts of the leases of the owner *name* by slot; None without its file."""
    words = _words(folder, name)
    return None if words is None else words[:SLOTS]


def settled(folder: Path, name: str) -> memoryview | None:
    """Return the cost of the ended calls of the owner *name* by slot.

    None without its file, and for an owner of an earlier version.
    """
    words = _words(folder, name)
    return None if words is None or len(words) == SLOTS else words[SLOTS:]


def _words(folder: Path, name: str) -> memoryview | None:
    try:
        words = (folder / name).read_bytes()
    except OSError:
        return None
    return memoryview(words).cast("q") if len(words) in _SIZES else None


class UnknownOwnerError(Exception):
    """Raised for an owner that cannot be checked here: it may run on another host."""


def forget(folder: Path, dead: Collection[str], in_use: Collection[str]) -> None:
    """Remove the files of *dead* owners, and files without an owner."""
    for name in dead:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        for path in folder.iterdir():
            # The age covers the time between creating a file and locking it.
            old = time.time() - path.stat().st_mtime > _ABANDONED_S
            if old and path.name not in in_use and is_dead(folder, path.name):
                path.unlink(missing_ok=True)


def is_dead(folder: Path, name: str) -> bool:
    """Return whether the owner *name* is known to be dead."""
    try:
        return remains(folder, name) is not None
    except UnknownOwnerError:
        return False
