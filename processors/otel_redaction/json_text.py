"""JSON in a text, parsed so that the result is JSON as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    import re

# Possessive: if a run of other characters has no match after it, no part of it has.
# Backslashes, because names in a document inside a string are escaped.
_NAME = lazy_pattern(
    r'"([^"\\]{2,64}+)\\{0,7}"\s{0,8}:\s{0,8}(?!\\{0,7}"(?:\[[A-Z_]{2,32}\])?\\{0,7}")'
)

_ESCAPE = lazy_pattern(r"\\(?:([\"\\/bfnrt]|u[0-9a-fA-F]{4})|)")

_OPENINGS = frozenset('{["')


def looks_like_json(text: str) -> bool:
    """Return whether *text* may be a JSON document other than a number or word."""
    return text.lstrip()[:1] in _OPENINGS and text.rstrip()[-1:] in {"}", "]", '"'}


def names(text: str) -> set[str]:
    """Return the names of the fields in *text* whose values are neither empty nor markers."""
    return set(_NAME.findall(text))


def parse(text: str) -> Any:
    """Return the document in *text*, or None if it cannot be written back.

    Models write documents with line breaks and tabs in strings, and with unescaped backslashes. A
    lenient reader finds the secrets in them.
    """
    document = _loaded(text)
    if document is None and "\\" in text:
        document = _loaded(_ESCAPE.sub(_doubled, text))
    return document


def _loaded(text: str) -> Any:
    import json

    try:
        return json.loads(text, strict=False, parse_float=_finite, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _doubled(escape: re.Match[str]) -> str:
    return escape[0] if escape[1] else r"\\"


def dump(document: Any, like: str) -> str:
    """Return *document* as JSON in the style of *like*: compact or spaced, escaped or not."""
    import json

    compact = '": ' not in like and "', " not in like
    return json.dumps(
        document,
        ensure_ascii=like.isascii(),
        separators=(",", ":") if compact else None,
        indent=_indent(like),
    )


def is_valid(text: str) -> bool:
    """Return whether *text* is a JSON document, control characters in strings aside."""
    return _loaded(text) is not None


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
