"""Interned names of one segment: a row holds a number, the name is stored once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_trace_store.schema import NameKind

if TYPE_CHECKING:
    import sqlite3

OTHER: Final = "(other)"
"""Replaces further names once a segment has its maximum of a kind."""
_MOST: Final = {NameKind.SESSION: 200_000}
_MOST_OTHERS: Final = 20_000
_LONGEST: Final = 300


class Names:
    """The names of the segment behind *connection*; for its writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[int, str, str], int] = {}
        self._counts: dict[int, int] = dict(
            connection.execute("SELECT kind, count(*) FROM names GROUP BY kind").fetchall()
        )

    def id_of(self, kind: NameKind, text: str, more: str = "") -> int:
        """Return the number of a name, storing a new one."""
        key = (kind, text, more)
        known = self._ids.get(key)
        return known if known is not None else self._look_up(kind, text, more)

    def _look_up(self, kind: NameKind, text: str, more: str) -> int:
        key = (kind, text, more)
        text, more = text[:_LONGEST], more[:_LONGEST]
        number = self._find(kind, text, more)
        if number is None and self._counts.get(kind, 0) >= _MOST.get(kind, _MOST_OTHERS):
            text, more = OTHER, ""
            number = self._find(kind, text, more)
        if number is None:
            cursor = self._connection.execute(
                "INSERT INTO names (kind, text, more) VALUES (?, ?, ?)", (kind, text, more)
            )
            number = int(cursor.lastrowid or 0)
            self._counts[kind] = self._counts.get(kind, 0) + 1
        if len(self._ids) > 2 * _MOST_OTHERS:
            self._ids.clear()
        self._ids[key] = number
        return number

    def _find(self, kind: NameKind, text: str, more: str) -> int | None:
        row = self._connection.execute(
            "SELECT id FROM names WHERE kind = ? AND text = ? AND more = ?", (kind, text, more)
        ).fetchone()
        return None if row is None else int(row[0])
