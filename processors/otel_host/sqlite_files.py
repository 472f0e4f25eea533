"""Open files of a SQLite connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_host.descriptors import FilesOf

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES = ("", "-wal", "-shm", "-journal")


def sqlite_files(path: Path) -> FilesOf:
    """Return the descriptors of this process on the database at *path* and its side files.

    Call it after a connection was opened and used once, so that SQLite has opened them all.
    """
    return FilesOf(path.with_name(path.name + suffix) for suffix in _SUFFIXES)
