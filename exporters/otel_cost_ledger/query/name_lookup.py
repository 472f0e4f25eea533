"""Names by id, reloaded if one is missing.

ClickHouse has no snapshot across the statements of a query: a call and its names may arrive between
two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Name = TypeVar("Name")


class NameLookup(dict[int, Name]):
    """Names by id, from *read*; *unknown* for an id without a name even after a reload."""

    def __init__(self, read: Callable[[], Iterable[tuple[int, Name]]], unknown: Name) -> None:
        super().__init__(read())
        self._read = read
        self._unknown = unknown

    def __missing__(self, id_: int) -> Name:
        self.update(self._read())
        return self.setdefault(id_, self._unknown)
