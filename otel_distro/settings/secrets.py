"""Which values of settings may be printed: none that is a secret, whatever variable it stands in.

A key is easily set in the variable next to its own, so the variable alone does not decide.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_WORD: Final = 20
"""Words, numbers and levels are shorter; keys and tokens are longer."""
_UNSPLIT: Final = re.compile(r"[^\s,;=/\\.:_|-]+")
_CREDENTIALS: Final = re.compile(r"://[^/\s]*@|otc1|(?i:password|secret|token|key)\s*[=:]")
_HIDDEN: Final = "(not shown)"
_SHORTEST_PART: Final = 4


def looks_secret(value: object) -> bool:
    """Return whether *value* may be a key, a token or a password, or hold one."""
    text = value if isinstance(value, str) else repr(value)
    if _CREDENTIALS.search(text):
        return True
    for word in _UNSPLIT.findall(text):
        mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        if len(word) > _LONGEST_WORD or (mixed and len(word) > _LONGEST_WORD // 2):
            return True
    # Separators are part of many kinds of keys: `sk-proj-...`, base64 with `_` and `-`.
    return any(
        len(part) > _LONGEST_WORD and any(c.isdigit() for c in part) and "/" not in part
        for part in text.replace(",", " ").replace("=", " ").split()
    )


def without_value(message: str, value: object) -> str:
    """Return *message* without *value* and without what it quotes of it."""
    text = value if isinstance(value, str) else repr(value)
    if not text:
        return message
    message = message.replace(repr(text), _HIDDEN).replace(text, _HIDDEN)
    for part in re.split(r"[\s,;=]+", text):
        if len(part) >= _SHORTEST_PART:
            message = message.replace(repr(part), _HIDDEN).replace(part, _HIDDEN)
    return message
