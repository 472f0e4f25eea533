"""CSV that spreadsheets open as data, never as formulas."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Cell = str | int | float | bytes | None

_FORMULA_STARTS: Final = tuple("=+-@\t\r\n|%＝＋－＠")
"""Prefixes of formulas in spreadsheets; some also accept the full-width forms."""

_INVISIBLE: Final = " \u00a0\u200b\u200c\u200d\u2060\ufeff\x00"
"""Characters that a spreadsheet may skip at the start of a cell."""


def safe_cell(value: Cell) -> str:
    """Return *value* as text that no spreadsheet evaluates as a formula.

    Text that could be one gets a leading apostrophe, which spreadsheets show as text. Numbers are
    unchanged, also negative ones: they are not free text.
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    text = value.hex() if isinstance(value, bytes) else value
    text = text.replace("\x00", "")
    if text.lstrip(_INVISIBLE).startswith(_FORMULA_STARTS):
        return f"'{text}"
    return text


def write_csv(target: IO[str], header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write *header* and *rows* to a text file opened with `newline=""`; return the row count."""
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(safe_cell(name) for name in header)
    count = 0
    for row in rows:
        writer.writerow(safe_cell(value) for value in row)
        count += 1
    return count
