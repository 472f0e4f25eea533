"""Write transactions of the ledger on an open connection; the caller handles faults."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.entries import ToolRow, ViolationRow
from otel_cost_ledger.model.schema import rows_kept_since
from otel_cost_ledger.sqlite.interning import DEFAULT_MAX_NAMES, Interner

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.model.rows import Row
    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.sqlite.old_sums import OldSums

CALL_COLUMNS: Final = (
    "start_ns",
    "span_id",
    "trace_id",
    "parent_span_id",
    "dim_id",
    "origin_id",
    "outcome_id",
    "user_id",
    "session_id",
    "latency_us",
    "ttft_us",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_nano_usd",
    "exposure_nano_usd",
    "max_output_tokens",
    "response_fingerprint",
    "extra",
)
"""The columns of `calls`, in table order."""

_TIME_ORDER: Final = itemgetter(0, 1)

_ROWS_A_STATEMENT: Final = 32
"""Starting a statement costs as much as half an insert; 999 values is SQLite's old limit."""


def _insert_statement(rows: int) -> str:
    marks = f"({', '.join('?' * len(CALL_COLUMNS))})"
    columns = ", ".join(CALL_COLUMNS)
    values = ", ".join([marks] * rows)
    return f"INSERT INTO calls ({columns}) VALUES {values} ON CONFLICT DO NOTHING"


_INSERT_ONE: Final = _insert_statement(1)
_INSERT_MANY: Final = _insert_statement(_ROWS_A_STATEMENT)

# Numbered marks (?1) raise a DeprecationWarning in Python 3.12.0 to 3.12.3.
_REVISE: Final = (
    "UPDATE calls SET outcome_id = ?, cost_nano_usd = ?, exposure_nano_usd = ?, extra = ?"
    " WHERE start_ns = ? AND span_id = ? AND (outcome_id IS NOT ?"
    " OR cost_nano_usd IS NOT ? OR exposure_nano_usd IS NOT ? OR extra IS NOT ?)"
)
TOOL: Final = (
    "INSERT INTO tool_calls (start_ns, span_id, place, trace_id, tool_id, duration_us)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
VIOLATION: Final = (
    "INSERT INTO latency_violations (at_ns, span_id, operation, trace_id, budget_us, actual_us)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


@dataclass(slots=True)
class Stored:
    """Counts of one transaction."""

    written: int = 0
    revised: int = 0
    already_known: int = 0
    expired: int = 0
    """Older than the rows kept by retention, so it is unknown whether they are new."""

    def add(self, other: Stored) -> None:
        """Add the counts of another transaction."""
        self.written += other.written
        self.revised += other.revised
        self.already_known += other.already_known
        self.expired += other.expired


class Store:
    """Applies entries through one connection, each batch in one transaction."""

    def __init__(self, connection: sqlite3.Connection, max_names: int = DEFAULT_MAX_NAMES) -> None:
        self.connection = connection
        self._names = Interner(connection, max_names)

    def add_old_sums(self, sums: OldSums) -> int:
        """Store *sums*; return the number of new ones."""
        from otel_cost_ledger.sqlite.old_sums import write_old_sums

        with self._transaction():
            return write_old_sums(self.connection, self._names, sums)

    def apply(self, entries: Sequence[Entry]) -> Stored:
        """Store all *entries* in one transaction; none of them on an error."""
        with self._transaction():
            kept_since = rows_kept_since(self.connection)
            stored = Stored()
            inserts: list[Row] = []
            for kind, row in entries:
                if isinstance(row, ViolationRow):
                    _count(stored, self.connection.execute(VIOLATION, row).rowcount)
                elif row.start_ns < kept_since:
                    stored.expired += 1
                elif isinstance(row, ToolRow):
                    values = tool_values(row, self._names.tools.id_of(row.tool))
                    _count(stored, self.connection.execute(TOOL, values).rowcount)
                elif kind == "insert":
                    inserts.append(row)
                else:
                    # A revision may apply to a call in the same batch.
                    self._insert(inserts, stored)
                    inserts = []
                    self._revise(row, stored)
            self._insert(inserts, stored)
        return stored

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: a read transaction that becomes a write fails at once with BUSY_SNAPSHOT.
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            self._names.forget()
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def _insert(self, rows: list[Row], stored: Stored) -> None:
        if not rows:
            return
        # In key order pages fill to nine tenths; in random order to two thirds.
        rows.sort(key=_TIME_ORDER)
        values = self._values(rows)
        whole = len(values) - len(values) % _ROWS_A_STATEMENT
        chunks = (values[at : at + _ROWS_A_STATEMENT] for at in range(0, whole, _ROWS_A_STATEMENT))
        written = 0
        # rowcount leaves out changes by triggers, unlike total_changes.
        if whole:
            many = [list(chain.from_iterable(chunk)) for chunk in chunks]
            written += self.connection.executemany(_INSERT_MANY, many).rowcount
        if whole < len(values):
            written += self.connection.executemany(_INSERT_ONE, values[whole:]).rowcount
        stored.written += written
        stored.already_known += len(rows) - written

    def _revise(self, row: Row, stored: Stored) -> None:
        outcome_id = self._names.outcomes.id_of(row.outcome)
        revised = (outcome_id, row.cost_nano_usd, row.exposure_nano_usd, json_text(row.extra))
        changed = self.connection.execute(
            _REVISE, (*revised, row.start_ns, row.span_id, *revised)
        ).rowcount
        if changed:
            stored.revised += 1
        else:
            self._insert([row], stored)

    def _values(self, rows: Sequence[Row]) -> list[tuple[SqlValue, ...]]:
        """Return the column values of *rows*, names replaced by ids."""
        names = self._names
        dims, origins, outcomes = names.dims, names.origins, names.outcomes
        dim_ids, origin_ids, outcome_ids = dims.ids, origins.ids, outcomes.ids
        # Fields 4 to 6 are the names; the others are stored unchanged.
        return [
            (
                *row[:4],
                dim_ids.get(row.dim) or dims.id_of(row.dim),
                origin_ids.get(row.origin) or origins.id_of(row.origin),
                outcome_ids.get(row.outcome) or outcomes.id_of(row.outcome),
                *row[7:20],
                json_text(row.extra),
            )
            for row in rows
        ]


def _count(stored: Stored, added: int) -> None:
    if added:
        stored.written += 1
    else:
        stored.already_known += 1


def tool_values(row: ToolRow, tool_id: int) -> tuple[SqlValue, ...]:
    """Return the values for `TOOL`."""
    return (row.start_ns, row.span_id, row.place, row.trace_id, tool_id, row.duration_us)


def json_text(extra: dict[str, int] | None) -> str | None:
    """Return `extra` as JSON; None if empty."""
    return None if extra is None else json.dumps(extra, separators=(",", ":"), sort_keys=True)
