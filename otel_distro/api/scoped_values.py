"""Context values of nested `with` blocks, valid until their block ends.

A block in an async generator that is dropped early is exited in a different context than it was
entered in. The consumer's context cannot be restored then and still has the values. So the block
marks them as ended, and readers skip marked values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Final[Mapping[str, str]] = {}


class ScopedValues:
    """The values of one block, in addition to those of enclosing blocks."""

    __slots__ = ("_merged", "is_over", "outer", "own")

    def __init__(self, outer: ScopedValues | None, own: Mapping[str, str]) -> None:
        self.outer = outer
        """The values of the enclosing block; None without one."""
        self.own = own
        """The values of this block alone."""
        self._merged = {**(outer.live() if outer is not None else _NOTHING), **own}
        self.is_over = False
        """Whether the block was exited in another context."""

    def live(self) -> Mapping[str, str]:
        """Return the values of this block and enclosing ones that have not ended."""
        if not _State.some_are_over:  # nearly always
            return self._merged
        found: dict[str, str] = {}
        for block in reversed(self._blocks()):
            if not block.is_over:
                found.update(block.own)
        return found

    def stale(self) -> Mapping[str, str]:
        """Return the values of ended blocks, unless an active one has the same."""
        if not _State.some_are_over:
            return _NOTHING
        live = self.live()
        return {
            key: value
            for block in self._blocks()
            if block.is_over
            for key, value in block.own.items()
            if live.get(key) != value
        }

    def end(self) -> None:
        """Mark the block as ended, for the contexts that still have it."""
        self.is_over = True
        _State.some_are_over = True

    def _blocks(self) -> list[ScopedValues]:
        scoped_values: list[ScopedValues] = []
        each: ScopedValues | None = self
        while each is not None:
            scoped_values.append(each)
            each = each.outer
        return scoped_values


class _State:
    some_are_over = False
    """Whether any block of the process was ever exited in another context."""
