"""The StatsD receiver: UDP on loopback and a Unix datagram socket, on one thread."""

from __future__ import annotations

import os
import selectors
import socket
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_distro.base import messages
from otel_distro.base.errors import OtelDistroError
from otel_distro.server.decoding import PROTOBUF
from otel_distro.server.signals import METRICS
from otel_distro.server.statsd_aggregation import Aggregator
from otel_distro.server.statsd_lines import LineError, parse

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from otel_distro.server.ingest import Ingest
    from otel_distro.server.requests import Outcome

LOOPBACK: Final = "127.0.0.1"
FLUSH_SECONDS: Final = 10.0
_LARGEST_DATAGRAM: Final = 65_535
_RECEIVE_BUFFER: Final = 4 * 2**20
_AT_ONCE: Final = 512
_MOST_WAITING: Final = 60
_ANSWER_SECONDS: Final = 2.0


class StatsdError(OtelDistroError):
    """StatsD cannot be received as configured; the message has the fix."""


@dataclass(slots=True)
class StatsdCounters:
    """Counts of received lines since the start."""

    lines: int = 0
    refused: int = 0
    """Lines that are no metrics, or beyond the limit of series."""


class StatsdReceiver:
    """Receives lines and submits their metrics every ten seconds; opened once, closed once.

    *port* None disables UDP, 0 uses any free port; *path* None opens no socket file. Raises
    StatsdError.
    """

    def __init__(
        self,
        ingest: Ingest,
        port: int | None,
        path: Path | None,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._ingest = ingest
        self._path = path
        self._flush_seconds = flush_seconds
        self._aggregator = Aggregator()
        self._began_ns = time.time_ns()
        self._sent: list[tuple[bytes, Future[Outcome]]] = []
        self._closing = False
        self.counters = StatsdCounters()
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._inode = 0
        self.port = 0
        """The UDP port, 0 if there is none."""
        try:
            if port is not None:
                self.port = self._open(_udp(port)).getsockname()[1]
            if path is not None:
                self._open(_unix(path))
                self._inode = path.lstat().st_ino
            self._wake, waking = socket.socketpair()
            self._open(waking)
        except BaseException:
            self._release()
            raise
        self._thread = threading.Thread(target=self._run, name="otel_distro-statsd", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Submit the received samples and stop, within *timeout* seconds."""
        self._closing = True
        with suppress(OSError):
            self._wake.send(b"\0")
        self._thread.join(timeout)
        self._release()
        self._wake.close()

    def _open(self, opened: socket.socket) -> socket.socket:
        opened.settimeout(0)
        self._sockets.append(opened)
        self._selector.register(opened, selectors.EVENT_READ, opened)
        return opened

    def _release(self) -> None:
        self._selector.close()
        for bound_socket in self._sockets:
            bound_socket.close()
        if self._path is not None and self._inode:
            with suppress(OSError):
                if self._path.lstat().st_ino == self._inode:
                    self._path.unlink()

    def _run(self) -> None:
        due = time.monotonic() + self._flush_seconds
        while not self._closing:
            for key, _ in self._selector.select(max(0.0, due - time.monotonic())):
                self._read(key.data)
            if time.monotonic() >= due:
                self._flush()
                due = time.monotonic() + self._flush_seconds
        for bound_socket in self._sockets:
            self._read(bound_socket)
        self._flush()
        for _, outcome in self._sent:
            with suppress(Exception):
                outcome.result(_ANSWER_SECONDS)

    def _read(self, opened: socket.socket) -> None:
        """Read datagrams up to a limit, so that other sockets and the flush are not starved."""
        for _ in range(_AT_ONCE):
            try:
                datagram = opened.recv(_LARGEST_DATAGRAM)
            except OSError:
                return
            self.take(datagram)

    def take(self, datagram: bytes) -> None:
        """Aggregate the lines of *datagram*; invalid ones are counted."""
        for line in datagram.decode("utf-8", "replace").split("\n"):
            try:
                sample = parse(line.strip("\r\0"))
            except LineError as error:
                self.counters.lines += 1
                self.counters.refused += 1
                messages.warn_once(f"some StatsD lines are rejected: {error}")
                continue
            if sample is not None:
                self.counters.lines += 1
                self._aggregator.add(sample)

    def _flush(self) -> None:
        ended_ns = time.time_ns()
        self.counters.refused += self._aggregator.dropped
        self._aggregator.dropped = 0
        data = self._aggregator.take(self._began_ns, ended_ns)
        self._began_ns = ended_ns
        waiting = [body for body, outcome in self._sent if _is_to_repeat(outcome)]
        under_way = [one for one in self._sent if not one[1].done()]
        if data is not None:
            waiting.append(data.SerializeToString())
        if len(waiting) > _MOST_WAITING:
            messages.warn_once("StatsD metrics are dropped: they could not be stored for too long")
        self._sent = [
            *under_way,
            *(
                (body, self._ingest.submit(METRICS, body, PROTOBUF))
                for body in waiting[-_MOST_WAITING:]
            ),
        ]


def _is_to_repeat(outcome: Future[Outcome]) -> bool:
    return outcome.done() and outcome.result().status == 503


def _udp(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        opened.bind((LOOPBACK, port))
    except OSError as error:
        opened.close()
        raise StatsdError(
            f"cannot receive StatsD on {LOOPBACK} port {port}: "
            f"{(error.strerror or str(error)).lower()}; choose another with --statsd-port"
        ) from error
    return opened


def _unix(path: Path) -> socket.socket:
    """Return a socket at *path* that only this user can send to."""
    if not hasattr(socket, "AF_UNIX"):
        raise StatsdError("this platform has no Unix sockets; use --statsd-port")
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        _remove_left_over(path, opened)
        before = os.umask(0o177)  # 0600 from its creation
        try:
            opened.bind(str(path))
        finally:
            os.umask(before)
    except OSError as error:
        opened.close()
        raise StatsdError(
            f"cannot receive StatsD at {path}: {(error.strerror or str(error)).lower()}; "
            "choose another with --statsd-socket"
        ) from error
    return opened


def _remove_left_over(path: Path, opened: socket.socket) -> None:
    """Remove the socket of a killed server; keep one in use, and other files."""
    try:
        file_stat = path.lstat()
    except OSError:
        return
    if not stat.S_ISSOCK(file_stat.st_mode):
        return
    try:
        opened.connect(str(path))
    except ConnectionRefusedError:
        path.unlink()
    except OSError:
        return
