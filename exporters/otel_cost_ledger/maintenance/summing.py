"""Deferred update of the sums by hour, agent, user and session, in small steps.

Each step is one short transaction that adds some calls and advances `summed.until_ns` past them, so
that a process killed at any time leaves exact sums.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.maintenance.exclusive import Chunks, exclusive
from otel_cost_ledger.model.location import PostgresUrl, written_here
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_cost_ledger.model.sums import (
    HOURLY_COSTS,
    HOURLY_PEOPLE,
    HOURS_KEPT_DAYS,
    PEOPLE_HOURS_KEPT_DAYS,
    add_up_to,
    summed_until,
)
from otel_cost_ledger.sqlite.connection import DEFAULT_BUSY_TIMEOUT_MS

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.model.sql import Connection
    from otel_cost_ledger.model.sums import SumTable

SETTLED_AFTER_NS: Final = 120_000_000_000
"""Calls are added two minutes after their start: most have ended and are stored by then. A trigger
adds a call that is stored later, which costs its writer more.
"""

_CALLS_A_STEP: Final = 2_000
_FEWEST_CALLS_A_STEP: Final = 1_000
"""Takes some 13 ms. Fewer calls share fewer sums: with 20 at a time each costs four times as much.
"""
_END_OF_STEP: Final = (
    "SELECT start_ns FROM calls WHERE start_ns >= ? AND start_ns < ?"
    " ORDER BY start_ns LIMIT 1 OFFSET ?"
)
HOURS_KEPT: Final = (
    (HOURLY_COSTS, HOURS_KEPT_DAYS),
    (HOURLY_PEOPLE, PEOPLE_HOURS_KEPT_DAYS),
)
"""Tables of hourly sums, and their retention in days."""


def sum_calls(
    location: Location,
    *,
    now_ns: int | None = None,
    busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
) -> int:
    """Add the settled calls of the ledger at *location* to the sums; return the number of steps.

    Zero means that there was nothing to do, or that another process is running. Raises
    `LedgerError` or `sqlite3.Error`; completed steps stay.
    """
    location = written_here(location)
    now_ns = time.time_ns() if now_ns is None else now_ns
    until_ns = now_ns - SETTLED_AFTER_NS
    with suppressed():
        if isinstance(location, PostgresUrl):
            from otel_cost_ledger.maintenance.postgres_retention import sum_in_postgres

            return sum_in_postgres(location, until_ns, now_ns, timeout_ms=busy_timeout_ms)
        with exclusive(location, busy_timeout_ms) as chunks:
            if chunks is None:
                return 0
            drop_old_hours(chunks, now_ns)
            return sum_until(chunks, until_ns)


def sum_until(chunks: Chunks, until_ns: int) -> int:
    """Add every call that began before *until_ns*; return the number of transactions."""
    chunks.start_with(_CALLS_A_STEP, _FEWEST_CALLS_A_STEP)
    steps = 0
    while True:
        # The end of the step is computed before the lock is taken.
        end_ns = end_of_step(chunks.connection, until_ns, chunks.size)
        if end_ns is None:
            return steps
        with chunks.locked():
            add_up_to(chunks.connection, end_ns)
        steps += 1
        chunks.checkpoint_now_and_then()


def end_of_step(connection: Connection, until_ns: int, calls: int) -> int | None:
    """Return the time up to which to add about *calls* more; None if all are added."""
    began_ns = summed_until(connection)
    if began_ns >= until_ns:
        return None
    row = connection.execute(_END_OF_STEP, (began_ns, until_ns, calls)).fetchone()
    return until_ns if row is None else max(int(row[0]), began_ns + 1)


def drop_old_hours(chunks: Chunks, now_ns: int) -> None:
    """Delete expired hourly sums; the sums of their days stay."""
    for table, days in HOURS_KEPT:
        horizon_ns = max(0, now_ns // NS_PER_DAY - days) * NS_PER_DAY
        first = horizon_ns // table.unit_ns
        if needs_horizon(chunks.connection, table, horizon_ns):
            with chunks.locked():
                chunks.connection.execute(f"UPDATE summed SET {table.since} = ?", (horizon_ns,))
            chunks.delete(table.name, table.period, first)


def needs_horizon(connection: Connection, table: SumTable, horizon_ns: int) -> bool:
    """Return whether to record in `summed` that *table* has nothing before *horizon_ns*.

    Only if it had rows there: a report over all time is complete as long as there was nothing to
    delete. Sums by person, which expire with their calls, skip expired rows.
    """
    (since_ns,) = connection.execute(f"SELECT {table.since} FROM summed").fetchone()
    if since_ns >= horizon_ns:
        return False
    old = f"SELECT 1 FROM {table.name} WHERE {table.period} < ? LIMIT 1"
    has_old = connection.execute(old, (horizon_ns // table.unit_ns,)).fetchone() is not None
    return has_old or table is HOURLY_PEOPLE
