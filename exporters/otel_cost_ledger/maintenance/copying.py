"""Copies of a whole ledger, for example from a file to PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.entries import Entry, ToolKey, ToolRow, ViolationRow
from otel_cost_ledger.model.errors import LedgerError, UnusableRowError
from otel_cost_ledger.model.rows import DimKey, OriginKey, OutcomeKey, Row
from otel_cost_ledger.model.sums import SINCE_VERSION
from otel_cost_ledger.sqlite.old_sums import read_old_sums
from otel_cost_ledger.sqlite.store import Stored
from otel_cost_ledger.write.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.ledger import Ledger

_CHUNK: Final = 4096
_KEYS: Final = (("d", DimKey), ("o", OriginKey), ("r", OutcomeKey))
_NAMES: Final = ", ".join(f"{table}.{name}" for table, key in _KEYS for name in key._fields)
_PLAIN: Final = [name for name in Row._fields if name not in {"dim", "origin", "outcome"}]
_CALLS: Final = f"""
    SELECT {", ".join(f"c.{name}" for name in _PLAIN)}, {_NAMES}
    FROM calls c
    JOIN dims d ON d.id = c.dim_id
    JOIN origins o ON o.id = c.origin_id
    JOIN outcomes r ON r.id = c.outcome_id
    ORDER BY c.start_ns, c.span_id
"""  # built from constants
_TOOLS: Final = f"""
    SELECT c.start_ns, c.span_id, c.place, c.trace_id, c.duration_us,
           {", ".join(f"t.{name}" for name in ToolKey._fields)}
    FROM tool_calls c JOIN tools t ON t.id = c.tool_id ORDER BY c.start_ns, c.span_id, c.place
"""  # built from constants
_VIOLATIONS: Final = f"SELECT {', '.join(ViolationRow._fields)} FROM latency_violations"


@dataclass(frozen=True, slots=True)
class Copied:
    """The result of a copy."""

    calls: Stored
    """New calls, tools and violations, and existing ones."""
    old_sums: int
    """Sums of earlier days that were new."""
    old_sums_there: int
    """Sums not copied because the target has sums of that day and name."""


def copy_ledger(
    source: Ledger, target: Location, *, progress: Callable[[int], None] | None = None
) -> Copied:
    """Copy the calls, tools, latency violations and earlier sums of *source* to *target*.

    A second copy adds new calls. Replaced prices are not copied. Raises `LedgerError`; calls copied
    before the error stay.
    """
    store = open_store(target)
    total = Stored()
    done = 0
    try:
        sums = read_old_sums(source)
        new_sums = store.add_old_sums(sums)
        entries = _entries(source)
        while chunk := list(islice(entries, _CHUNK)):
            total.add(store.apply(chunk))
            done += len(chunk)
            if progress is not None:
                progress(done)
    except UnusableRowError as error:
        raise LedgerError(f"{target} refuses a call of {source.location}: {error}") from error
    finally:
        store.release()
    return Copied(total, new_sums, len(sums.daily) - new_sums)


def _entries(source: Ledger) -> Iterator[Entry]:
    for values in source.rows(_CALLS):
        yield Entry("insert", _row(values))
    for values in source.rows(_VIOLATIONS):
        yield Entry("violation", ViolationRow(*values))
    if source.version >= SINCE_VERSION:
        for start_ns, span_id, place, trace_id, duration_us, *names in source.rows(_TOOLS):
            tool = ToolKey(*names)
            yield Entry("tool", ToolRow(start_ns, span_id, place, trace_id, tool, duration_us))


def _row(values: tuple[Any, ...]) -> Row:
    plain = dict(zip(_PLAIN, values, strict=False))
    plain["extra"] = json.loads(plain["extra"]) if plain["extra"] else None
    keys: list[Any] = []
    at = len(_PLAIN)
    for _, key in _KEYS:
        keys.append(key(*values[at : at + len(key._fields)]))
        at += len(key._fields)
    return Row(dim=keys[0], origin=keys[1], outcome=keys[2], **plain)
