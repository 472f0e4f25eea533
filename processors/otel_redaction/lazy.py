"""A property of a redacted view: computed when first read, redacted when assigned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class lazy(Generic[T]):  # used as `@lazy`, like `@property`
    """A property that is computed on first read and then cached in the object's `_kept`.

    Until Python 3.12, `functools.cached_property` holds one lock for all objects of a class while
    it computes a value. A child forked at that time would wait for that lock for ever. Here two
    concurrent readers may both compute the value, and both get a correct one.

    Assigned values are first passed through the function given by `redacted_by`; without one,
    assignment raises AttributeError. An entry of the same name in `__dict__` has no effect.
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self._redact: Callable[[Any, Any], T] | None = None
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    def redacted_by(self, redact: Callable[[Any, Any], T]) -> Callable[[Any, Any], T]:
        """Pass assigned values through *redact* (owner, value) first; a decorator."""
        self._redact = redact
        return redact

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type) -> T: ...
    def __get__(self, owner: Any, kind: type) -> Self | T:
        """Return the value."""
        if owner is None:
            return self
        kept: dict[str, T] = owner._kept  # the protocol of this descriptor
        try:
            return kept[self._name]
        except KeyError:
            return kept.setdefault(self._name, self._work_out(owner))

    def __set__(self, owner: Any, value: Any) -> None:
        """Store *value*, redacted."""
        if self._redact is None:
            raise AttributeError(f"{self._name} cannot be assigned")
        owner._kept[self._name] = self._redact(owner, value)
