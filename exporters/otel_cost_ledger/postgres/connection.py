"""A connection to PostgreSQL that runs the ledger's statements; psycopg is imported late."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.errors import (
    LedgerError,
    NewerSchemaError,
)
from otel_cost_ledger.model.schema import SCHEMA_VERSION, migration_script
from otel_cost_ledger.postgres.faults import translated
from otel_cost_ledger.postgres.pool import borrow
from otel_cost_ledger.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.model.location import PostgresUrl
    from otel_cost_ledger.model.sql import Cursor

WRITERS: Final = 0x4F544C_0001
"""Advisory lock that serialises writers, so that no two wait for each other's sums."""
MAINTENANCE: Final = 0x4F544C_0002
_CREATION: Final = 0x4F544C_0003
_READERS_WAIT_MS: Final = 10_000


def driver() -> Any:
    """Return the module `psycopg`. Raises `LedgerError` with the install command without it."""
    try:
        import psycopg
    except ImportError as error:
        raise LedgerError(
            "a PostgreSQL ledger needs psycopg; run: pip install 'otel-distro[postgres]'"
        ) from error
    return psycopg


class _Returned:
    """State of a connection after its return to the pool: closed for its last user."""

    def close(self) -> None:
        """Do nothing."""


class PostgresConnection:
    """An autocommitting connection that raises `LedgerError`s, which never show a password."""

    def __init__(self, url: PostgresUrl, *, timeout_ms: int, shared: bool = False) -> None:
        """Connect to *url*, or with *shared* borrow a connection from the pool, if there is one."""
        psycopg = driver()
        self.url = url
        self.schema_version = SCHEMA_VERSION
        """Schema version found in the database; set for readers, which may find an older one."""
        defaults = {"application_name": "otel-distro", "connect_timeout": "5"}
        arguments = {"autocommit": True, **defaults, **url.parameters}
        self.is_pooled = False
        """Whether a pooler such as pgbouncer is in between.

        It may run each transaction in another session, so settings are local to transactions.
        """
        self._settings: dict[str, str] = {}
        self._pool: Any = None
        self.raw: Any = None
        with self.translated():
            if shared:
                self.raw, self._pool = borrow(url, lambda: arguments)
            if self.raw is None:
                self.raw = psycopg.connect("", **arguments)
        try:
            self.raw.adapters.register_loader("numeric", _integers())
            with self.translated():
                (pid,) = self.raw.execute(b"SELECT pg_backend_pid()").fetchone()
                self.is_pooled = pid != self.raw.info.backend_pid
                if self.is_pooled:
                    # Prepared statements of other clients have the same names.
                    self.raw.prepare_threshold = None
            self.set_timeout(timeout_ms)
        except BaseException:
            self.close()
            raise

    def set_timeout(self, timeout_ms: int) -> None:
        """Wait at most *timeout_ms* for the locks of other processes."""
        self._set("lock_timeout", str(int(timeout_ms)))

    def use_schema(self) -> None:
        """Use the ledger's schema for unqualified table names."""
        self._set("search_path", SCHEMA)

    def _set(self, name: str, value: str) -> None:
        self._settings[name] = value
        if not self.is_pooled:
            self.execute("SELECT set_config(?, ?, false)", [name, value])

    def _set_again(self) -> None:
        """Repeat the settings in this transaction, whose session may be another one."""
        if self.is_pooled:
            calls = ", ".join("set_config(%s, %s, true)" for _ in self._settings)
            values = [text for setting in self._settings.items() for text in setting]
            self.raw.execute(f"SELECT {calls}".encode(), values)

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement with `?` placeholders."""
        if self.is_pooled and not self.raw.info.transaction_status:  # it is idle
            with self.transaction():
                return self.execute(sql, values)
        with self.translated():
            cursor: Cursor = self.raw.execute(_for_psycopg(sql), tuple(values))
            return cursor

    def run_script(self, script: str) -> None:
        """Run several statements without values."""
        with self.translated():
            # bytes, since psycopg's types accept only literal strings.
            self.raw.execute(script.encode())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the body in a transaction."""
        with self.translated(), self.raw.transaction():
            self._set_again()
            yield

    def begin_reading(self) -> None:
        """Begin a read-only transaction with one snapshot of the ledger."""
        with self.translated():
            self.raw.execute(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._set_again()

    def translated(self) -> AbstractContextManager[None]:
        """Raise psycopg's errors in the body as `UnusableRowError` or `ServerError`."""
        return translated(driver(), self.url)

    def close(self) -> None:
        """Close the connection, or return it to the pool."""
        pool, self._pool = self._pool, None
        if pool is None:
            if self.is_pooled:
                # A pooler closes a session that a client leaves in a transaction.
                with suppress(driver().Error):
                    self.raw.rollback()
            self.raw.close()
            return
        raw, self.raw = self.raw, _Returned()
        try:
            raw.rollback()
        finally:
            # A broken one is replaced.
            pool.putconn(raw)

    def __enter__(self) -> PostgresConnection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_for_writing(url: PostgresUrl, *, timeout_ms: int) -> PostgresConnection:
    """Return a connection to the ledger at *url*, which is created if missing."""
    connection = PostgresConnection(url, timeout_ms=timeout_ms)
    try:
        if (find_schema(connection) or 0) < SCHEMA_VERSION:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(?)", [_CREATION])
                # Another process may have created it during the wait.
                version = find_schema(connection) or 0
                if version:
                    connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
                for step in range(version + 1, SCHEMA_VERSION + 1):
                    # For this transaction only: another client may use the session next.
                    script = migration_script("postgres", step)
                    connection.run_script(
                        script.replace("\nSET search_path", "\nSET LOCAL search_path")
                    )
        connection.use_schema()
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(url: PostgresUrl) -> PostgresConnection | None:
    """Return a connection with a snapshot of the ledger at *url*; None if it does not exist."""
    connection = PostgresConnection(url, timeout_ms=_READERS_WAIT_MS, shared=True)
    try:
        version = find_schema(connection)
        if version is None:
            connection.close()
            return None
        connection.schema_version = version
        connection.use_schema()
        connection.begin_reading()
    except BaseException:
        connection.close()
        raise
    return connection


def find_schema(connection: PostgresConnection) -> int | None:
    """Return the ledger's schema version, None without one; raises for a newer one."""
    if not has_table(connection, "meta"):
        return None
    row = connection.execute(
        f"SELECT value FROM {SCHEMA}.meta WHERE key = 'schema_version'"
    ).fetchone()
    version = int(row[0]) if row else 0
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{connection.url} has schema {version}, this version of otel-distro knows up to "
            f"{SCHEMA_VERSION}; upgrade otel-distro or choose another ledger"
        )
    return version


def has_table(connection: PostgresConnection, name: str) -> bool:
    """Return whether the ledger's schema has the table *name*."""
    # to_regclass() uses a cache that waiting for an advisory lock does not refresh: it misses
    # tables that another writer has created meanwhile.
    sql = "SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = ?"
    return connection.execute(sql, [SCHEMA, name]).fetchone() is not None


@lru_cache(maxsize=512)
def _for_psycopg(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _integers() -> Any:
    """Return a loader of Python's int for sums of bigint, which are numeric in PostgreSQL."""
    from psycopg.adapt import Loader

    class IntegerLoader(Loader):
        def load(self, data: Any) -> int:
            return int(bytes(data))

    return IntegerLoader
