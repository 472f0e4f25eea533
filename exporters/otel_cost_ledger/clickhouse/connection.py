"""A connection to ClickHouse that runs the ledger's queries."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.clickhouse.client import client_of, load_driver
from otel_cost_ledger.clickhouse.dialect import statement
from otel_cost_ledger.clickhouse.tables import Tables, ranges_of
from otel_cost_ledger.model.errors import NewerSchemaError, ServerError
from otel_cost_ledger.model.filters import END_OF_TIME_NS
from otel_cost_ledger.model.schema import NS_PER_DAY, NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_cost_ledger.model.location import ClickHouseUrl

SCHEMA_VERSION: Final = 1
"""The latest migration of these tables; `ledger_meta` has that of a database."""
ROWS_DAYS: Final = "rows_days"
VERSION: Final = "schema_version"
NOW: Final = "now"
"""The server's clock in nanoseconds, the reference for all comparisons."""
_NOW_NS: Final = "toString(toUnixTimestamp64Nano(now64(9)))"

_MISSING_TABLE, _MISSING_DATABASE = 60, 81
_CODE: Final = re.compile(r"\bCode: (\d+)\. DB::")
_FAULTS: Final = {
    158: "more rows than the limit of a query; choose a shorter time",
    159: "took longer than a minute; choose a shorter time, or run "
    "`otel-distro stack clickhouse sum`, which computes hourly sums",
    160: "would take longer than a minute; choose a shorter time, or run "
    "`otel-distro stack clickhouse sum`, which computes hourly sums",
    164: "permission denied; grant the user write access",
    241: "needs more memory than the limit of a query; choose a shorter time",
    396: "more rows than the limit of a query; choose a shorter time",
    497: "permission denied; grant the user read access to these tables",
    516: "check user and password",
}
"""Error code of ClickHouse -> remedy."""
_NO_ANSWER: Final = "check that the server runs and can be reached"


class Rows:
    """Result rows of a statement, fetched in blocks as they are read."""

    def __init__(self, connection: ClickHouseConnection, sql: str) -> None:
        self._connection = connection
        self._sql = sql
        self.rowcount = -1
        self.description: tuple[tuple[str], ...] = ()

    def fetchone(self) -> Any:
        """Return the first row, None without rows."""
        return next(iter(self), None)

    def __iter__(self) -> Iterator[Any]:
        with (
            self._connection.translated(),
            self._connection.client.query_row_block_stream(self._sql) as blocks,
        ):
            self.description = tuple((name,) for name in blocks.source.column_names)
            for block in blocks:
                yield from block


class ClickHouseConnection:
    """A client that raises `LedgerError`s, which never show a password."""

    def __init__(
        self, url: ClickHouseUrl, *, writes: bool = False, database: str | None = None
    ) -> None:
        """Connect to *url*, or to another *database* of its server."""
        self.url = url
        self._named: Mapping[str, str] = {}
        with self.translated():
            self.client = client_of(url, writes=writes, database=database)

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Return the rows of a query with `?` placeholders."""
        return Rows(self, statement(sql, values, self._named))

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement in ClickHouse's dialect."""
        with self.translated():
            return [tuple(row) for row in self.client.query(sql).result_rows]

    def command(self, sql: str) -> None:
        """Run a statement without rows, in ClickHouse's dialect."""
        with self.translated():
            self.client.command(sql)

    def use_tables(self, tables: Tables) -> None:
        """Run queries on *tables* from now on."""
        self._named = tables.all()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise the client's errors in the body as `ServerError`."""
        driver = load_driver()
        try:
            yield
        except (driver.driver.exceptions.Error, OSError) as error:
            code = code_of(error)
            reason = _reason(str(error))
            message = self.url.without_password(f"{self.url}: {reason}")
            remedy = _FAULTS.get(code, "" if code else _NO_ANSWER)
            server_error = ServerError(f"{message}; {remedy}" if remedy else message, "unavailable")
            server_error.code = code
            raise server_error from None

    def close(self) -> None:
        """Do nothing: the client of a process stays open for its next query."""


def _reason(message: str) -> str:
    """Return the server's error message, without the statement and its values."""
    before, found, reason = message.rpartition("DB::Exception: ")
    first_line = (reason if found else before or message).partition("\n")[0]
    return first_line.partition(" In scope ")[0].partition(" (for url ")[0][:400]


def code_of(error: Exception) -> int:
    """Return ClickHouse's error code; 0 if the server did not respond."""
    match = _CODE.search(str(error))
    return int(match[1]) if match else 0


def open_for_reading(url: ClickHouseUrl) -> ClickHouseConnection | None:
    """Return a connection that reads the ledger at *url*; None if it does not exist."""
    connection = connect(url)
    meta = None if connection is None else read_meta(connection)
    if connection is None or meta is None or VERSION not in meta:
        return None
    version = int(meta[VERSION])
    if version > SCHEMA_VERSION:
        raise newer_schema(url, version)
    connection.use_tables(tables_now(connection, meta))
    return connection


def connect(url: ClickHouseUrl) -> ClickHouseConnection | None:
    """Return a connection that reads the database at *url*; None if it does not exist."""
    try:
        return ClickHouseConnection(url)
    except ServerError as error:
        if error.code == _MISSING_DATABASE:
            return None
        raise


def newer_schema(url: ClickHouseUrl, version: int) -> NewerSchemaError:
    """Describe tables created by a later version of this package."""
    return NewerSchemaError(
        f"{url} has schema {version}, this version of otel-distro knows up to {SCHEMA_VERSION}; "
        "upgrade otel-distro: a schema is never downgraded"
    )


def read_meta(connection: ClickHouseConnection) -> dict[str, str] | None:
    """Return the metadata of the ledger; None if the database has none."""
    try:
        return dict(
            connection.read(
                f"SELECT key, value FROM ledger_meta FINAL UNION ALL SELECT '{NOW}', {_NOW_NS}"
            )
        )
    except ServerError as error:
        if error.code in (_MISSING_TABLE, _MISSING_DATABASE):
            return None
        raise


def rows_since(meta: Mapping[str, str]) -> int:
    """Return the time before which rows are removed, in nanoseconds since the epoch."""
    return max(0, (int(meta[NOW]) // NS_PER_DAY - int(meta[ROWS_DAYS])) * NS_PER_DAY)


def tables_now(connection: ClickHouseConnection, meta: Mapping[str, str]) -> Tables:
    """Return the current tables."""
    now_ns, rows_since_ns = int(meta[NOW]), rows_since(meta)
    found = connection.read(stale_hours(now_ns))
    first = found[0][1] if found else None
    # The first row has the first hour, which need not be stale.
    hours = [hour for hour, _, stale in found if stale and hour * NS_PER_HOUR >= rows_since_ns]
    expired = first is not None and first * NS_PER_HOUR < rows_since_ns
    return Tables(now_ns, rows_since_ns, rows_since_ns if expired else 0, ranges_of(hours))


def stale_hours(as_of_ns: int) -> str:
    """Return the SQL of (hour, first hour of all, whether its sums are not current).

    Its rows are the stale hours and the first hour. A row of one hour may make a row of the
    previous hour a duplicate, so sums depend on the rows of an hour and its neighbours.
    """
    return (
        f"SELECT hour, first, stale FROM ({arrived_and_summed(as_of_ns)})"
        " WHERE stale OR hour = first ORDER BY hour"
    )


def arrived_and_summed(as_of_ns: int = END_OF_TIME_NS) -> str:
    """Return the SQL of the hours with rows, joined with their current sums.

    (hour, rows that have arrived for it and its neighbours, arrival time of the last one, first
    hour of all, whether it has sums, whether these are stale)
    """
    return (
        "SELECT a.hour AS hour, a.rows AS rows, a.arrived AS arrived, a.first AS first,"
        " coalesce(s.rows, 0) > 0 AS summed, a.rows != coalesce(s.rows, 0) AS stale"
        f" FROM ({_ARRIVED}) AS a LEFT JOIN (SELECT hour, argMax(rows, made) AS rows"
        f" FROM ledger_summed WHERE made <= {as_of_ns} GROUP BY hour) AS s ON s.hour = a.hour"
    )


_ARRIVED: Final = (
    "SELECT hour, sum(rows) OVER near AS rows, max(arrived) OVER near AS arrived,"
    " min(hour) OVER () AS first FROM ("
    "SELECT hour, sum(rows) AS rows, max(arrived) AS arrived FROM ledger_arrivals GROUP BY hour)"
    " WINDOW near AS (ORDER BY hour RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)"
)
