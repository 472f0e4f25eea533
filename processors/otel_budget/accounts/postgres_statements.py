"""Pipelined statements for PostgreSQL; psycopg is imported late."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_budget.accounts.schema import BudgetFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_budget.accounts.schema import Found


class Statements:
    """Statements with `?` placeholders, queued until rows are fetched or the transaction ends.

    They are sent together: between two of them the session does not count as idle, and the server
    would not end the session of a host that is lost at that moment.
    """

    def __init__(self, connection: Any, wait: Callable[[], None] = lambda: None) -> None:
        """Use *wait* to wait for the results of sent statements."""
        self._connection = connection
        self._wait = wait
        self._unsent: list[_Rows] = []

    def execute(self, sql: str, values: tuple[Any, ...] = (), /) -> Found:
        """Queue one statement."""
        rows = _Rows(self, sql, values)
        self._unsent.append(rows)
        return rows

    def send(self) -> None:
        """Send the queued statements and wait for their results."""
        unsent, self._unsent = self._unsent, []
        for rows in unsent:
            rows.cursor = self._connection.execute(_for_psycopg(rows.sql), rows.values)
        if unsent:
            self._wait()


class _Rows:
    """A queued statement and its rows."""

    __slots__ = ("_statements", "cursor", "sql", "values")

    def __init__(self, statements: Statements, sql: str, values: tuple[Any, ...]) -> None:
        self._statements = statements
        self.sql = sql
        self.values = values
        self.cursor: Any = None

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._sent().fetchone()

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        return list(self._sent().fetchall())

    def _sent(self) -> Any:
        if self.cursor is None:  # otherwise statements queued since can wait
            self._statements.send()
        return self.cursor


@contextmanager
def pipeline(connection: Any) -> Iterator[Callable[[], None]]:
    """Use pipeline mode; yields the function that waits for all results."""
    if not psycopg_module().Pipeline.is_supported():  # an old libpq
        yield lambda: None
        return
    stack = ExitStack()
    entered = stack.enter_context(connection.pipeline())
    try:
        yield entered.sync
    except BaseException:
        # Exits without the error, because psycopg would log further errors.
        with suppress(Exception):
            stack.close()
        raise
    stack.close()


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
