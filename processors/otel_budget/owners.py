"""Which processes are alive: each keeps a lock on a file of its own, and the kernel lets go of it.

A process id says too little: it is used again, and means nothing in another container that shares
the folder. A lock is released the moment its process ends, however it ends.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform != "win32":
    import fcntl

_HAS_LOCKS = sys.platform != "win32"


class Owner:
    """An owner of holds: this process, under a name that others can check."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.number = secrets.randbits(38)
        self.name = f"{os.getpid()}-{self.number:010x}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        self._descriptor = os.open(folder / self.name, flags, 0o600)
        if _HAS_LOCKS:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's file; the parent keeps its lock."""
        os.close(self._descriptor)

    def close(self) -> None:
        """Be known as ended."""
        with suppress(OSError):
            (self._folder / self.name).unlink()
        os.close(self._descriptor)


def is_alive(folder: Path, name: str) -> bool:
    """Return whether the owner called *name* still runs; its file is removed when it does not.

    Where the platform has no such locks every owner counts as alive, and expiry has to do.
    """
    if not _HAS_LOCKS:
        return True
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        with suppress(OSError):
            path.unlink()
        return False
    finally:
        os.close(descriptor)
