"""Dictionaries and lists of redacted values that redact later assignments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# mypy: disable-error-code="override"


class RedactingDict(dict[Any, Any]):
    """A dictionary of redacted items; *redact* returns the redacted items of a mapping.

    Copies, pickles and `dict(...)` of it are plain dictionaries.
    """

    __slots__ = ("_redact",)

    def __init__(
        self, items: Mapping[Any, Any], redact: Callable[[dict[Any, Any]], Mapping[Any, Any]]
    ) -> None:
        super().__init__(items)
        self._redact = redact

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write one item, redacted."""
        self._write({key: value})

    def update(self, *items: Any, **named: Any) -> None:
        """Write several items, redacted."""
        self._write(dict(*items, **named))

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the value of *key*, after setting a missing one to *default*."""
        if key not in self:
            self._write({key: default})
        return self.get(key)

    def __ior__(self, items: Any) -> RedactingDict:  # type: ignore[misc]
        """Write several items, redacted."""
        self._write(dict(items))
        return self

    def _write(self, items: dict[Any, Any]) -> None:
        super().update(self._redact(items))

    def __reduce__(self) -> tuple[type, tuple[dict[Any, Any]]]:
        """Make copies and pickles plain dictionaries."""
        return dict, (dict(self),)


class RedactingList(list[Any]):
    """A list of redacted values; *redact* returns a value redacted."""

    __slots__ = ("_redact",)

    def __init__(self, values: Iterable[Any], redact: Callable[[Any], Any]) -> None:
        super().__init__(values)
        self._redact = redact

    def append(self, value: Any) -> None:
        """Add *value*, redacted."""
        super().append(self._redact(value))

    def extend(self, values: Iterable[Any]) -> None:
        """Add *values*, redacted."""
        super().extend([self._redact(value) for value in values])

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Insert *value*, redacted."""
        super().insert(index, self._redact(value))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Replace an item or a slice, redacted."""
        if isinstance(index, slice):
            super().__setitem__(index, [self._redact(each) for each in value])
        else:
            super().__setitem__(index, self._redact(value))

    def __iadd__(self, values: Iterable[Any]) -> RedactingList:  # type: ignore[misc]
        """Add *values*, redacted."""
        self.extend(values)
        return self

    def __reduce__(self) -> tuple[type, tuple[list[Any]]]:
        """Make copies and pickles plain lists."""
        return list, (list(self),)


def redacting(value: Any, redact: Callable[[Any], Any]) -> Any:
    """Return the redacted *value*; later assignments to its items are redacted with *redact*."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or kind is float:
        return value
    if kind is dict:

        def items(written: dict[Any, Any]) -> Mapping[Any, Any]:
            clean = redact(written)  # as a whole, because a name may identify its value
            return redacting(clean, redact) if isinstance(clean, dict) else {}

        return RedactingDict({key: redacting(each, redact) for key, each in value.items()}, items)
    if kind is list:
        return RedactingList(
            [redacting(each, redact) for each in value],
            lambda each: redacting(redact(each), redact),
        )
    if kind is tuple:
        return tuple([redacting(each, redact) for each in value])
    return value
