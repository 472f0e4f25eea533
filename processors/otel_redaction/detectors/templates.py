"""Templates, masks and instructions, and random values that only resemble them."""

from __future__ import annotations

import re

from otel_redaction.detectors.providers import is_placeholder
from otel_redaction.patterns.lazy_pattern import lazy_pattern

# Template placeholder anywhere in a value.
_TEMPLATE = lazy_pattern(
    r"\$?\{\{?[^{}\r\n]{0,80}\}?\}|\$\([^()\r\n]{0,80}\)|\$[A-Za-z_]\w{0,60}|%\(?\w{1,40}\)?[s%]"
    r"|<%?[^<>\r\n]{1,60}>|@\w{1,40}@|\x00{1,60}"
)
_FEWEST_BESIDE_TEMPLATE = 3
_MASKED = lazy_pattern(r"[*•.xX#_?-]{3,}|(?:x{4,}|\*{3,})[\w-]{0,4}", re.IGNORECASE)
_INSTRUCTION = lazy_pattern(
    r"(?:your|insert|enter|replace|put|my)[-_ ](?:[\w-]{0,24}[-_ ])?"
    r"(?:password|pass|pwd|secret|token|key|here|value)\b[^\r\n]*|(?:your|insert|replace)[-_ ].*"
    r"|.*[-_]here|.*\.\.\.|(?:change[-_ ]?me[-_ ].+)|.*placeholder.*|.*redacted.*",
    re.IGNORECASE,
)
CALL = lazy_pattern(r"[A-Za-z_]+(?:\.[A-Za-z_]+)*\d?[(\[{<]|\w+(?:\.\w+)+[(\[]|[({\[]\w*[:=,]")
"""The beginning of a call or of an expression."""
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_MANY_DIGITS = 6
_SHORTEST_NOISE = 16
_SHORTEST_SIGNS = 8
_MOST_SIGNS = 7
_MANY_SIGNS = 6
_FEW_SIGNS = 5
_NOISE = frozenset("!#$%&()*+<>=?@[]^{}~")
_EXPRESSION = lazy_pattern(
    r"[.\])][*+]|\[\^|a-z|A-Z|0-9|\(\?[:P<=!]|\$\{\{|://|&\w{1,20}=|;\w{1,20}="
)
_LONGEST_NOISE = 256


def is_template(value: str) -> bool:
    """Return whether *value* is a template's field, a mask or an instruction."""
    if _MASKED.fullmatch(value) or _INSTRUCTION.fullmatch(value):
        return True
    if not _TEMPLATE.search(value):
        return value[:1] in {"<", "{"} and value[-1:] in {">", "}", ""}
    rest = _TEMPLATE.sub(_kept, value)
    return sum(map(str.isalnum, rest)) < _FEWEST_BESIDE_TEMPLATE


def _kept(field: re.Match[str]) -> str:
    """Return "" for a template's *field*, and the text itself if it only resembles one.

    A field has balanced brackets, and the name of a variable is not generated.
    """
    written = field.group()
    return written if has_many_digits(written) or not _is_balanced(written) else ""


def has_many_digits(value: str) -> bool:
    """Return whether *value* begins like a variable, `$name`, but has the digits of a secret."""
    return value[:1] == "$" and sum(map(str.isdigit, value)) >= _MANY_DIGITS


def _is_balanced(value: str) -> bool:
    """Return whether each bracket in *value* is closed, in the right order."""
    open_brackets: list[str] = []
    for sign in value:
        if sign in _CLOSED_BY:
            open_brackets.append(_CLOSED_BY[sign])
        elif sign in ")]}" and (not open_brackets or open_brackets.pop() != sign):
            return False
    return not open_brackets


def is_signs(value: str) -> bool:
    """Return whether *value* is mostly punctuation, of many kinds and without a space."""
    signs = {character for character in value if not character.isalnum()}
    return (
        _SHORTEST_SIGNS <= len(value) <= _SHORTEST_NOISE
        and len(signs) >= _MOST_SIGNS
        and " " not in value
        and _EXPRESSION.search(value) is None
        and sum(map(str.isalnum, value)) * 2 <= len(value)
    )


def is_noise(value: str) -> bool:
    """Return whether *value* is a random mix of signs, letters and digits.

    Templates, calls and expressions balance their brackets; expressions of a search have
    backslashes and ranges.
    """
    if not _SHORTEST_NOISE <= len(value) <= _LONGEST_NOISE or " " in value or "\\" in value:
        return False
    signs = {character for character in value if character in _NOISE}
    if _EXPRESSION.search(value) or is_placeholder(value):
        return False
    if len(signs) >= _MANY_SIGNS and not _is_balanced(value):
        return True
    return (
        len(signs) >= _FEW_SIGNS
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not CALL.match(value)
        and len(set(value)) * 3 >= len(value) * 2
    )
