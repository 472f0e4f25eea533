"""Sources of records: the texts of a resource and a scope, stored once per segment.

A record's row in the text index has a token instead of the words of its source, so that a resource
of twenty attributes takes one byte per record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

MARK: Final = "\ue000"
"""Prefix of the token of a source: a private-use character, which no word of a query has."""
UNKNOWN: Final = 0
"""Placeholder for sources that are not stored; it may match any word."""
_MOST: Final = 5_000
_LONGEST: Final = 32_768


class Sources:
    """The sources of the segment behind *connection*; for its writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        (self._count,) = connection.execute("SELECT count(*) FROM sources").fetchone()

    def token_of(self, texts: Iterable[str]) -> str:
        """Return the token of the source with *texts*, storing a new one."""
        text = "\n".join(sorted(set(texts))).lower().replace("\x00", " ")
        number = self._ids.get(text)
        if number is None:
            number = self._look_up(text)
            if len(self._ids) >= _MOST:
                self._ids.clear()
            self._ids[text] = number
        return f"{MARK}{number}"

    def _look_up(self, text: str) -> int:
        if len(text) > _LONGEST:
            return UNKNOWN
        row = self._connection.execute("SELECT id FROM sources WHERE text = ?", (text,)).fetchone()
        if row is not None:
            return int(row[0])
        if self._count >= _MOST:
            return UNKNOWN
        self._count += 1
        cursor = self._connection.execute("INSERT INTO sources (text) VALUES (?)", (text,))
        return int(cursor.lastrowid or 0)
