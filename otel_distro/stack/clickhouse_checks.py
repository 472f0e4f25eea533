"""Checks of a ledger in ClickHouse: schema, views, sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base.check import Check
from otel_distro.base.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_cost_ledger.clickhouse.connection import ClickHouseConnection
    from otel_cost_ledger.model.location import ClickHouseUrl


def check_clickhouse(url: ClickHouseUrl) -> Iterator[Check]:
    """Yield the results of checking *url*; changes nothing."""
    from otel_cost_ledger.clickhouse import connection as clickhouse
    from otel_cost_ledger.model.errors import LedgerError

    try:
        connection = clickhouse.connect(url)
        meta = None if connection is None else clickhouse.read_meta(connection)
    except LedgerError as error:
        yield Check("fail", "server", str(error))
        return
    yield Check("ok", "server", f"{url} answers")
    version = int((meta or {}).get(clickhouse.VERSION, 0))
    if connection is None or meta is None or version == 0:
        yield Check(
            "fail",
            "schema",
            "there is no ledger in this database",
            f"otel-distro stack clickhouse init {url}",
        )
        return
    if version > clickhouse.SCHEMA_VERSION:
        yield Check("fail", "schema", str(clickhouse.newer_schema(url, version)))
        return
    if version < clickhouse.SCHEMA_VERSION:
        detail = f"version {version} of {clickhouse.SCHEMA_VERSION}"
        yield Check("warn", "schema", detail, f"otel-distro stack clickhouse upgrade {url}")
    else:
        days = counted(int(meta[clickhouse.ROWS_DAYS]), "day")
        yield Check("ok", "schema", f"version {version}; calls are kept for {days}, sums forever")
    yield _views(connection, url)
    yield _rows(connection, int(meta[clickhouse.NOW]))
    yield _sums(connection, meta, url)


def _views(connection: ClickHouseConnection, url: ClickHouseUrl) -> Check:
    from otel_cost_ledger.clickhouse.schema import views

    existing = {
        name
        for (name,) in connection.read(
            "SELECT name FROM system.tables WHERE database = currentDatabase()"
            " AND engine = 'MaterializedView'"
        )
    }
    missing = [name for name in views() if name not in existing]
    if missing:
        detail = f"missing: {', '.join(missing)}; calls that arrive now are not counted"
        return Check("fail", "views", detail, f"otel-distro stack clickhouse init {url}")
    return Check("ok", "views", "every view that fills the ledger exists")


def _rows(connection: ClickHouseConnection, now_ns: int) -> Check:
    ((rows, arrived),) = connection.read(
        "SELECT coalesce(sum(rows), 0), coalesce(max(arrived), 0) FROM ledger_arrivals"
    )
    if not rows:
        return Check(
            "warn",
            "calls",
            "none has arrived yet",
            "send spans of programs with otel-distro to a Collector that writes to otel_traces",
        )
    minutes = max(0, now_ns - int(arrived)) // (60 * 10**9)
    return Check("ok", "calls", f"{int(rows):,} rows have arrived, the last {minutes} min ago")


def _sums(connection: ClickHouseConnection, meta: dict[str, str], url: ClickHouseUrl) -> Check:
    from otel_cost_ledger.clickhouse.connection import NOW, rows_since
    from otel_cost_ledger.clickhouse.summing import waiting_hours

    waiting = waiting_hours(connection, rows_since(meta), int(meta[NOW]))
    if waiting:
        detail = f"{counted(waiting, 'hour')} without current sums: reports are exact and slow"
        return Check("warn", "sums", detail, f"otel-distro stack clickhouse sum {url} --every 60")
    return Check("ok", "sums", "every completed hour has its sums")
