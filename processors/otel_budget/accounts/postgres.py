"""Budget accounts in PostgreSQL, shared by several hosts; psycopg is imported late."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from otel_budget.accounts.schema import (
    LONGEST_WAIT_S,
    SCHEMA_VERSION,
    BudgetFileError,
    Found,
    Transaction,
    upgrade_from,
)
from otel_host import fork_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCHEMA: Final = "otel_distro_budget"
TURN: Final = 0x4F5442_0001
"""Advisory lock that serialises transactions as SQLite does, so that the same code is correct."""
_CREATION: Final = 0x4F5442_0002
_BACKOFF_S: Final = 1.0
"""Seconds after a failure in which no call waits for an unreachable server, and only briefly for a
busy one.
"""
_SHORT_WAIT_MS: Final = 50
WRITE_EVERY_S: Final = 1.0
"""Transactions of all hosts are serialised: ten writes a second per process would overload the
server.
"""


class PostgresDatabase:
    """One connection of this process, used by one thread at a time."""

    def __init__(
        self,
        parameters: Mapping[str, str],
        shown: str,
        *,
        quietly: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.write_every_s = WRITE_EVERY_S
        self._parameters = dict(parameters)
        self._shown = shown
        self._quietly = quietly
        self._lock = threading.Lock()
        self._connection: Any = None
        self._inherited: list[Any] = []
        self._trouble: tuple[float, str] = (0.0, "")
        fork_hooks.watch(fork_hooks.Stage.DATABASES, self)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Lock the accounts for the body and commit its changes unless it raises.

        Raises BudgetFileError, which never shows a password, when the server cannot be used.
        """
        with self._lock, self._quietly():
            db = self._begun()
            try:
                yield db
            except BaseException as error:
                self._end(db, error)
                raise
            with self._translated():
                db.execute("COMMIT")

    def _begun(self) -> _Statements:
        until, why = self._trouble
        trouble = time.monotonic() < until
        with self._translated():
            if self._connection is None or self._connection.closed:
                if trouble:
                    raise BudgetFileError(why)
                self._connection = self._connect()
            db = _Statements(self._connection)
            db.execute("BEGIN")
            if trouble:
                db.execute(f"SET LOCAL lock_timeout = {_SHORT_WAIT_MS}")
            db.execute("SELECT pg_advisory_xact_lock(?)", (TURN,))
            return db

    def _end(self, db: _Statements, error: BaseException) -> None:
        try:
            db.execute("ROLLBACK")
        except Exception:  # the connection is lost, and the transaction with it
            self._forget()
        if isinstance(error, _psycopg().Error):
            raise self._fault(error) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _psycopg().Error as error:
            if isinstance(error, _psycopg().errors.LockNotAvailable):
                self._connection.execute("ROLLBACK")
            else:
                self._forget()
            raise self._fault(error) from None

    def _fault(self, error: BaseException) -> BudgetFileError:
        said = " ".join(str(error).split()) or type(error).__name__
        password = self._parameters.get("password")
        if password:
            said = said.replace(password, "***")
        message = f"cannot use the budgets in {self._shown}: {said}"
        self._trouble = time.monotonic() + _BACKOFF_S, message
        return BudgetFileError(message)

    def _connect(self) -> Any:
        timeout_ms = int(LONGEST_WAIT_S * 1000)
        defaults = {
            "application_name": "otel-distro budgets",
            "connect_timeout": str(int(LONGEST_WAIT_S)),
            # A network that drops packets closes no connection: without these, this process would
            # wait for minutes, and a lock held by an unreachable host would last hours.
            "tcp_user_timeout": str(2 * timeout_ms),
            "options": f"-c lock_timeout={timeout_ms} -c statement_timeout={2 * timeout_ms}"
            f" -c idle_in_transaction_session_timeout={2 * timeout_ms}",
        }
        connection = _psycopg().connect("", autocommit=True, **{**defaults, **self._parameters})
        try:
            _prepare(_Statements(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def now_ns(self, db: Transaction) -> int:
        """Return the time by the server's clock."""
        (found,) = db.execute(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint"
        ).fetchone()
        return int(found)

    def close(self) -> None:
        """Close the connection; the next transaction opens it again."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def before_fork(self) -> None:
        """Do nothing: the child leaves the parent's connection alone."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Use a new lock and connection; closing the parent's connection would end it there."""
        self._lock = threading.Lock()
        if self._connection is not None:
            self._inherited.append(self._connection)
            self._connection = None


class _Statements:
    """Runs statements with `?` placeholders."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: tuple[Any, ...] = (), /) -> Found:
        """Run one statement."""
        found: Found = self._connection.execute(_for_psycopg(sql), values)
        return found


_IDENTITY = "BIGINT GENERATED BY DEFAULT AS IDENTITY"


def _prepare(db: _Statements) -> None:
    db.execute("BEGIN")
    db.execute("SELECT pg_advisory_xact_lock(?)", (_CREATION,))
    # Created only if missing: a role may use a schema without the right to create one.
    there = db.execute("SELECT 1 FROM pg_namespace WHERE nspname = ?", (SCHEMA,)).fetchone()
    if there is None:
        db.execute(f"CREATE SCHEMA {SCHEMA}")
    db.execute(f"SET search_path TO {SCHEMA}")
    if there is None:
        for statement in upgrade_from(0):
            db.execute(statement.format(identity=_IDENTITY))
        db.execute("CREATE TABLE meta (schema_version BIGINT NOT NULL)")
        db.execute("INSERT INTO meta (schema_version) VALUES (?)", (SCHEMA_VERSION,))
    (version,) = db.execute("SELECT schema_version FROM meta").fetchone()
    if version < SCHEMA_VERSION:
        for statement in upgrade_from(version):
            db.execute(statement.format(identity=_IDENTITY))
        db.execute("UPDATE meta SET schema_version = ?", (SCHEMA_VERSION,))
    db.execute("COMMIT")
    if version > SCHEMA_VERSION:
        raise BudgetFileError("the budgets there were made by a newer version; upgrade otel-distro")


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise BudgetFileError(
            "budgets in PostgreSQL need psycopg; run: pip install 'otel-distro[postgres]'"
        ) from error
    return psycopg


@lru_cache(maxsize=256)
def _for_psycopg(sql: str) -> bytes:
    # bytes, since psycopg's types accept only literal strings.
    return sql.replace("%", "%%").replace("?", "%s").encode()
