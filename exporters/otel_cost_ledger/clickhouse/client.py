"""Clients of ClickHouse's HTTP interface; the library is imported late."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.errors import LedgerError

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import ClickHouseUrl

LIMITS: Final = {
    "max_execution_time": 60,
    "max_memory_usage": 4_000_000_000,
    "max_bytes_before_external_group_by": 1_000_000_000,
    "max_bytes_before_external_sort": 1_000_000_000,
}
"""Limits of a query: seconds and bytes."""
_AS_ELSEWHERE: Final = {
    # The sum of no rows is NULL, as in the SQL standard.
    "aggregate_functions_null_for_empty": 1,
    "do_not_merge_across_partitions_select_final": 1,
    "cast_keep_nullable": 1,
}
_READING: Final = {"readonly": 2}
_WRITING: Final = {"max_execution_time": 3600}
"""Limits of statements that fill a ledger from stored spans or sum many hours: an hour each."""
_clients: Final[dict[tuple[int, str, bool], Any]] = {}
"""Clients of this process; each has a pool of connections and may be used by several threads."""


def _close_clients() -> None:
    for client in _clients.values():
        client.close()
    _clients.clear()


def load_driver() -> Any:
    """Return the client's module. Raises `LedgerError` with the install command without it."""
    try:
        import clickhouse_connect
        import clickhouse_connect.driver.exceptions
    except ImportError as error:
        raise LedgerError(
            "a ClickHouse ledger needs clickhouse-connect; "
            "run: pip install 'otel-distro[clickhouse]'"
        ) from error
    return clickhouse_connect


def client_of(url: ClickHouseUrl, *, writes: bool, database: str | None = None) -> Any:
    """Return the client of this process for *url*, or for another *database* of its server.

    For a client that does not write, the server refuses every change.
    """
    # A forked child inherits its parent's sockets, so it creates its own client.
    key = (os.getpid(), repr((sorted(url.parameters.items()), database)), writes)
    client = _clients.get(key)
    if client is None:
        if not _clients:
            atexit.register(_close_clients)
        settings = {**LIMITS, **_AS_ELSEWHERE, **(_WRITING if writes else _READING)}
        named = url.arguments() if database is None else {**url.arguments(), "database": database}
        client = _clients[key] = load_driver().get_client(
            **named,
            settings=settings,
            autogenerate_session_id=False,
            connect_timeout=5,
            send_receive_timeout=settings["max_execution_time"] + 10,
            client_name="otel-distro",
        )
    return client
