"""What a panel is: a heading, a chart, the same numbers as a table, and what is to be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; its text is shown as text, whatever it says."""

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
    """Left out where the screen is narrow."""


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers as a table."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    @property
    def lines(self) -> Sequence[Sequence[tuple[Column, Cell]]]:
        """Each row as pairs of its column and its cell."""
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
    """A choice that is made by a link."""

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
    """Whether the table is the alternative of a chart, folded away until it is asked for."""
    blocks: Sequence[Block] = ()
    notes: Sequence[str] = ()
    empty: str = ""
    """What to say in place of numbers."""
    pending: bool = False
    """The answer is still being counted; ask again soon."""

    @property
    def is_hollow(self) -> bool:
        """Whether it has a remark in place of numbers, and will not get any."""
        has_rows = self.table is not None and bool(self.table.rows)
        return bool(self.empty) and not (self.pending or self.figure or self.blocks or has_rows)


@dataclass(frozen=True, slots=True)
class Block:
    """A figure with a heading of its own within a panel."""

    title: str
    detail: str
    figure: Markup
    foot: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the figures on top of the page."""

    name: str
    value: str
    detail: str = ""
    tone: str = ""
    help: str = field(default="")


def pending(name: str, title: str, size: str, rows: int, **more: Any) -> Panel:
    """Return a panel whose answer is being counted from *rows* single calls or more."""
    return Panel(
        name,
        title,
        size,
        pending=True,
        empty=f"Counting calls one by one, more than {rows - 1:,} of them...",
        **more,
    )
