"""Which processes are alive, and what they owe: each keeps a locked file of its own.

A process id says too little: it is used again, and means nothing in another container that shares
the folder. A lock is released by the kernel the moment its process ends, however it ends; and what
a process has written into the file's memory stays there, to the last word.
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
"""Leases that a process can have at a time; beyond that it holds call by call."""
_ABANDONED_S = 60.0


class Owner:
    """An owner of holds and leases: this process, under a name that others can check.

    *slots* of *words_a_slot* words each are kept in a file of *folder*.
    """

    def __init__(self, folder: Path, *, slots: int = SLOTS, words_a_slot: int = 1) -> None:
        self._folder = folder
        self._words_a_slot = words_a_slot
        size = slots * words_a_slot * _WORD
        make_private_folder(folder.parent)
        make_own_folder(folder)
        self.number = secrets.randbits(38)
        self.name = f"{os.getpid()}-{self.number:010x}"
        self._own = OwnDescriptor(create_private(folder / self.name), folder / self.name)
        if not try_lock(self._own.number):
            raise OSError(f"{folder / self.name} is locked by another process")
        # Written, not only lengthened: a full disk must be met here and not at a store to memory.
        os.write(self._own.number, bytes(size))
        self._memory = mmap.mmap(self._own.number, size)
        # The mapped memory has a descriptor of its own, and closes it when it is freed.
        self._files = FilesOf([folder / self.name])
        self.owed = memoryview(self._memory).cast("q")
        """By slot, what a lease's account is to be charged in all if this process dies now.

        One word is written at once, so that nobody ever reads half of one.
        """
        self._free = list(range(slots))

    def take_slot(self) -> int | None:
        """Return a slot that holds 0, or None while all are in use."""
        return self._free.pop() if self._free else None

    def free_slot(self, slot: int) -> None:
        """Have *slot* used again."""
        self.owed[slot * self._words_a_slot] = 0
        self._free.append(slot)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's file, which keeps its lock and its words."""
        self.owed.release()  # whoever still has it gets an error instead of writing there
        if self._files.reclaim():
            with suppress(BufferError):
                self._memory.close()
        else:
            keep_forever(self._memory)
        self._files.close()
        self._own.close()

    def hold_on(self) -> None:
        """Lock the file again where the program closed our descriptor of it.

        The lock lasts as long as the mapped memory, which has a descriptor of its own; a program
        that closes all descriptors closes both.
        """
        if self._own.is_ours():
            return
        with suppress(OSError):
            again = OwnDescriptor(open_private(self._folder / self.name), self._folder / self.name)
            if again.identity == self._own.identity and try_lock(again.number):
                self._own = again
            else:
                again.close()

    def close(self, *, remove: bool) -> None:
        """Be known as ended, and leave no file behind if it is to be removed.

        What other threads are about to write may still be written.
        """
        if remove:
            with suppress(OSError):
                (self._folder / self.name).unlink()
        # Closing would not do: the mapped memory has a descriptor of its own.
        with suppress(OSError):
            unlock(self._own.number)
        if not self._files.reclaim():
            keep_forever(self._memory)
        self._files.close()
        self._own.close()


@dataclass(frozen=True, slots=True)
class Remains:
    """What a dead owner left behind."""

    owed: memoryview | None
    """What its leases owe, by slot; None where its file is gone and nobody knows."""


def remains(folder: Path, name: str) -> Remains | None:
    """Return what the owner called *name* left; None while it lives.

    Raises UnknownOwnerError where this host cannot tell.
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
    """Return what the leases of the owner called *name* owe, by slot; None without its file."""
    try:
        words = (folder / name).read_bytes()
    except OSError:
        return None
    return memoryview(words).cast("q") if len(words) == SLOTS * _WORD else None


class UnknownOwnerError(Exception):
    """It cannot be told here whether an owner is alive: it may run on another host."""


def forget(folder: Path, dead: Collection[str], in_use: Collection[str]) -> None:
    """Remove the files of *dead* owners, and those that nobody knows any more."""
    for name in dead:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        for path in folder.iterdir():
            # The age is for the moment between the making of a file and its lock.
            old = time.time() - path.stat().st_mtime > _ABANDONED_S
            if old and path.name not in in_use and is_dead(folder, path.name):
                path.unlink(missing_ok=True)


def is_dead(folder: Path, name: str) -> bool:
    """Return whether the owner called *name* is known to be dead."""
    try:
        return remains(folder, name) is not None
    except UnknownOwnerError:
        return False
