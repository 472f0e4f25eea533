"""Sees to signals that the main thread does not notice: it sleeps already, or runs C code.

Python runs handlers in the main thread, between two steps of it. A signal that comes after the
last such check and before a call that blocks is noticed when that call returns, which may be
never; and C code that runs on, as the event loops of graphical toolkits do, lets no handler run at
all. The default actions, which our handlers stand in for, have neither weakness.
"""

from __future__ import annotations

import _thread
import functools
import os
import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NUDGE_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 1.0
_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group id, as the kernel attaches them to what a socket receives."""


class SignalWatch:
    """Sends a signal to the main thread again while it is *unhandled*; calls *stuck* in the end.

    It uses the wakeup file descriptor of the `signal` module while nobody else does. Event loops
    do, and then notice signals by themselves. Who takes it away (loops, and the server from which
    `multiprocessing` forks) hands it back to us without knowing.
    """

    def __init__(self, unhandled: Callable[[int], bool], stuck: Callable[[int], None]) -> None:
        self._unhandled = unhandled
        self._stuck = stuck
        self._sockets: tuple[socket.socket, ...] = ()
        self._set_fd: Any = signal.set_wakeup_fd

    def start(self) -> None:
        """Watch from now on; does nothing outside the main thread and where it cannot be done."""
        if hasattr(socket, "SO_PASSCRED"):
            self._begin()
            self._wrap()

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        inherited, self._sockets = self._sockets, ()
        if inherited:
            with suppress(ValueError):
                taken = self._set_fd(-1)
                if taken != inherited[1].fileno():
                    self._set_fd(taken)
            for end in inherited:
                end.close()
            self._begin()

    def _begin(self) -> None:
        with suppress(OSError, ValueError, RuntimeError):
            taken = self._set_fd(-1)
            reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._sockets = reader, writer
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            writer.settimeout(0)
            _thread.start_new_thread(self._watch, (reader,))
            if taken == -1:
                self._set_fd(writer.fileno(), warn_on_full_buffer=False)
            else:
                self._set_fd(taken)

    def _wrap(self) -> None:
        @functools.wraps(self._set_fd)
        def set_wakeup_fd(fd: int, /, **options: Any) -> int:
            ours = self._sockets[1].fileno() if self._sockets else -1
            if fd == -1 and ours != -1:
                before = self._set_fd(ours, warn_on_full_buffer=False)
            else:
                before = self._set_fd(fd, **options)
            return -1 if before == ours else before

        signal.set_wakeup_fd = set_wakeup_fd

    def _watch(self, reader: socket.socket) -> None:
        with suppress(OSError):
            while True:
                data, attached, _, _ = reader.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
                # A forked child may get a signal before it has a socket of its own.
                if data and attached and _CREDENTIALS.unpack(attached[0][2])[0] == os.getpid():
                    self._see_to(data[0])

    def _see_to(self, number: int) -> None:
        main = threading.main_thread().ident
        given_up = time.monotonic() + _PATIENCE_SECONDS
        while self._unhandled(number):
            time.sleep(_NUDGE_SECONDS)
            if not self._unhandled(number):
                return
            if main is None or time.monotonic() > given_up:
                self._stuck(number)
                return
            signal.pthread_kill(main, number)
