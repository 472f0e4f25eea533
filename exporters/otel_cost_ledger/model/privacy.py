"""Stored form of names: cleaned, bounded, and persons only as keyed pseudonyms."""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NAME_CHARACTERS: Final = 200
_CACHED_NAMES: Final = 4096
_PERSON_PREFIX: Final = "user_"
_BITS: Final = 47
_DIGITS: Final = 12
_HEXADECIMAL: Final = frozenset("0123456789abcdef")

Person = Literal["user", "session"]


class Pseudonyms:
    """Turns a user or session into 47 bits of an HMAC; None without a key.

    47 bits fit SQLite's six-byte integers. Among a million users the probability of a shared
    pseudonym is about one in three hundred; guessing a name needs the key.
    """

    def __init__(self, key: bytes | None) -> None:
        if key is not None and len(key) < 16:
            raise ValueError(f"a pseudonym key needs at least 16 bytes, got {len(key)}")
        self._key = key
        self._cached = lru_cache(maxsize=_CACHED_NAMES)(self._compute)

    def of(self, person: Person, name: str | None) -> int | None:
        """Return the number stored for *name*; None without a name or key."""
        if not name or self._key is None:
            return None
        return self._cached(person, name)

    def of_prompt(self, mark: bytes | int | None) -> int | None:
        """Return 40 bits stored for the digest *mark* of a prompt; a stored number is unchanged.

        None without a digest or key: without a key, a guessed prompt could be looked up.
        """
        if mark is None or isinstance(mark, int):
            return mark
        if self._key is None:
            return None
        return int.from_bytes(hmac.digest(self._key, b"prompt\x00" + mark, "sha256")[:5], "big")

    def _compute(self, person: Person, name: str) -> int:
        assert self._key is not None  # noqa: S101 - `of` is the only caller
        if person == "user" and (known := parse_person_name(name)) is not None:
            return known
        # The kind is part of the message, so that a user and a session with the same name differ.
        message = f"{person}\x00{name}".encode("utf-8", "replace")
        digest = hmac.digest(self._key, message, "sha256")
        return int.from_bytes(digest[:6], "big") >> 1


def pseudonym(key: bytes, person: Person, name: str) -> str:
    """Return the pseudonym of *name* as reports show it: twelve hexadecimal digits."""
    return format_pseudonym(Pseudonyms(key).of(person, name)) or ""


def person_name(key: bytes, name: str) -> str:
    """Return the name of the user *name* outside the ledger: `user_` and the pseudonym.

    The ledger recognises this form, so a span with it and a span with the name itself are stored as
    the same user.
    """
    return f"{_PERSON_PREFIX}{pseudonym(key, 'user', name)}"


def parse_person_name(text: str) -> int | None:
    """Return the stored form of a result of `person_name`; None for any other text."""
    shown = text.removeprefix(_PERSON_PREFIX)
    if shown == text or len(shown) != _DIGITS or not set(shown) <= _HEXADECIMAL:
        return None
    stored = parse_pseudonym(shown)
    return stored if stored < 1 << _BITS else None


def format_pseudonym(stored: int | None) -> str | None:
    """Return a stored pseudonym as reports show it; None without a person."""
    return None if stored is None else f"{stored:0{_DIGITS}x}"


def parse_pseudonym(shown: str) -> int:
    """Return the stored form of a pseudonym as reports show it; raises ValueError."""
    return int(shown, 16)


def bounded_cleaner(clean: Callable[[str], str]) -> Callable[[str], str]:
    """Return *clean* with a cache; its results are valid UTF-8 of bounded length."""

    @lru_cache(maxsize=_CACHED_NAMES)
    def cleaned(name: str) -> str:
        if not name:
            return ""
        # SQLite cannot store a lone surrogate, and names need no control characters.
        text = clean(name).encode("utf-8", "replace").decode("utf-8")
        return text[:MAX_NAME_CHARACTERS].replace("\x00", "\ufffd")

    return cleaned
