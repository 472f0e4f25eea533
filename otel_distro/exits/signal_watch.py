"""Sees to signals that the main thread does not notice: it sleeps already, or runs C code.

Python runs handlers in the main thread, between two steps of it. A signal that comes after the
last such check and before a call that blocks is noticed when that call returns, which may be
never; and C code that runs on, as the event loops of graphical toolkits do, lets no handler run at
all. The default actions, which our handlers stand in for, have neither weakness.
"""

from __future__ import annotations

import _thread
import os
import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NUDGE_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 1.0
_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group id, as the kernel attaches them to what a socket receives."""


class SignalWatch:
    """Sends a signal to the main thread again while it is *unhandled*; calls *stuck* in the end.

    It uses the wakeup file descriptor of the `signal` module, unless somebody has that already:
    event loops do, and then notice signals by themselves.
    """

    def __init__(self, unhandled: Callable[[int], bool], stuck: Callable[[int], None]) -> None:
        self._unhandled = unhandled
        self._stuck = stuck
        self._sockets: tuple[socket.socket, ...] = ()

    def start(self) -> None:
        """Watch from now on; does nothing outside the main thread and where it cannot be done."""
        if not hasattr(socket, "SO_PASSCRED"):
            return
        with suppress(OSError, ValueError, RuntimeError):
            taken = signal.set_wakeup_fd(-1)
            if taken != -1:
                signal.set_wakeup_fd(taken)
                return
            reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._sockets = reader, writer
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            writer.settimeout(0)
            _thread.start_new_thread(self._watch, (reader,))
            signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        inherited, self._sockets = self._sockets, ()
        if inherited:
            with suppress(ValueError):
                signal.set_wakeup_fd(-1)
            for end in inherited:
                end.close()
            self.start()

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
