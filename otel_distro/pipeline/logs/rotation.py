"""Log file shared by several processes, rotated by size and day, older parts gzipped.

A background thread appends batches of lines under a lock file, so that no line is lost or torn,
even if another process rotates the file.
"""

from __future__ import annotations

import gzip
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from otel_host.file_locks import unlock, wait_and_lock
from otel_host.private_files import make_private_folder, open_private, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_DAY_SECONDS = 86_400
_MEGABYTE = 1_000_000


class RotatingFile:
    """The file at *path*, with at most *backups* older parts beside it, the latest as `.1.gz`."""

    def __init__(self, path: Path, *, megabytes: float, backups: int) -> None:
        self.path = path
        self._limit = int(megabytes * _MEGABYTE)
        self._backups = backups

    def append(self, lines: Sequence[str]) -> None:
        """Append *lines*, each with its line feed; raises OSError."""
        data = [line.encode("utf-8", "replace") for line in lines]
        if not self.path.parent.is_dir():
            make_private_folder(self.path.parent)
        with locked(self.path):
            at = 0
            while at < len(data):
                at = self._append_some(data, at)

    def _append_some(self, data: list[bytes], at: int) -> int:
        """Append lines from *at* until the file is full; return where to continue."""
        # The mode of an existing log is the user's choice: a log shipper may need to read it.
        descriptor = open_private(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, narrow=False)
        try:
            file_stat = os.fstat(descriptor)
            if not self._is_due(file_stat, len(data[at])):
                part, room = [data[at]], self._limit - file_stat.st_size - len(data[at])
                for line in data[at + 1 :]:
                    room -= len(line)
                    if room < 0:
                        break
                    part.append(line)
                _write_all(descriptor, b"".join(part), file_stat.st_size)
                return at + len(part)
        finally:
            os.close(descriptor)
        self._rotate()
        return at

    def _is_due(self, file_stat: os.stat_result, size: int) -> bool:
        if not file_stat.st_size:
            return False
        return file_stat.st_size + size > self._limit or _day(file_stat.st_mtime) < _day(
            time.time()
        )

    def _rotate(self) -> None:
        aside = self.path.with_name(f".{self.path.name}.rotating")
        if aside.exists():
            self._keep(aside)  # left by a process that died while compressing
        self.path.replace(aside)
        self._keep(aside)

    def _keep(self, aside: Path) -> None:
        if self._backups:
            with suppress(FileNotFoundError):
                self.backup(self._backups).unlink()
            for number in range(self._backups - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self.backup(number).replace(self.backup(number + 1))
            _compress(aside, self.backup(1))
        aside.unlink()

    def backup(self, number: int) -> Path:
        """Return the name of an older part; 1 is the latest."""
        return self.path.with_name(f"{self.path.name}.{number}.gz")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the log at *path* for the body."""
    descriptor = open_private(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT)
    try:
        wait_and_lock(descriptor)
        yield
    finally:
        unlock(descriptor)
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, size: int) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        # The next line would be appended to half a line.
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _compress(plain: Path, packed: Path) -> None:
    with (
        plain.open("rb") as source,
        replacing(packed) as raw,
        gzip.GzipFile("", "wb", 6, raw) as compressed,
    ):
        shutil.copyfileobj(source, compressed)


def _day(seconds: float) -> int:
    return int(seconds // _DAY_SECONDS)
