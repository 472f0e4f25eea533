"""Traces with a call in flight to a gateway, so that the gateway does not reserve it again.

A client and its gateway on one host share the budgets. The client's reservation covers the call
along its whole path; a second one by the gateway would be charged twice, or wait for the first.
Each process writes the trace ids of such calls to its own mapped file, which other processes read.
A trace id is random and leaves the host only with the call itself.
"""

from __future__ import annotations

import mmap
import os
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_budget.reservations.owners import is_dead
from otel_host.file_locks import try_lock
from otel_host.private_files import create_private, make_own_folder, make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_NAME = "budget.calls"
_ID_BYTES = 16
_SLOTS = 256
_SIZE = _ID_BYTES * _SLOTS
_FREE = bytes(_ID_BYTES)


class OpenCalls:
    """The calls of this process in flight to private hosts; thread-safe.

    If the file cannot be created nothing is written, and client and gateway both reserve.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER_NAME
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._memory: mmap.mmap | None = None
        self._name = ""
        self._free = list(range(_SLOTS))
        self._is_broken = False

    def begin(self, trace_id: int) -> int | None:
        """Record *trace_id*; return its slot for `end`, None if all slots are in use."""
        if not trace_id:
            return None
        with self._lock:
            if self._memory is None and not self._is_broken:
                self._open()
            if self._memory is None or not self._free:
                return None
            slot = self._free.pop()
            at = slot * _ID_BYTES
            self._memory[at : at + _ID_BYTES] = trace_id.to_bytes(_ID_BYTES, "big")
            return slot

    def end(self, slot: int | None) -> None:
        """Clear *slot*."""
        if slot is None:
            return
        with self._lock:
            if self._memory is not None:
                at = slot * _ID_BYTES
                self._memory[at : at + _ID_BYTES] = _FREE
                self._free.append(slot)

    def covers(self, trace_id: int) -> bool:
        """Return whether another live process has a call of this trace in flight to a gateway."""
        wanted = trace_id.to_bytes(_ID_BYTES, "big")
        try:
            names = [path.name for path in self._folder.iterdir()]
        except OSError:
            return False
        for name in names:
            if name == self._name:
                continue
            with suppress(OSError):
                content = (self._folder / name).read_bytes()
                ids = (content[at : at + _ID_BYTES] for at in range(0, len(content), _ID_BYTES))
                if wanted in ids and not is_dead(self._folder, name):
                    return True
        return False

    def _open(self) -> None:
        self._is_broken = True
        try:
            make_private_folder(self._folder.parent)
            make_own_folder(self._folder)
            self._remove_dead()
            name = f"{os.getpid()}-{secrets.token_hex(5)}"
            descriptor = create_private(self._folder / name)
            try:
                os.write(descriptor, bytes(_SIZE))
                with suppress(OSError):
                    try_lock(descriptor)
                self._memory = mmap.mmap(descriptor, _SIZE)
            finally:
                os.close(descriptor)  # the mapped memory keeps the lock by its own descriptor
            self._name, self._is_broken = name, False
        except OSError:
            self._memory = None

    def _remove_dead(self) -> None:
        for name in [path.name for path in self._folder.iterdir()]:
            if is_dead(self._folder, name):
                with suppress(OSError):
                    (self._folder / name).unlink()

    def close(self) -> None:
        """Remove the file."""
        with self._lock:
            name, self._name = self._name, ""
            memory, self._memory = self._memory, None
            if memory is not None:
                memory.close()
            if name:
                with suppress(OSError):
                    (self._folder / name).unlink()

    def at_fork(self) -> None:
        """Reset after fork: the child owns none of the parent's slots."""
        self._begin()
