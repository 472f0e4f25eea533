"""Statements for PostgreSQL that share a message; psycopg is imported late."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_budget.accounts.schema import BudgetFileError

if TYPE_CHECKING:
    from otel_budget.accounts.schema import Found


class Statements:
    """Statements with `?` placeholders, queued until rows are fetched or the transaction ends.

    They are sent in one message: one round trip, and no moment at which the server waits for the
    rest of a host that is lost. psycopg's pipeline mode sends each by itself.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._literals = psycopg_module().ClientCursor(connection)
        self._unsent: list[_Rows] = []

    def execute(self, sql: str, values: tuple[Any, ...] = (), /) -> Found:
        """Queue one statement."""
        rows = _Rows(self, sql, values)
        self._unsent.append(rows)
        return rows

    def send(self) -> None:
        """Send the queued statements and wait for their results."""
        unsent, self._unsent = self._unsent, []
        if not unsent:
            return
        texts = [self._literals.mogrify(_for_psycopg(rows.sql), rows.values) for rows in unsent]
        # Without values, which are in the text, psycopg sends it as it is.
        cursor = self._connection.execute("; ".join(texts).encode(), prepare=False)
        for rows in unsent:
            rows.found = cursor.fetchall() if cursor.description else []
            cursor.nextset()


class _Rows:
    """A queued statement and its rows."""

    __slots__ = ("_statements", "found", "sql", "values")

    def __init__(self, statements: Statements, sql: str, values: tuple[Any, ...]) -> None:
        self._statements = statements
        self.sql = sql
        self.values = values
        self.found: list[Any] | None = None

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        rows = self._sent()
        return rows.pop(0) if rows else None

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        rows = self._sent()
        self.found = []
        return rows

    def _sent(self) -> list[Any]:
        if self.found is None:  # otherwise statements queued since can wait
            self._statements.send()
        assert self.found is not None  # noqa: S101 - for the type checkers
        return self.found


def psycopg_module() -> Any:
    """Return the module; raises BudgetFileError with the command that installs it."""
    try:
        import psycopg
    except ImportError as error:
        raise BudgetFileError(
            "budgets in PostgreSQL need psycopg; run: pip install 'otel-distro[postgres]'"
        ) from error
    return psycopg


@lru_cache(maxsize=256)
def _for_psycopg(sql: str) -> bytes:
    # bytes, since psycopg asks for proof that a text is no user's.
    return sql.replace("%", "%%").replace("?", "%s").encode()
