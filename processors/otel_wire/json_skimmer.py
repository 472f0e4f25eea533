"""Incremental JSON reading in bounded memory.

The skimmer takes JSON in chunks of any size and keeps the values of chosen keys only. It skips
everything else at the speed of a regular expression. Nesting costs a counter, not recursion.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_STRING = 512
"""Longest string that is kept, in bytes; only the length of a longer one is."""
_MOST_NODES = 256
"""Maximum list elements kept of one value."""
_RESERVE = 512
"""Extra nodes for objects after a list with too many elements."""
_MOST_DEPTH = 24
_LONGEST_NUMBER = 64

_SPACE = re.compile(rb"[ \t\r\n,:]*+")
_SCALAR = re.compile(rb"[^\s,:\]}\[{\"]*+")
_FLAT = rb'[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_NESTED = rb"%b|\{(?:%b)*+\}|\[(?:%b)*+\]"
_ONCE = _NESTED % (_FLAT, _FLAT, _FLAT)
_PASSED = re.compile(rb"(?:%b)*+" % (_NESTED % (_ONCE, _ONCE, _ONCE)), re.DOTALL)
"""Data to skip at once: everything up to a bracket that is not closed nearby."""
_STRING_PART = re.compile(rb'[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u]|u(?=.{4}))[^"\\]*+)*+', re.DOTALL)
"""Part of a string up to its end, the end of the data, or an escape that is cut off there."""
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTINUATION = bytes(range(0x80, 0xC0))
_KEPT_PART = 8 * LONGEST_STRING
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}


class Skipped:
    """Length in characters of a skipped string or container."""

    __slots__ = ("length",)

    def __init__(self, length: int) -> None:
        self.length = length


class JsonSkimmer:
    """Reads concatenated JSON values, and the elements of arrays at the top, one after another.

    *keep* are the keys whose values are kept, at any depth below kept keys. *passed* are keys whose
    values are kept as `Skipped`, for their lengths. *sink* receives each complete top-level value;
    of a top-level array, each element.
    """

    def __init__(
        self, keep: frozenset[str], passed: frozenset[str], sink: Callable[[object], None]
    ) -> None:
        self._keep = keep
        self._dull = _dull_pairs(keep | passed)
        self._measure = passed
        self._sink = sink
        self._rest = b""
        self._stack: list[dict[str, object] | list[object]] = []
        self._keys: list[str] = []
        self._key: str | None = None
        self._nodes = 0
        self._in_array = False
        self._string: bytearray | None = None
        self._string_length = 0
        self._skip_depth = 0
        self._skip_length = 0
        self._skip_is_measured = False
        self._skip_closes = False
        self._state: Callable[[bytes, int], int] = self._value
        self.is_damaged = False
        """Whether the data is not JSON."""

    @property
    def is_complete(self) -> bool:
        """Whether every value is complete."""
        return not (self._stack or self._in_array or self._skip_depth or self._string is not None)

    def feed(self, data: bytes) -> None:
        """Read the next chunk."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        position, size = 0, len(data)
        while position < size:
            after = self._state(data, position)
            if after < 0:  # incomplete: wait for the next chunk
                self._rest = data[position:]
                if len(self._rest) > _LONGEST_NUMBER:
                    # A number or word of any length: its beginning shows whether it is valid.
                    self._rest = self._rest[:_LONGEST_NUMBER]
                return
            position = after

    def end(self) -> object:
        """Finish; return the part of a truncated top-level value, or None."""
        if self._rest and self._state == self._value and not self._stack:
            self._scalar_is(self._rest)
        # A number inside a value may have been cut: 3 may be the beginning of 300.
        self._rest = b""
        if self._string is not None and self._state == self._value_string:
            self._put(Skipped(self._string_length))
            self._string = None
        if self._skip_depth and self._skip_is_measured:
            self._put(Skipped(self._skip_length))
        return self._stack[0] if self._stack else None

    # States: each takes the data and a position, and returns the position after what it read.

    def _value(self, data: bytes, at: int) -> int:
        began = at
        if (match := _SPACE.match(data, at)) is not None:
            at = match.end()
        if at >= len(data):
            return at
        char = data[at]
        if char == 0x22:  # quote
            if self._stack and self._key is None and (dull := self._dull.match(data, at)):
                at = dull.end() if isinstance(self._stack[-1], dict) else at
                if at > began:
                    return at
            self._begin_string()
            return at + 1
        if char in b"{[":
            return self._open(char, at)
        if char in b"]}":
            self._close()
            return at + 1
        match = _SCALAR.match(data, at)
        end = match.end() if match else at + 1
        if end == len(data):
            return -1 if at == began else at  # may continue in the next chunk
        self._scalar_is(data[at:end])
        return max(end, at + 1)

    def _begin_string(self) -> None:
        self._string, self._string_length = bytearray(), 0
        self._state = self._value_string
        if self._stack and isinstance(self._stack[-1], dict):
            if self._key is None:
                self._state = self._key_string
            elif self._key not in self._keep and self._key not in self._measure:
                self._state = self._drop_string

    def _open(self, char: int, at: int) -> int:
        if not self._stack and char == 0x5B and not self._in_array:
            self._in_array = True
            return at + 1
        if self._skips(char):
            return at + 1
        node: dict[str, object] | list[object] = {} if char == 0x7B else []
        self._put(node)
        self._stack.append(node)
        self._key = None
        return at + 1

    def _skips(self, char: int) -> bool:
        in_list = bool(self._stack) and isinstance(self._stack[-1], list)
        most = _MOST_NODES if in_list else _MOST_NODES + _RESERVE
        if self._nodes >= most:
            self._begin_skip(2 if in_list else 1, closes=in_list)
        elif not self._is_wanted() or len(self._stack) >= _MOST_DEPTH:
            self._begin_skip(1, closes=False)
        else:
            return False
        return True

    def _begin_skip(self, depth: int, *, closes: bool) -> None:
        """Skip the open container, *depth* levels deep; *closes* also ends the current list."""
        self._skip_depth, self._skip_length = depth, 0
        self._skip_is_measured = self._key in self._measure
        self._skip_closes = closes
        self._state = self._skip

    def _is_wanted(self) -> bool:
        if not self._stack:
            return True
        return isinstance(self._stack[-1], list) or self._key in self._keep

    def _close(self) -> None:
        if self._stack:
            done = self._stack.pop()
            self._key = None
            if not self._stack:
                self._emit(done)
        else:
            self._in_array = False

    def _emit(self, value: object) -> None:
        self._nodes = 0
        self._sink(value)

    def _put(self, value: object) -> None:
        if not self._stack:
            if not isinstance(value, dict | list):
                self._emit(value)
            return
        parent = self._stack[-1]
        if isinstance(parent, list):
            self._nodes += 1
            parent.append(value)
            if self._nodes >= _MOST_NODES and not isinstance(value, dict | list):
                self._begin_skip(1, closes=True)
        elif self._key is not None:
            key, self._key = self._key, None
            if key in self._keep or key in self._measure:
                self._nodes += key not in parent
                parent[key] = value

    def _scalar_is(self, text: bytes) -> None:
        value: object = None
        if text in _LITERALS:
            value = _LITERALS[text]
        elif len(text) < _LONGEST_NUMBER:
            try:
                value = int(text) if text.lstrip(b"-").isdigit() else float(text)
            except ValueError:
                self.is_damaged = True
                if self._stack and self._key is None:
                    return
        self._put(value)

    def _key_string(self, data: bytes, at: int) -> int:
        at, complete = self._read_string(data, at)
        if complete and self._string is not None:
            self._key = _decoded(self._string)
            self._string, self._state = None, self._value
        return at

    def _value_string(self, data: bytes, at: int) -> int:
        at, complete = self._read_string(data, at)
        if complete and self._string is not None:
            length = self._string_length
            fits = len(self._string) <= LONGEST_STRING
            value = _decoded(self._string) if fits else Skipped(length)
            self._string, self._state = None, self._value
            self._put(value)
        return at

    def _read_string(self, data: bytes, at: int) -> tuple[int, bool]:
        """Continue a string; return the position, -1 for a cut escape, and whether it ended."""
        text_so_far = self._string
        if text_so_far is None:
            return at, True
        match = _STRING_PART.match(data, at, at + _KEPT_PART)
        end = match.end() if match else at
        part = data[at:end]
        plain = part
        if b"\\" in part:
            has_pairs = b"\\ud" in part or b"\\uD" in part
            plain = _ESCAPE.sub(_counted if has_pairs else b"x", part)
        self._string_length += len(plain.translate(None, _CONTINUATION))
        if len(text_so_far) <= LONGEST_STRING:
            text_so_far += _ESCAPE.sub(_unescaped, part[:_KEPT_PART])
        if end < len(data) and data[end] == 0x22:
            return end + 1, True
        return (end if end > at else -1), False

    def _skip(self, data: bytes, at: int) -> int:
        while at < len(data):
            if (run := _OPENINGS.match(data, at)) is not None:
                # Deep nesting is counted at once; the last few levels may close nearby.
                opened = run.end() - at - _NEARBY
                self._skip_depth += opened
                self._skip_length += opened
                at += opened
            match = _PASSED.match(data, at)
            end = match.end() if match else at
            self._skip_length += end - at
            at = end
            if at >= len(data):
                return at
            char = data[at]
            if char == 0x22:  # a string that is incomplete here
                self._state = self._skip_string
                self._skip_length += 1
                return at + 1
            self._skip_length += 1
            self._skip_depth += 1 if char in b"[{" else -1
            at += 1
            if not self._skip_depth:
                self._state = self._value
                if self._skip_closes:
                    self._close()
                else:
                    self._put(Skipped(self._skip_length) if self._skip_is_measured else None)
                return at
        return at

    def _skip_string(self, data: bytes, at: int) -> int:
        end, complete = _to_quote(data, at)
        self._skip_length += max(end, at) - at
        if complete:
            self._state = self._skip
        return end

    def _drop_string(self, data: bytes, at: int) -> int:
        end, complete = _to_quote(data, at)
        if complete:
            self._string, self._key, self._state = None, None, self._value
        return end


def _to_quote(data: bytes, at: int) -> tuple[int, bool]:
    """Return the position after the string's end, if it is here, and whether it is."""
    match = _TO_QUOTE.match(data, at)
    end = match.end() if match else at
    if end < len(data) and data[end] == 0x22:
        return end + 1, True
    # Only a final backslash is left; its escape comes with the next chunk.
    return (end if end > at else -1), False


_NEARBY = 2
_OPENINGS = re.compile(rb"[\[{]{3,}+")
_TO_QUOTE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_LITERALS: dict[bytes, object] = {b"true": True, b"false": False, b"null": None}


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[0][1:]
    if len(escape) > 1:
        return chr(int(escape[1:], 16)).encode("utf-8", "surrogatepass")
    return _ESCAPES.get(escape, escape)


def _counted(match: re.Match[bytes]) -> bytes:
    """Return a byte for an escape, none for the second half of a surrogate pair."""
    escape = match[0]
    return b"" if len(escape) == 6 and b"dc00" <= escape[2:].lower() <= b"dfff" else b"x"


def _decoded(string: bytes | bytearray) -> str:
    """Return *string* as a parser reads it: two escapes may form one character."""
    try:
        value = string.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return string.decode("utf-8", "replace")
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@lru_cache(maxsize=16)
def _dull_pairs(names: frozenset[str]) -> re.Pattern[bytes]:
    """Return a pattern of pairs to skip: keys other than *names* with short values."""
    other = b"|".join(re.escape(name.encode()) for name in sorted(names))
    return re.compile(
        rb'(?:\s*+"(?!(?:' + other + rb')")[^"\\]*+"\s*+:\s*+'
        rb'(?:[0-9.eE+-]++|true|false|null|"[^"\\]*+")\s*+,)*+'
    )


def skim(
    body: bytes, keep: frozenset[str], passed: frozenset[str] = frozenset()
) -> Iterator[object]:
    """Yield the values of *body*, pruned to *keep*, the last of them perhaps cut off."""
    objects: list[object] = []
    skimmer = JsonSkimmer(keep, passed, objects.append)
    skimmer.feed(body)
    left = skimmer.end()
    yield from objects
    if left is not None:
        yield left
