"""Whether a value assigned to a secret-sounding name is one, or code, a type or a placeholder."""

from __future__ import annotations

import re

_LITERALS = frozenset(
    "none null nil true false undefined required optional string str bytes text char varchar int "
    "number bool boolean any object void secret secretstr password passwd token value default "
    "empty example test hidden redacted masked removed omitted changeme change_me unset disabled "
    "enabled yes no on off new old your this that the self and not incorrect wrong invalid valid "
    "correct expired missing weak strong too must should is was are has have in for with from "
    "reset set sent stored hashed encrypted please enter here there needed safe protected basic "
    "bearer digest negotiate ntlm oauth apikey key file env input prompt a an to of or if it "
    "incorrect. case same different short long".split()
)
# Every pattern here is free of nested repeats or possessive (`*+`): the values
# come from anywhere, and one that backtracks would stop the program.
_PLACEHOLDER = re.compile(
    r"[<\[{(][^\r\n]*|\$[^\r\n]*|%[\w()]{0,40}|[*•.xX#_?-]{3,}"
    r"|(?:your|my|the|some|insert|enter|replace|put)[-_ ][^\r\n]*",
    re.IGNORECASE,
)
_PLACEHOLDER_PART = re.compile(
    r"\.\.\.|…|x{6}|example|placeholder|redacted|changeme|your[-_]|[-_]here\b|\*{4}",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[A-Za-z_]\w*+(?:(?:\.|->|::)[A-Za-z_]\w*+)++"  # settings.password
    r"|[a-z]+(?:[A-Z][a-z]+)+"  # getPassword
    r"|[A-Z][A-Z]*(?:_[A-Z]+)+"  # DB_PASSWORD
    r"|[a-z]+(?:_[a-z]+)+"  # db_password
)
_PATH = re.compile(r"(?:[a-z]{2,12}://|\.{0,2}/|~/|[A-Za-z]:\\|\$)", re.IGNORECASE)
_NAME = re.compile(r"v?\d++(?:\.\d++)++|\d{4}-\d\d-\d\d|\d{1,15}\Z")
_WORD_PARTS = re.compile(r"[-_./: ]")
_WORD = re.compile(r"[A-Za-z]*+\d{0,4}|[A-Za-z]{0,3}\d{1,3}[A-Za-z]{0,3}|\d{1,10}")
_HEX = re.compile(r"[0-9a-fA-F]{16,}")


def is_password(value: str, *, quoted: bool, prose: bool, follows: str) -> bool:
    """Return whether *value* is a password; people choose them, so it need not look random."""
    if len(value) < 4 or len(value) > 256 or value.lower().strip(".,;:!?") in _LITERALS:
        return False
    if _is_placeholder(value) or (" " in value and len(value) > 64):
        return False
    if quoted:
        return not value.isupper() or "_" not in value
    if follows in {"(", "[", "{"} or _CODE.fullmatch(value):
        return False
    if prose:
        return not value.isalpha()
    if value.isalpha() and value.islower():
        # `password: required by law` is prose; `password: sunshine` ends its line.
        return follows in {"", "\n", "\r", "&", ";", ","}
    return True


def is_secret(value: str, *, quoted: bool, prose: bool, follows: str) -> bool:
    """Return whether *value* looks generated: long, varied, and not code, a path or a name."""
    distinct = len(set(value))
    if not 8 <= len(value) <= 2048 or distinct * 6 < min(len(value), 48) or " " in value:
        return False
    if not quoted and follows in {"(", "[", "{"}:
        return False
    if value.isdigit():
        return len(value) >= 16 and distinct > 3
    if _is_placeholder(value) or _CODE.fullmatch(value) or _PATH.match(value):
        return False
    if _HEX.fullmatch(value):
        return distinct > 5
    if _NAME.match(value) or (_is_words(value) and not _mixed(value)):
        return False
    return distinct >= 6


def _is_placeholder(value: str) -> bool:
    return bool(_PLACEHOLDER.fullmatch(value) or _PLACEHOLDER_PART.search(value))


def _is_words(value: str) -> bool:
    """Return whether *value* is words and short numbers joined by punctuation."""
    return all(_WORD.fullmatch(part) for part in _WORD_PARTS.split(value))


def _mixed(value: str) -> bool:
    """Return whether letters, cases and digits alternate as in no word a person would write."""
    changes = sum(
        _character_class(left) != _character_class(right)
        for left, right in zip(value, value[1:], strict=False)
    )
    return changes * 3 >= len(value) and len(value) >= 16


def _character_class(character: str) -> int:
    return 0 if character.isdigit() else 1 if character.islower() else 2
