"""Converts any object to a value for telemetry: bounded, of exact types, strict UTF-8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import isfinite
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any

from otel_distro.pipeline.input_limits import invalid_input as kinds
from otel_redaction.strict_text import strict_text

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.invalid_input import InvalidInputCounter
    from otel_distro.pipeline.input_limits.limits import ValueLimits

_DICTS = frozenset({dict, MappingProxyType})
_LARGEST = 2**63
_LATEST_NS = 2**64
_LAST_WORD = 256
"""Text is cut before a word of at most this many characters: redaction misses half a secret."""
_TOO_DEEP = "[TOO DEEP]"
_MAX_KEYS = 4096
"""Names of attributes that are known to be plain; an app has few."""


class ValueCleaner:
    """Converts values for telemetry; each method returns a usable value and never raises."""

    def __init__(self, limits: ValueLimits, invalid_input: InvalidInputCounter) -> None:
        self._limits = limits
        self._max_chars = limits.max_chars
        self._plain_keys: set[str] = set()
        self.note = invalid_input.note

    def attributes(self, attributes: Any) -> Any:
        """Return *attributes* if they are a dictionary or None, else converted to a dictionary.

        Only a mapping has names, so nothing else is kept.
        """
        if type(attributes) is dict or attributes is None:
            return attributes
        try:
            if isinstance(attributes, Mapping):
                return self._mapping(attributes, 0, [self._limits.max_parts], "", None)
        except Exception:  # reported below
            pass
        self.note(kinds.REFUSED, "attributes")
        return None

    def clean(self, value: Any, max_chars: int | None = None) -> Any:
        """Return *value*, or a mapping with each of its values, plain.

        Replaces the SDK's cleaning, which runs for every attribute, event, link, log record and
        measurement; *max_chars* is the SDK's limit for a text.
        """
        try:
            # A sampler passes attributes behind a proxy.
            if type(value) in _DICTS and len(value) <= self._limits.max_items:
                return self._clean_dict(value, max_chars)
            return self._any(value, 0, [self._limits.max_parts], "", max_chars)
        except Exception:  # the object may raise anything
            return self._unreadable(value, "")

    def _clean_dict(self, values: Mapping[Any, Any], max_chars: int | None) -> dict[str, Any]:
        # Runs for every span, on the app's thread: the usual case first, in few steps.
        longest, known = max_chars or self._max_chars, self._plain_keys
        result: dict[str, Any] = {}
        parts = [self._limits.max_parts]
        # Bounded as well: a proxied object may report a wrong length.
        for key, value in islice(values.items(), self._limits.max_items):
            if key in known or self._learn(key):
                kind = type(value)
                if kind is str:
                    if value.isascii() and len(value) <= longest and "\0" not in value:
                        result[key] = value
                        continue
                elif kind is bool or (kind is int and -_LARGEST <= value < _LARGEST):
                    result[key] = value
                    continue
            self._put(result, key, value, 0, parts, max_chars)
        return result

    def is_plain_pair(self, key: Any, value: Any, max_chars: int | None) -> bool:
        """Whether *value* can be kept under *key* with both unchanged, by a quick check.

        Raises any exception of the hash of an odd *key*.
        """
        if key not in self._plain_keys and not self._learn(key):
            return False
        kind = type(value)
        if kind is str:
            longest = max_chars or self._max_chars
            return value.isascii() and len(value) <= longest and "\0" not in value
        return kind is bool or (kind is int and -_LARGEST <= value < _LARGEST)

    def value(self, value: Any, key: str = "") -> Any:
        """Return *value* if it is plain, else the nearest plain value."""
        try:
            if self._is_plain(value):
                return value
            return self._any(value, 0, [self._limits.max_parts], key, None)
        except Exception:  # the object may raise anything
            return self._unreadable(value, key)

    def text(self, value: Any) -> str:
        """Return *value* as text: a name, a description, the words of an exception."""
        try:
            if type(value) is not str:
                # Containers are cut before they are formatted, not after.
                small = self.value(value) if isinstance(value, Mapping | Sequence) else value
                value = _as_text(small)
            return self._text(value)
        except Exception:  # the object may raise anything
            return self._unreadable(value, "")

    def key(self, key: Any) -> str | None:
        """Return *key* as an attribute name, or None if it cannot be one."""
        try:
            if key in self._plain_keys or self._learn(key):
                known: str = key
                return known
            if type(key) is not str:
                if not isinstance(key, str) and not _has_text(key):
                    raise TypeError
                key = _as_text(key)
            if key:
                return self._text(key[: self._limits.max_key_chars])
        except Exception:  # reported below
            pass
        self.note(kinds.NO_KEY)
        return None

    def time_ns(self, time_ns: Any) -> int | None:
        """Return a time in nanoseconds since 1970, or None if it is invalid."""
        if time_ns is None or (type(time_ns) is int and 0 <= time_ns < _LATEST_NS):
            return time_ns
        try:
            whole = int(time_ns)
            if not isinstance(time_ns, str | bytes) and 0 <= whole < _LATEST_NS:
                return whole
        except Exception:  # reported below
            pass
        self.note(kinds.NO_TIME)
        return None

    def number(self, amount: Any) -> int | float | None:
        """Return a measurement as int or float, or None if it is not a finite number."""
        kind = type(amount)
        if (kind is int and -_LARGEST <= amount < _LARGEST) or (kind is float and isfinite(amount)):
            plain: int | float = amount
            return plain
        try:
            if not isinstance(amount, str | bytes) and isfinite(number := float(amount)):
                return number
        except Exception:  # reported below
            pass
        self.note(kinds.NO_NUMBER)
        return None

    def _learn(self, key: Any) -> bool:
        if type(key) is not str or not key.isascii() or not 0 < len(key) <= _LAST_WORD:
            return False
        if "\0" in key:
            return False
        if len(self._plain_keys) < _MAX_KEYS:
            self._plain_keys.add(key)
        return True

    def _is_plain(self, value: Any) -> bool:
        kind = type(value)
        if kind is str:
            return value.isascii() and len(value) <= self._max_chars and "\0" not in value
        if kind is int:
            return bool(-_LARGEST <= value < _LARGEST)
        return kind is bool or value is None or (kind is float and isfinite(value))

    def _any(
        self, value: Any, depth: int, parts: list[int], key: str, max_chars: int | None
    ) -> Any:
        if max_chars is None and self._is_plain(value):
            return value
        if isinstance(value, str):
            return self._text(str.__str__(value), key, max_chars)
        if isinstance(value, bool | NoneType):
            return value
        if isinstance(value, int):
            return self._integer(int.__int__(value), key)
        if isinstance(value, float):
            return self._float(float.__float__(value), key)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(memoryview(value).tobytes(), key)
        if isinstance(value, Mapping):
            return self._mapping(value, depth, parts, key, max_chars)
        if isinstance(value, Sequence):
            return self._sequence(value, depth, parts, key, max_chars)
        if not _has_text(value):
            raise TypeError
        return self._text(_as_text(value), key, max_chars)

    def _sequence(
        self, values: Any, depth: int, parts: list[int], key: str, max_chars: int | None
    ) -> Any:
        if depth > self._limits.max_depth:
            self.note(kinds.TOO_DEEP, key)
            return _TOO_DEEP
        result = []
        for value in self._first(values, parts, key):
            try:
                result.append(self._any(value, depth + 1, parts, key, max_chars))
            except Exception:  # the object may raise anything
                result.append(self._unreadable(value, key))
        return tuple(result)

    def _mapping(
        self, values: Any, depth: int, parts: list[int], key: str, max_chars: int | None
    ) -> Any:
        if depth > self._limits.max_depth:
            self.note(kinds.TOO_DEEP, key)
            return _TOO_DEEP
        result: dict[str, Any] = {}
        for name, value in self._first(values.items(), parts, key):
            self._put(result, name, value, depth, parts, max_chars)
        return result

    def _put(
        self,
        result: dict[str, Any],
        name: Any,
        value: Any,
        depth: int,
        parts: list[int],
        max_chars: int | None,
    ) -> None:
        key = self.key(name)
        if key is None:
            return
        try:
            result[key] = self._any(value, depth + 1, parts, key, max_chars)
        except Exception:  # the object may raise anything
            result[key] = self._unreadable(value, key)

    def _first(self, values: Iterable[Any], parts: list[int], key: str) -> list[Any]:
        most = max(0, min(self._limits.max_items, parts[0]))
        head = list(islice(iter(values), most + 1))
        if len(head) > most:
            head.pop()
            self.note(kinds.TOO_MANY, key)
        parts[0] -= len(head)
        return head

    def _text(self, text: str, key: str = "", max_chars: int | None = None) -> str:
        longest = self._max_chars if max_chars is None else max_chars
        if len(text) > longest:
            self.note(kinds.TOO_LONG, key)
            text = _cut(text, longest) if max_chars is None else text[:longest]
        strict = strict_text(text)
        if strict is not text:
            self.note(kinds.NOT_UTF8, key)
        return strict

    def _bytes(self, value: bytes, key: str) -> bytes:
        if len(value) <= self._max_chars:
            return value
        self.note(kinds.TOO_LONG, key)
        return value[: self._max_chars]

    def _integer(self, value: int, key: str) -> int | str:
        if -_LARGEST <= value < _LARGEST:
            return value
        self.note(kinds.TOO_LARGE, key)
        # Python refuses to write very long integers in decimal.
        return (
            str(value) if value.bit_length() < 1024 else f"[INTEGER OF {value.bit_length()} BITS]"
        )

    def _float(self, value: float, key: str) -> float | str:
        if isfinite(value):
            return value
        self.note(kinds.NOT_FINITE, key)
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"

    def _unreadable(self, value: Any, key: str) -> str:
        self.note(kinds.UNREADABLE, key)
        try:
            return f"[UNREADABLE {strict_text(str(type(value).__name__))[:_LAST_WORD]}]"
        except Exception:  # a metaclass can do anything
            return "[UNREADABLE]"


def _as_text(value: Any) -> str:
    # Not str(value) alone: it may return a subclass of str with overridden methods.
    return str.__str__(str(value))


def _has_text(value: Any) -> bool:
    """Return whether *value* has its own text, not only `<C object at 0x...>`."""
    kind: Any = type(value)
    return kind.__str__ is not object.__str__ or kind.__repr__ is not object.__repr__


def _cut(text: str, most: int) -> str:
    space = max(text.rfind(" ", most - _LAST_WORD, most), text.rfind("\n", most - _LAST_WORD, most))
    return text[: space if space > 0 else most]
