"""Validation of attribute values: an invalid value counts as not reported.

Attributes come from foreign code. A negative count, a NaN or a non-numeric text must neither raise
nor become money. Micrometer (Spring AI) and coding agents write every number as text, so plain
decimal digits are read as a number.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_TOKENS = 1_000_000_000
"""No call consumes a billion tokens; a larger number is an error or an attack."""
MOST_USD = Decimal(1_000_000)
LONGEST_TEXT = 512
"""Maximum length of an accepted name, id or scope key."""
LONGEST_JSON = 1_000_000
"""Maximum length of a JSON string to parse for its few facts: a tenth of a second at worst."""


_DIGITS = re.compile(r"\A[0-9]{1,12}(?:\.0{1,6})?\Z")


def count(value: object) -> int | None:
    """Return a token count, or None if *value* is not a whole number from 0 to a billion.

    Text of plain digits is accepted: `"1000"`; not `"1e3"`, `"-5"`, `""` or `"n/a"`.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _DIGITS.match(value):
            return None
        value = int(value.partition(".")[0])
    if isinstance(value, int):
        return value if 0 <= value <= MOST_TOKENS else None
    if isinstance(value, float) and 0 <= value <= MOST_TOKENS and value.is_integer():
        return int(value)
    return None


def text(value: object) -> str | None:
    """Return a name or id, or None if *value* is not a short non-empty string."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT:
        return value.strip() or None
    return None


def usd(value: object) -> Decimal | None:
    """Return an amount of US dollars reported by another instrumentation, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value)[:64])
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MOST_USD else None


def nanoseconds(seconds: object) -> int | None:
    """Return a duration in seconds as nanoseconds, or None if invalid."""
    if isinstance(seconds, str):
        seconds = float(seconds) if _DECIMAL.match(seconds) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return int(seconds * 1_000_000_000) if 0 <= seconds < 86_400 else None


_DECIMAL = re.compile(r"\A[0-9]{1,12}(?:\.[0-9]{1,12})?\Z")
_TRUTHS = {"true": True, "false": False}


def truth(value: object) -> bool | None:
    """Return a boolean, also one written as text; None for other values."""
    if isinstance(value, str):
        return _TRUTHS.get(value.lower())
    return value if isinstance(value, bool) else None


def first_count(attributes: Mapping[str, object], names: Iterable[str]) -> int | None:
    """Return the first valid count among the attributes *names*; None without one."""
    for name in names:
        value = attributes.get(name)
        if value is not None and (number := count(value)) is not None:
            return number
    return None


def milliseconds(seconds: object) -> int | None:
    """Return a duration in seconds as whole milliseconds, or None if invalid."""
    if isinstance(seconds, str):  # "8.470000095367432"
        seconds = seconds[:13]
    duration_ns = nanoseconds(seconds)
    return None if duration_ns is None else (duration_ns + 500_000) // 1_000_000


def first_milliseconds(attributes: Mapping[str, object], names: Iterable[str]) -> int | None:
    """Return the first valid duration among the attributes *names*, in seconds, or None."""
    for name in names:
        if name in attributes and (duration := milliseconds(attributes[name])) is not None:
            return duration
    return None


def first_text(attributes: Mapping[str, object], names: Iterable[str]) -> str | None:
    """Return the first valid text among the attributes *names*; None without one."""
    for name in names:
        value = attributes.get(name)
        if value is not None and (string := text(value)) is not None:
            return string
    return None


def json_object(value: object) -> dict[str, object]:
    """Return the JSON object in a string, or an empty one."""
    if not isinstance(value, str) or not 2 <= len(value) <= LONGEST_JSON or value[0] != "{":
        return {}
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {}


def walk(value: object, *path: str | int) -> object:
    """Return the value at *path* in nested objects and lists, or None if missing."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = cast("dict[str, object]", value).get(step)
        elif isinstance(value, list) and isinstance(step, int) and len(value) > step:
            value = cast("list[object]", value)[step]
        else:
            return None
    return value
