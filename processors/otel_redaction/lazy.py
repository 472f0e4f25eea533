"""A value worked out when first read, without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - used as `@lazy`, like `@property`
    """A property that is worked out when first read and then kept in the object.

    Until Python 3.12, `functools.cached_property` holds one lock for all objects of a class while
    it works a value out. A child forked at that moment would wait for that lock for ever. Here two
    threads that read at the same time may both work it out, and both get a right answer.
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type) -> T: ...
    def __get__(self, owner: object | None, kind: type) -> Self | T:
        """Return the value; from then on the object answers by itself."""
        if owner is None:
            return self
        found: T = owner.__dict__.setdefault(self._name, self._work_out(owner))
        return found
