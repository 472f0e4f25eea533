"""The files that a SQLite connection holds open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_host.descriptors import FilesOf

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES = ("", "-wal", "-shm", "-journal")


def sqlite_files(path: Path) -> FilesOf:
    """Return the descriptors that this process has on the database at *path* and its side files.

    Call it when a connection has been opened and used once, so that SQLite has opened them all.
    """
    return FilesOf(path.with_name(path.name + suffix) for suffix in _SUFFIXES)
