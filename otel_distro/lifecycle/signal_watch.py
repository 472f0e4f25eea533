"""Delivers signals to a main thread that sleeps or runs C code.

Python runs handlers in the main thread, between bytecode instructions. A signal that arrives
between the last check and a blocking call is handled when that call returns, possibly never; and
long-running C code, such as the event loop of a GUI toolkit, lets no handler run at all. The
default actions, which our handlers replace, have neither weakness.
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

from otel_host.descriptors import OwnDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable

_NUDGE_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 1.0
_MOST_RENEWALS: Final = 100
_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group id, as the kernel attaches them to received data."""


class SignalWatch:
    """Resends a signal to the main thread while it is *unhandled*; finally calls *stuck*.

    It uses the wakeup file descriptor of the `signal` module unless an event loop does; loops
    handle signals themselves. Loops and the fork server of `multiprocessing` restore ours
    afterwards.

    Python writes to that descriptor by number. The number is high, so that a program that closes
    all descriptors does not reuse it for its next files. The kernel notifies the peer socket when
    ours is closed: then a new one takes the number at once, or, if it is already taken, the wakeup
    descriptor is disabled.
    """

    def __init__(self, unhandled: Callable[[int], bool], stuck: Callable[[int], None]) -> None:
        self._unhandled = unhandled
        self._stuck = stuck
        self._ends: tuple[OwnDescriptor, ...] = ()
        """Reader and writer."""
        self._renewals = 0
        self._set_fd: Any = signal.set_wakeup_fd

    def start(self) -> None:
        """Start watching; does nothing outside the main thread or if unsupported."""
        if hasattr(socket, "SO_PASSCRED"):
            self._begin()
            self._wrap()

    def at_fork(self) -> None:
        """Reset after fork."""
        inherited, self._ends = self._ends, ()
        if inherited:
            with suppress(ValueError):
                taken = self._set_fd(-1)
                if taken != inherited[1].last_number:
                    self._set_fd(taken)
            for end in inherited:
                end.close()
            self._begin()

    def _begin(self) -> None:
        with suppress(OSError, ValueError, RuntimeError):
            taken = self._set_fd(-1)
            self._open()
            _thread.start_new_thread(self._watch, (self._ends,))
            if taken == -1:
                self._set_fd(self._ends[1].number, warn_on_full_buffer=False)
            else:
                self._set_fd(taken)

    def _open(self) -> None:
        # This type reports that the writer was closed, and which process wrote.
        reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        reader.settimeout(None)
        writer.settimeout(0)
        self._ends = tuple(
            OwnDescriptor(end.detach(), "a signal socket") for end in (reader, writer)
        )

    def _wrap(self) -> None:
        @functools.wraps(self._set_fd)
        def set_wakeup_fd(fd: int, /, **options: Any) -> int:
            ours = self._ends[1].last_number if self._ends else -1
            if fd == -1 and self._ends and self._ends[1].is_ours():
                before = self._set_fd(ours, warn_on_full_buffer=False)
            else:
                before = self._set_fd(fd, **options)
            return -1 if before == ours else before

        signal.set_wakeup_fd = set_wakeup_fd

    def _watch(self, ends: tuple[OwnDescriptor, ...]) -> None:
        with suppress(OSError, ValueError):
            while ends is self._ends and self._read(ends[0]):
                pass
        if ends is self._ends and self._renewals < _MOST_RENEWALS:
            self._renewals += 1
            with suppress(OSError, ValueError, RuntimeError):
                self._renew(ends)

    def _read(self, reader: OwnDescriptor) -> bool:
        """Handle the next signal; return False if the peer was closed."""
        socket_ = socket.socket(fileno=reader.number)
        socket_.settimeout(None)
        try:
            data, attached, _, _ = socket_.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
        finally:
            socket_.detach()  # its number may belong to another file by now
        # A forked child may get a signal before it has its own socket.
        if data and attached and _CREDENTIALS.unpack(attached[0][2])[0] == os.getpid():
            self._handle(data[0])
        return bool(data)

    def _renew(self, lost: tuple[OwnDescriptor, ...]) -> None:
        """Move a new socket to the descriptor that Python writes to, or stop Python's writes."""
        number = lost[1].last_number
        for end in lost:
            end.close()
        self._open()
        writer = self._ends[1]
        moved = writer if writer.last_number == number else writer.moved_to(number)
        if moved is None:
            _in_main_thread(lambda: self._switch_off(number))
            return
        self._ends = self._ends[0], moved
        _thread.start_new_thread(self._watch, (self._ends,))

    def _switch_off(self, number: int) -> None:
        taken = self._set_fd(-1)
        if taken != number:  # an event loop has it
            self._set_fd(taken)
        elif self._ends:
            self._set_fd(self._ends[1].number, warn_on_full_buffer=False)
            _thread.start_new_thread(self._watch, (self._ends,))

    def _handle(self, number: int) -> None:
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


def _in_main_thread(action: Callable[[], None]) -> None:
    """Schedule *action* in the main thread, as the interpreter does for signal handlers."""
    import ctypes

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)

    def call(_nothing: object) -> int:
        with suppress(Exception):
            action()
        return 0

    callback = kind(call)
    _pending.append(callback)  # must outlive the call
    ctypes.pythonapi.Py_AddPendingCall(callback, None)


_pending: Final[list[object]] = []
