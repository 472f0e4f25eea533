"""JSON inside a text: parsed, so that what comes out is JSON as well."""

from __future__ import annotations

import json
from typing import Any

_OPENINGS = frozenset('{["')


def looks_like_json(text: str) -> bool:
    """Return whether *text* may be a JSON document other than a bare number or word."""
    return text.lstrip()[:1] in _OPENINGS and text.rstrip()[-1:] in {"}", "]", '"'}


def parse(text: str) -> Any:
    """Return the document in *text*, or None if it is not one we could write back unchanged."""
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def dump(document: Any, like: str) -> str:
    """Return *document* as JSON in the style of *like*: compact or spaced, escaped or not."""
    compact = '": ' not in like and "', " not in like
    return json.dumps(
        document,
        ensure_ascii=like.isascii(),
        separators=(",", ":") if compact else None,
        indent=_indent(like),
    )


def is_valid(text: str) -> bool:
    """Return whether *text* is a JSON document."""
    return parse(text) is not None


def _indent(like: str) -> int | None:
    newline = like.find("\n", 0, 4)
    if newline < 0:
        return None
    rest = like[newline + 1 : newline + 12]
    return len(rest) - len(rest.lstrip(" "))


def _finite(number: str) -> float:
    value = float(number)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(number)
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
