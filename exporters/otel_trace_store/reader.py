"""Reader of a trace store: all its segments, the newest first."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Self

from otel_trace_store.errors import TraceStoreError
from otel_trace_store.schema import RECORD_INDEX_VERSION, TOKENS_VERSION
from otel_trace_store.segments import open_readable, segment_files, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from otel_trace_store.schema import NameKind

_name: Final = attrgetter("name")
_STEPS: Final = 20_000
"""SQLite steps between two checks of the deadline: a fraction of a millisecond."""


@dataclass(slots=True)
class Deadline:
    """Deadline of the queries to a store, in `time.monotonic()`; None for no deadline."""

    at: float | None = None

    def check(self) -> None:
        """Raise sqlite3.OperationalError once the deadline has passed, as SQLite does."""
        if self.at is not None and time.monotonic() > self.at:
            raise sqlite3.OperationalError("interrupted")


@dataclass(frozen=True, slots=True)
class Segment:
    """One open segment."""

    name: str
    connection: sqlite3.Connection
    deadline: Deadline
    has_record_index: bool = True
    """False in a file of an earlier version, in which texts are searched block by block."""
    has_tokens: bool = True
    """False in a file of an earlier version, which has no tokens of model calls."""

    def ids_of(self, kind: NameKind, text: str) -> list[int]:
        """Return the numbers of a name; an operation has one for each service."""
        rows = self.connection.execute(
            "SELECT id FROM names WHERE kind = ? AND text = ?", (kind, text)
        )
        return [number for (number,) in rows]

    def name_of(self, number: int | None) -> tuple[str, str]:
        """Return the text of a name and its `more`; empty for an unknown one."""
        row = self.connection.execute(
            "SELECT text, more FROM names WHERE id = ?", (number,)
        ).fetchone()
        return (str(row[0]), str(row[1])) if row else ("", "")


class StoreReader:
    """The segments of the store in *folder*, open for reading; a context manager.

    With *others*, the segments of further folders are read too, all ordered by creation. For one
    thread. Raises TraceStoreError if a segment was created by a later version.
    """

    def __init__(self, folder: Path, *others: Path) -> None:
        self.folder = folder
        self.segments: list[Segment] = []
        self._newest: dict[Path, Segment] = {}
        self._deadline = Deadline()
        paths = [path for each in (folder, *others) for path in segment_files(each)]
        for path in sorted(paths, key=_name, reverse=True):
            # Segments removed by retention meanwhile, and damaged ones, are skipped.
            with suppress(sqlite3.Error):
                try:
                    connection = open_readable(path)
                except TraceStoreError as error:
                    if "is empty" in str(error):
                        continue
                    self.close()
                    raise
                version = version_of(connection)
                segment = Segment(
                    path.name,
                    connection,
                    self._deadline,
                    version >= RECORD_INDEX_VERSION,
                    version >= TOKENS_VERSION,
                )
                self.segments.append(segment)
                self._newest.setdefault(path.parent, segment)

    def __enter__(self) -> Self:
        """Return this reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the segments."""
        self.close()

    def close(self) -> None:
        """Close the segments."""
        for segment in self.segments:
            segment.connection.close()
        self.segments = []
        self._newest = {}

    def limit_time(self, seconds: float) -> None:
        """Set the deadline *seconds* from now; later queries raise sqlite3.OperationalError."""
        until = self._deadline.at = time.monotonic() + seconds
        for segment in self.segments:
            segment.connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)

    def names(self, kind: NameKind, most: int = 500) -> list[str]:
        """Return the names of a kind in alphabetical order."""
        names: set[str] = set()
        for segment in self.segments:
            rows: Iterable[tuple[str]] = segment.connection.execute(
                "SELECT DISTINCT text FROM names WHERE kind = ? ORDER BY id DESC LIMIT ?",
                (kind, most),
            )
            names.update(text for (text,) in rows)
        return sorted(names)[:most]

    def mark(self) -> str:
        """Return a text that changes with every write."""
        return " ".join(map(_mark, self._newest.values())) or "empty"

    def __iter__(self) -> Iterator[Segment]:
        """Yield the segments, the newest first."""
        return iter(self.segments)


def _mark(segment: Segment) -> str:
    execute = segment.connection.execute
    (block,) = execute("SELECT max(no) FROM blocks").fetchone()
    (version,) = execute("PRAGMA data_version").fetchone()
    (latest,) = execute("SELECT max(time_us) FROM points").fetchone()
    return f"{segment.name}:{block}:{version}:{latest}"
