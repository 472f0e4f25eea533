"""Database interface and tables of the accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

    from otel_budget.accounts.account import BudgetAccount

SCHEMA_VERSION = 3
LONGEST_WAIT_S = 2.0
"""Seconds that a transaction waits for those of other processes."""

TABLES = (
    """CREATE TABLE books (
    id {identity} PRIMARY KEY,
    budget TEXT NOT NULL, scope TEXT NOT NULL, start_ns BIGINT NOT NULL,
    spent BIGINT NOT NULL, reserved BIGINT NOT NULL, notified_percent BIGINT NOT NULL,
    UNIQUE (budget, scope, start_ns)
)""",
    """CREATE TABLE holds (
    id BIGINT NOT NULL, book_id BIGINT NOT NULL,
    amount BIGINT NOT NULL, cost_if_lost BIGINT NOT NULL,
    owner TEXT NOT NULL, expires_ns BIGINT NOT NULL,
    PRIMARY KEY (id, book_id)
)""",
    "CREATE INDEX holds_by_owner ON holds (owner)",
    """CREATE TABLE ceilings (
    model TEXT NOT NULL, kind TEXT NOT NULL,
    calls BIGINT NOT NULL, most BIGINT NOT NULL, least BIGINT NOT NULL, size BIGINT NOT NULL,
    PRIMARY KEY (model, kind)
)""",
    """CREATE TABLE changes (
    id {identity} PRIMARY KEY, at_ns BIGINT NOT NULL, action TEXT NOT NULL,
    budget TEXT NOT NULL, scope TEXT NOT NULL, detail TEXT NOT NULL
)""",
)
LEASE_TABLES = (
    """CREATE TABLE leases (
    book_id BIGINT NOT NULL, owner TEXT NOT NULL, slot BIGINT NOT NULL,
    amount BIGINT NOT NULL, published BIGINT NOT NULL,
    PRIMARY KEY (book_id, owner)
)""",
    "CREATE INDEX leases_by_owner ON leases (owner)",
    "CREATE TABLE owners (name TEXT PRIMARY KEY, expires_ns BIGINT NOT NULL)",
)
"""Tables that the second version of the schema added."""
RENAMED_COLUMNS = (
    "ALTER TABLE books RENAME COLUMN told TO notified_percent",
    "ALTER TABLE holds RENAME COLUMN likely TO cost_if_lost",
)
"""Changes of the third version of the schema."""


def upgrade_from(version: int) -> tuple[str, ...]:
    """Return the statements that bring the schema from *version* to the current one; 0 is none."""
    if not version:
        return (*TABLES, *LEASE_TABLES)
    steps: tuple[str, ...] = LEASE_TABLES if version < 2 else ()
    return (*steps, *RENAMED_COLUMNS) if version < 3 else steps


class BudgetFileError(Exception):
    """The shared accounts cannot be read or written now."""


class Found(Protocol):
    """Rows of a result."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Transaction(Protocol):
    """Statements with `?` placeholders that are committed together or not at all."""

    def execute(self, sql: str, values: tuple[Any, ...] = (), /) -> Found:
        """Queue one statement; the store may send it later.

        Queued statements are sent together when rows are fetched, and at the end. Execute all
        queries before the first `fetchone`. Errors may be raised there, or at the end.
        """
        ...


class Store(Protocol):
    """A database that stores the accounts of several processes."""

    write_every_s: float
    """Minimum seconds between two periodic writes of a process's lease spending."""

    def transaction(
        self, accounts: Collection[BudgetAccount] | None = None, /
    ) -> AbstractContextManager[Transaction]:
        """Lock *accounts*, all with None, for the body; commit its changes unless it raises.

        An account includes the entries of its budget and scope value in every window. The leases
        and reservations of other owners are cleared only with all accounts locked.

        Raises BudgetFileError when the database cannot be used in time.
        """
        ...

    def now_ns(self, db: Transaction) -> int | None:
        """Return the time by the database's clock; None where all users share the machine's."""
        ...

    def close(self) -> None:
        """Close the connection; the next transaction opens it again."""
