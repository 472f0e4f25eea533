"""Budget accounts in PostgreSQL, shared by several hosts; psycopg is imported late.

Settings are local to a transaction, and no statement is prepared: a pooler such as pgbouncer may
run each transaction in another session.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from otel_budget.accounts.postgres_statements import Statements, psycopg_module
from otel_budget.accounts.schema import (
    LONGEST_WAIT_S,
    SCHEMA_VERSION,
    BudgetFileError,
    upgrade_from,
)
from otel_host import fork_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Found, Transaction

SCHEMA: Final = "otel_distro_budget"
TURN: Final = 0x4F5442_0001
"""Advisory lock: exclusive in transactions that lock all accounts, shared in all others.

Earlier versions take it exclusively in every transaction, so both versions can run together.
"""
_CREATION: Final = 0x4F5442_0002
_BACKOFF_S: Final = 1.0
"""Seconds after a failure in which no call waits for an unreachable server, and only briefly for a
busy one.
"""
_SHORT_WAIT_MS: Final = 50
WRITE_EVERY_S: Final = 1.0
"""All hosts share the server: ten writes a second per process would overload it."""


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
        self._longest_wait_ms = int(LONGEST_WAIT_S * 1000)
        self._shown = shown
        self._quietly = quietly
        self._lock = threading.Lock()
        self._connection: Any = None
        self._began: Any = None
        self._began_ns: int | None = None
        self._inherited: list[Any] = []
        self._trouble: tuple[float, str] = (0.0, "")
        fork_hooks.watch(fork_hooks.Stage.DATABASES, self)

    @contextmanager
    def transaction(
        self, accounts: Collection[BudgetAccount] | None = None, /
    ) -> Iterator[Transaction]:
        """Lock *accounts*, all with None, for the body; commit its changes unless it raises.

        Raises BudgetFileError, which never shows a password, when the server cannot be used.
        """
        with self._lock, self._quietly():
            try:
                connection, wait_ms = self._connected()
                db = Statements(connection)
                self._began, self._began_ns = self._begin(db, wait_ms), None
                _lock(db, accounts)
                yield db
                db.execute("COMMIT")
                db.send()
            except BaseException as error:
                self._end(error)
                raise

    def _connected(self) -> tuple[Any, int]:
        """Return the connection, and the longest wait for a lock in milliseconds."""
        until, why = self._trouble
        trouble = time.monotonic() < until
        if self._connection is not None:
            # Detects, without waiting, that the server has ended the session: the first call reads
            # its last message, the second the end.
            with suppress(psycopg_module().Error):
                self._connection.pgconn.consume_input()
                self._connection.pgconn.consume_input()
        if self._connection is None or self._connection.closed:
            if trouble:
                raise BudgetFileError(why)
            self._connection = self._connect()
        return self._connection, _SHORT_WAIT_MS if trouble else self._longest_wait_ms

    def _end(self, error: BaseException) -> None:
        if self._connection is not None:
            try:
                self._connection.execute(b"ROLLBACK")
            except Exception:  # the connection is lost, and the transaction with it
                self._forget()
        if not isinstance(error, BudgetFileError) and isinstance(error, psycopg_module().Error):
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
        defaults = {
            "application_name": "otel-distro budgets",
            "connect_timeout": str(int(LONGEST_WAIT_S)),
            # A network that drops packets closes no connection: without this, this process would
            # wait for minutes.
            "tcp_user_timeout": str(2 * self._longest_wait_ms),
        }
        connection = psycopg_module().connect(
            "", autocommit=True, **{**defaults, **self._parameters}
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin(self, db: Statements, wait_ms: int) -> Found:
        """Begin, with a timeout of *wait_ms* milliseconds for locks."""
        most_ms = str(2 * self._longest_wait_ms)
        db.execute("BEGIN")
        return db.execute(_BEGIN, (SCHEMA, str(wait_ms), most_ms, most_ms))

    def _prepare(self, connection: Any) -> None:
        """Create the tables, or upgrade them to this version."""
        db = Statements(connection)
        self._begin(db, self._longest_wait_ms)
        db.execute("SELECT pg_advisory_xact_lock(?)", (_CREATION,))
        # Created only if missing: a role may use a schema without the right to create one.
        there = db.execute("SELECT 1 FROM pg_namespace WHERE nspname = ?", (SCHEMA,)).fetchone()
        if there is None:
            db.execute(f"CREATE SCHEMA {SCHEMA}")
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
        db.send()
        if version > SCHEMA_VERSION:
            raise BudgetFileError(
                "the budgets there were made by a newer version; upgrade otel-distro"
            )

    def now_ns(self, db: Transaction) -> int:
        """Return the time by the server's clock when the transaction began."""
        if self._began_ns is None:
            self._began_ns = int(self._began.fetchone()[0])
        return self._began_ns

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


_IDENTITY: Final = "BIGINT GENERATED BY DEFAULT AS IDENTITY"
_BEGIN: Final = (
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint,"
    " set_config('search_path', ?, true), set_config('lock_timeout', ?, true),"
    " set_config('statement_timeout', ?, true),"
    " set_config('idle_in_transaction_session_timeout', ?, true)"
)
"""All settings are local to the transaction."""


def _lock(db: Statements, accounts: Collection[BudgetAccount] | None) -> None:
    """Lock *accounts* until the end of the transaction; all with None."""
    if accounts is None:
        db.execute("SELECT pg_advisory_xact_lock(?)", (TURN,))
        return
    db.execute("SELECT pg_advisory_xact_lock_shared(?)", (TURN,))
    if accounts:
        # Sorted, so that transactions cannot deadlock.
        keys = sorted({_lock_key(each.budget, each.scope) for each in accounts})
        db.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(?::bigint[]) AS key", (keys,))


@lru_cache(maxsize=1024)
def _lock_key(budget: str, scope: str) -> int:
    text = f"{SCHEMA}\0{budget}\0{scope}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)
