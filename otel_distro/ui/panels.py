"""Panels of the page: heading, chart, the same numbers as a table, and remarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; its text is escaped."""

    text: str
    href: str | None = None
    bar: Markup | None = None
    """A small bar below the text."""
    tone: str = ""
    """Class for emphasis: `bad`, `warn`, `muted`, `mono`, or `moment` for a time."""
    swatch: Markup | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column."""

    name: str
    is_number: bool = False
    minor: bool = False
    """Omitted on narrow screens."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of numbers."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    @property
    def lines(self) -> Sequence[Sequence[tuple[Column, Cell]]]:
        """Each row as (column, cell) pairs."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend."""

    name: str
    swatch: Markup
    amount: str = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """One option of a selection, as a link."""

    name: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the page."""

    name: str
    """Its id, and its path below `/panel/`."""
    title: str
    size: str = "half"
    """`wide`, `main`, `side`, `half` or `third` of the row."""
    lead: str = ""
    """One line below the title."""
    figure: Markup | None = None
    legend: Sequence[Key] = ()
    tabs: Sequence[Tab] = ()
    tabs_label: str = ""
    table: Table | None = None
    folded: bool = False
    """Whether the table is the alternative of a chart, collapsed by default."""
    blocks: Sequence[Block] = ()
    notes: Sequence[str] = ()
    empty: str = ""
    """Remark in place of numbers."""
    pending: bool = False
    """Whether the result is still being counted; reload soon."""

    @property
    def is_hollow(self) -> bool:
        """Whether it has a final remark in place of numbers."""
        has_rows = self.table is not None and bool(self.table.rows)
        return bool(self.empty) and not (self.pending or self.figure or self.blocks or has_rows)


@dataclass(frozen=True, slots=True)
class Block:
    """A figure with its own heading within a panel."""

    title: str
    detail: str
    figure: Markup
    foot: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure at the top of the page."""

    name: str
    value: str
    detail: str = ""
    tone: str = ""
    help: str = field(default="")


def pending(name: str, title: str, size: str, rows: int, **more: Any) -> Panel:
    """Return a panel whose result is being counted from *rows* single calls or more."""
    return Panel(
        name,
        title,
        size,
        pending=True,
        empty=f"Counting calls one by one, more than {rows - 1:,} of them...",
        **more,
    )
