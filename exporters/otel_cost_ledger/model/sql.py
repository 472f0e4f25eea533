"""The connection protocol of the ledger, implemented for SQLite and PostgreSQL.

Statements have `?` placeholders, integers for booleans and `coalesce` for defaults, and so work in
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    SqlValue = int | str | bytes | None


class Cursor(Protocol):
    """Result of a statement."""

    @property
    def description(self) -> Any:
        """One entry per column, the name first."""
        ...

    @property
    def rowcount(self) -> int:
        """Number of rows that the statement inserted, changed or deleted."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """An open database."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
