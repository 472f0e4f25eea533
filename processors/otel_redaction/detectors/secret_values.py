"""Whether a value assigned to a secret-sounding name is one, or code, a type or a placeholder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from otel_redaction.words import words

Style = Literal["tight", "loose", "prose", "space"]
"""How a value is joined to its name: `a=b` or `--a b`, `a: b`, "a is b", `A b`."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a value stands in its text."""

    style: Style
    follows: str
    """The character after a bare value; empty at the end."""
    quoted: bool
    listed: bool = False
    """Whether it stands in a list of settings, as `Password=x;` in a connection string."""


_LITERALS = words(
    "none null nil true false undefined required optional string str bytes text char varchar int "
    "number bool boolean any object void secret secretstr password passwd token value default "
    "empty example test hidden redacted masked removed omitted changeme change_me unset disabled "
    "enabled yes no on off new old your this that the self and not incorrect wrong invalid valid "
    "12345 123456 1234 admin root postgres foo bar dummy "
    "correct expired missing weak strong too must should is was are has have in for with from "
    "reset set sent stored hashed encrypted please enter here there needed safe protected basic "
    "bearer digest negotiate ntlm oauth apikey key file env input prompt a an to of or if it "
    "incorrect. case same different short long"
)
# Every pattern here is free of nested repeats or possessive (`*+`): the values
# come from anywhere, and one that backtracks would stop the program.
_PLACEHOLDER = re.compile(
    r"[<\[{(][^\r\n]*[>\]})]|[<\[{(][A-Za-z_ .,:-]*"
    r"|\$[{(][^\r\n]*|\$[A-Za-z_][\w.:\[\]-]*|%\(\w*\)[a-z]?|%[a-z]?|%\w+%"
    r"|[*•.xX#_?-]{3,}"
    r"|(?:your|my|the|some|insert|enter|replace|put)[-_ ][^\r\n]*",
    re.IGNORECASE,
)
_PLACEHOLDER_PART = re.compile(
    r"\.\.\.|…|x{6}|placeholder|redacted|changeme|your[-_]|[-_]here\b|\*{4}|\{\w*\}",
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
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALGORITHMS = words(
    "sha1 sha256 sha512 md5 base64 base58 oauth2 pbkdf2 argon2 argon2id aes128 aes256"
)
_MOST_EQUALS = 3
_NESTED = re.compile(r"(?:pass|pwd|secret|token|key|auth|cred)\w{0,20}=", re.IGNORECASE)
_REST_OF_PASSWORD = re.compile(r"[^\s\"'`\x00]{1,48}(?![^\s\"'`\x00])")
_NEXT_SETTING = re.compile(r"[,;&|]\s{0,2}[\w.-]{1,40}[=:]|</|\\[nrt\"]")
_CALL = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)*\d?[(\[{<]|\w+(?:\.\w+)+[(\[]|[({\[]\w*[:=,]")
_OPENING = frozenset("([{<")
_HEX = re.compile(r"[0-9a-fA-F]{16,}")


def is_password(value: str, written: Written) -> bool:
    """Return whether *value* is a password; people choose them, so it need not look random."""
    if len(value) < 4 or len(value) > 256 or value.lower().strip(".,;:!?") in _LITERALS:
        return False
    if _is_placeholder(value) or (" " in value and len(value) > 64):
        return False
    if written.quoted:
        return not value.isupper() or "_" not in value
    if written.follows in {"(", "[", "{"}:
        return False
    if not written.listed and _CODE.fullmatch(value):
        return False
    if written.style == "prose":
        return not value.isalpha()
    if written.style == "space" and not _is_mixed_password(value):
        return False
    if value.isalpha() and value.islower() and written.style == "loose":
        # `password: required by law` is prose; `password: sunshine` ends its line.
        return written.follows in {"", "\n", "\r", "&", ";", ","}
    return True


def whole_password_end(text: str, start: int, end: int) -> int:
    """Return where the password from *start* ends; *end* unless it goes on with punctuation.

    `tH1Cr0j(Y@` is a password, `getPass(x)` is code, and `pw1Abc;user=x` ends at the semicolon.
    """
    rest = _REST_OF_PASSWORD.match(text, end)
    if rest is None:
        return end
    whole = text[start : rest.end()]
    following = _NEXT_SETTING.search(whole)
    if following is not None:
        whole = whole[: following.start()]
    if _CALL.match(whole) or _PLACEHOLDER.fullmatch(whole) or whole[-1:] in _OPENING:
        return end
    whole = whole.rstrip(".,;:)]}>")
    if len(whole) <= end - start:
        return end
    classes = (str.islower, str.isupper, str.isdigit)
    return start + len(whole) if all(any(map(of, whole)) for of in classes) else end


def is_secret(value: str, written: Written) -> bool:
    """Return whether *value* looks generated: long, varied, and not code, a path or a name."""
    equals = value.count("=", 0, -1)
    if equals > _MOST_EQUALS or (equals and _NESTED.search(value, 0, 80)):
        return False  # a query or a list of settings; its own names are looked at
    distinct = len(set(value))
    if not 8 <= len(value) <= 2048 or distinct * 6 < min(len(value), 48) or " " in value:
        return False
    if not written.quoted and written.follows in {"(", "[", "{"}:
        return False
    if value.isdigit():
        return len(value) >= 16 and distinct > 3
    if _is_placeholder(value) or _PATH.match(value):
        return False
    if written.style == "space" and not any(digit in value for digit in "0123456789"):
        return False
    if _UUID.fullmatch(value):
        return True
    if _HEX.fullmatch(value):
        return distinct > 5
    ordinary = _is_words(value) or _CODE.fullmatch(value) is not None
    if _NAME.match(value) or (ordinary and not _mixed(value)):
        return False
    return distinct >= 6


def _is_mixed_password(value: str) -> bool:
    """Return whether *value*, after "password " in a sentence, can only be a password."""
    if value.lower() in _ALGORITHMS or len(value) < 6:
        return False
    return any(map(str.isalpha, value)) and any(map(str.isdigit, value)) and value.isascii()


def _is_placeholder(value: str) -> bool:
    if _PLACEHOLDER.fullmatch(value) or _PLACEHOLDER_PART.search(value):
        return True
    return "example" in value.lower() and not _mixed(value)


def _is_words(value: str) -> bool:
    """Return whether *value* is words and short numbers joined by punctuation."""
    return all(_WORD.fullmatch(part) for part in _WORD_PARTS.split(value))


def _mixed(value: str) -> bool:
    """Return whether letters, cases and digits alternate as in no word a person would write."""
    classes = [_character_class(character) for character in value if character.isalnum()]
    changes = sum(left != right for left, right in pairwise(classes))
    return len(classes) >= 16 and changes * 3 >= len(classes)


def _character_class(character: str) -> int:
    return 0 if character.isdigit() else 1 if character.islower() else 2
