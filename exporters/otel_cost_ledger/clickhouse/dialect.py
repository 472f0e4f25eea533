"""The ledger's statements in ClickHouse's dialect: integer division, values, tables."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PREFIX: Final = "of_ledger_"
_TABLE: Final = re.compile(r"\b(FROM|JOIN)\s+([a-z_]+)\b")
# `/` of integers is a fraction in ClickHouse.
_DIVISION: Final = re.compile(r"\b([\w.]+) / (\d+)")
_EXTREME: Final = re.compile(r"\ASELECT (min|max)\(start_ns\) FROM calls\Z")


def statement(sql: str, values: Sequence[Any], tables: Mapping[str, str]) -> str:
    """Return *sql*, with `?` placeholders, in ClickHouse's dialect.

    *tables* are the subqueries that replace its tables. Raises ValueError if the number of *values*
    differs from that of the placeholders.
    """
    text, used = _translated(sql)
    parts = text.split("?")
    if len(parts) != len(values) + 1:
        raise ValueError(f"expected {len(parts) - 1} values, got {len(values)}")
    bound = parts[0] + "".join(
        literal(value) + part for value, part in zip(values, parts[1:], strict=True)
    )
    named = [f"{_PREFIX}{name} AS ({tables[name]})" for name in used if name in tables]
    return f"WITH {', '.join(named)} {bound}" if named else bound


@lru_cache(maxsize=512)
def _translated(sql: str) -> tuple[str, tuple[str, ...]]:
    sql = sql.strip()
    if extreme := _EXTREME.match(sql):
        # Duplicates do not change the minimum or maximum, which the parts store, so no row is read.
        return (
            f"SELECT if(count() = 0, NULL, {extreme[1]}(start_ns)) FROM ledger_calls"
            " SETTINGS aggregate_functions_null_for_empty = 0"
        ), ()
    used = tuple(dict.fromkeys(found[2] for found in _TABLE.finditer(sql)))
    text = _TABLE.sub(lambda found: f"{found[1]} {_PREFIX}{found[2]}", sql)
    return _DIVISION.sub(r"intDiv(\1, \2)", text), used


def literal(value: object) -> str:
    """Return *value* in SQL. Raises TypeError for types that no query binds."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return f"unhex('{value.hex()}')"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    raise TypeError(f"cannot bind a value of type {type(value).__name__}")
