"""State of each running process in a small locked file, for other processes of the host.

A locked file belongs to a live process; the kernel releases the lock at any kind of exit.
"""

from __future__ import annotations

import _thread
import json
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from otel_host.descriptors import OwnDescriptor
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import (
    create_private,
    make_own_folder,
    make_private_folder,
    open_private,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = "processes"
WRITE_EVERY_S = 5.0
_MOST_BYTES = 65_536


class Board:
    """Writes the result of *look* every few seconds, if it has changed.

    None writes nothing.
    """

    def __init__(self, state_dir: Path, look: Callable[[], dict[str, Any] | None]) -> None:
        self._folder = state_dir / FOLDER
        self._look = look
        self._begin()

    def _begin(self) -> None:
        self._stopped = threading.Event()
        self._own: OwnDescriptor | None = None
        self._path: Path | None = None
        self._written = b""

    def start(self) -> None:
        """Start writing on a background thread; the first time after some seconds."""
        # Not threading.Thread, which prints an error when a thread started before gevent's patching
        # ends.
        _thread.start_new_thread(self._run, (self._stopped,))

    def write(self) -> None:
        """Write now, if anything has changed; raises OSError."""
        state = self._look()
        data = json.dumps(state).encode()
        lost = self._own is not None and not self._own.is_ours()
        if state is None or (data == self._written and not lost):
            return
        if self._own is None or lost:
            self._remove()
            self._own = self._open()
        os.pwrite(self._own.number, data, 0)
        os.ftruncate(self._own.number, len(data))
        self._written = data

    def _remove(self) -> None:
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    def _open(self) -> OwnDescriptor:
        make_private_folder(self._folder.parent)
        make_own_folder(self._folder)
        self._path = self._folder / f"{os.getpid()}-{os.urandom(4).hex()}.json"
        own = OwnDescriptor(create_private(self._path), self._path)
        try_lock(own.number)
        return own

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.wait(WRITE_EVERY_S):
            with suppress(Exception):  # a health report must never affect the app
                self.write()

    def close(self) -> None:
        """Mark this process as ended."""
        self._stopped.set()
        own, self._own = self._own, None
        if own is not None:
            self._remove()
            own.close()

    def at_fork(self) -> None:
        """Reset after fork: use a new file, without changing the parent's."""
        own = self._own
        self._begin()
        if own is not None:
            own.close()  # which does not unlock it: the parent has it open as well
        self.start()


def running(state_dir: Path) -> Iterator[dict[str, Any]]:
    """Yield the state of every running process; files of ended ones are removed."""
    with suppress(OSError):
        for path in sorted((state_dir / FOLDER).iterdir()):
            state = _read(path)
            if state is not None:
                yield state


def _read(path: Path) -> dict[str, Any] | None:
    try:
        descriptor = open_private(path)
    except OSError:
        return None
    try:
        if try_lock(descriptor):
            unlock(descriptor)
            path.unlink()
            return None
        state = json.loads(os.read(descriptor, _MOST_BYTES))
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
    return state if isinstance(state, dict) else None
