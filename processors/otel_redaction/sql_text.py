"""SQL statements without literals."""

from __future__ import annotations

import re

from otel_redaction.patterns.lazy_pattern import lazy_pattern

_LITERAL = lazy_pattern(
    r"'(?:[^'\\]|''|\\.)*+(?:'|\Z)"  # a string; a truncated one extends to the end
    r"|\$(\w*)\$.*?(?:\$\1\$|\Z)"  # PostgreSQL dollar quotes
    r"|(?<![\w$@:.])[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])",
    re.DOTALL,
)


def without_literals(statement: str) -> str:
    """Return *statement* with `?` for every string and number in it.

    Placeholders (`$1`, `:name`, `@p0`) and identifiers, also quoted ones, are kept.
    """
    return _LITERAL.sub("?", statement)
