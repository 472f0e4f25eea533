"""Values of nested `with` blocks, kept in a context, that end with their block everywhere.

A block in an async generator that is dropped early is left in another context than the one it was
entered in. The context of whoever consumed the generator cannot be restored then: it still has the
values. So a block that is left marks them, and readers pass over what is marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Final[Mapping[str, str]] = {}


class ScopedValues:
    """The values that one block adds to those of the blocks around it."""

    __slots__ = ("_merged", "is_over", "outer", "own")

    def __init__(self, outer: ScopedValues | None, own: Mapping[str, str]) -> None:
        self.outer = outer
        """The values of the block around it; None without one."""
        self.own = own
        """Those of this block alone."""
        self._merged = {**(outer.live() if outer is not None else _NOTHING), **own}
        self.is_over = False
        """Whether the block was left in another context than this one."""

    def live(self) -> Mapping[str, str]:
        """Return the values of this block and those around it that are not over."""
        if not _State.some_are_over:  # nearly always
            return self._merged
        found: dict[str, str] = {}
        for each in reversed(self._blocks()):
            if not each.is_over:
                found.update(each.own)
        return found

    def stale(self) -> Mapping[str, str]:
        """Return the values of blocks that are over, unless a live one says the same."""
        if not _State.some_are_over:
            return _NOTHING
        live = self.live()
        return {
            key: value
            for each in self._blocks()
            if each.is_over
            for key, value in each.own.items()
            if live.get(key) != value
        }

    def end(self) -> None:
        """Mark the block as left, for the contexts that still have it."""
        self.is_over = True
        _State.some_are_over = True

    def _blocks(self) -> list[ScopedValues]:
        found: list[ScopedValues] = []
        each: ScopedValues | None = self
        while each is not None:
            found.append(each)
            each = each.outer
        return found


class _State:
    some_are_over = False
    """Whether any block of the process was ever left in another context."""
