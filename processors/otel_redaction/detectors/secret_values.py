"""Classification of values assigned to secret-sounding names: secret, code, type or placeholder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from otel_redaction.detectors.announced_secrets import HASH_LENGTHS, HEX_NUMBER, UUID
from otel_redaction.detectors.templates import (
    CALL,
    has_many_digits,
    is_noise,
    is_signs,
    is_template,
)
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.words import words

Style = Literal["tight", "loose", "prose", "space"]
"""Form of an assignment: `a=b` or `--a b`, `a: b`, "a is b", `A b`."""


@dataclass(frozen=True, slots=True)
class Written:
    """Position of a value in its text."""

    style: Style
    follows: str
    """The character after a bare value; empty at the end."""
    quoted: bool
    listed: bool = False
    """Whether it is in a list of settings, as `Password=x;` in a connection string."""
    sure: bool = True
    """Whether the name alone identifies the value as secret: `password` does, `pass` does not."""
    owned: bool = False
    """Whether an owner precedes the name: `my password is sunshine`."""
    token: bool = False
    """Whether it looks generated, like keys and tokens: letters, digits and few signs."""
    assigned: bool = False
    """Whether an equals sign is before it."""
    setting: bool = False
    """Whether the name is written as a setting, `DB_PASSWORD`, or joined without spaces."""


# No value at all, or a type: never a secret in any form.
_NOTHING = words(
    "none null nil true false undefined required optional string str bytes text char varchar int "
    "integer number bool boolean any object void secretstr nan unset empty yes no on off hidden "
    "redacted masked removed omitted disabled enabled default string? str? self this function "
    "async await return lambda new const var let public private protected static final readonly "
    "not and or if else for in is of to the a an it nullptr unknown n/a na tbd todo"
)
# Variables that a program reads the value from.
_VARIABLES = words(
    "password passwd pwd pass passphrase token secret key apikey api_key auth credentials creds "
    "value val values v x data args arg params param kwargs options opts config cfg settings conf "
    "env environ user username input prompt getpass request req res response result body payload "
    "form field item element node obj session client state props context ctx tokenizer "
    "authorization bearer basic digest negotiate ntlm oauth oauth2 header headers file path url"
)
# Words about a password in a sentence.
_ABOUT = words(
    "correct incorrect expired missing weak strong too must should is was are has have with from "
    "reset set sent stored hashed encrypted please enter here there needed safe invalid valid "
    "wrong different same short long case sensitive blank important secure unique ok fine good "
    "bad known unknown used required protected changed updated leaked compromised mandatory "
    "necessary provided available visible confidential static dynamic random your my our his her "
    "their old new that like only also never always being about something everything nothing "
    "click confirm forgot forgotten cannot can't contain least characters match matches"
)
_LITERALS = (
    _NOTHING
    | _VARIABLES
    | _ABOUT
    | words(
        "changeme change_me example test token default 12345 123456 1234 admin root postgres foo "
        "bar dummy incorrect. apikey"
    )
)
# Every pattern here is free of nested repeats or possessive (`*+`): the values are untrusted, and
# backtracking would stall the program.
_PLACEHOLDER = lazy_pattern(
    r"[<\[{(][^\r\n]*[>\]})]|[<\[{(][A-Za-z_ .,:-]*"
    r"|\$[{(][^\r\n]*|\$[A-Za-z_][\w.:\[\]-]*|%\(\w*\)[a-z]?|%[a-z]?|%\w+%"
    r"|[*•.xX#_?-]{3,}"
    r"|(?:your|my|the|some|insert|enter|replace|put)[-_ ][^\r\n]*",
    re.IGNORECASE,
)
_PLACEHOLDER_PART = lazy_pattern(
    r"\.\.\.|…|x{6}|placeholder|redacted|changeme|your[-_]|[-_]here\b|\*{4}|\{\w*\}",
    re.IGNORECASE,
)
_CODE = lazy_pattern(
    r"[A-Za-z_]\w*+(?:(?:\.|->|::|\?\.)[A-Za-z_]\w*+)++[!?]?"  # settings.password
    r"|[a-z]+(?:[A-Z][a-z]+)+"  # getPassword
    r"|[A-Z][A-Z]*(?:_[A-Z]+)+"  # DB_PASSWORD
    r"|[a-z]+(?:_[a-z]+)+"  # db_password
)
_CODE_WORDS = lazy_pattern(
    r"pass|pwd|secret|token|key|user|config|env|arg|get|self|auth|cred|param|input|value|request|"
    r"settings|field|default|prompt|read|load|this|str",
    re.IGNORECASE,
)
# The operand between two strings that code concatenates: `"PWD="+dir, "x"`.
_JOINED = lazy_pattern(r"\s?[+.,&]\s?[A-Za-z_][\w.\[\]()]*\s?[+.,&)]?\s?")
_CLASS_ENDINGS = (
    *(
        "Form",
        "Request",
        "Response",
        "Field",
        "Config",
        "Error",
        "Exception",
        "Provider",
        "Handler",
    ),
    *("Input", "Schema", "Model", "Type", "Flow", "Bearer", "Factory", "Service", "Manager", "Key"),
)
_FEWEST_CAPITALS = 3
_TYPE = lazy_pattern(r"[A-Z]\w*\[[^\r\n]*|(?:Option|Optional|List|Dict|Union|Maybe)\b.*")
_PATH = lazy_pattern(r"(?:[a-z]{2,12}://|\.{0,2}/|~/|[A-Za-z]:\\|\$)", re.IGNORECASE)
_NAME = lazy_pattern(r"v?\d++(?:\.\d++)++|\d{4}-\d\d-\d\d|\d{1,15}\Z")
_WORD_PARTS = lazy_pattern(r"[-_./: ]")
_WORD = lazy_pattern(r"[A-Za-z]*+\d{0,4}|[A-Za-z]{0,3}\d{1,3}[A-Za-z]{0,3}|\d{1,10}")
_ALGORITHMS = words(
    "sha1 sha256 sha512 md5 base64 base58 oauth2 pbkdf2 argon2 argon2id aes128 aes256"
)
_MOST_EQUALS = 3
_NESTED = lazy_pattern(r"(?:pass|pwd|secret|token|key|auth|cred)\w{0,20}=", re.IGNORECASE)
_REST_OF_PASSWORD = lazy_pattern(r"[^\s\"'`\x00]{1,128}(?![^\s\"'`\x00])")
_NEXT_SETTING = lazy_pattern(r"[,;&|]\s{0,2}[\w.-]{1,40}[=:]|</|\\[nrt\"]")
_OPENING = frozenset("([{")
# Keys and tokens have letters, digits and a few signs; these signs are in passwords and in code.
_NO_TOKEN = lazy_pattern(r"[?^%][A-Za-z0-9^]|[()]")
_NEVER_IN_TOKEN = lazy_pattern(r"[!@#;?%^*()\[\]{}|<>]|\$[A-Za-z]")
_HEX = lazy_pattern(r"[0-9a-fA-F]{16,}")
_ALPHABET = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SHORTEST_PASSWORD = 3
_LONGEST_PASSWORD = 256
_LONGEST_PHRASE = 64
_SHORTEST_WORD = 6
_ENDS = frozenset({"", "\n", "\r", "&", ";", ",", "'", '"', "}", "<", "|"})
_STOPS = _ENDS | {".", "!", "?"}


def is_password(value: str, written: Written) -> bool:
    """Return whether *value* is a password, which people choose, so it need not look random."""
    low = value.lower().strip(".,;:!?")
    if not _SHORTEST_PASSWORD <= len(value) <= _LONGEST_PASSWORD or low in _NOTHING:
        return False
    if (
        is_template(value)
        or _TYPE.fullmatch(value)
        or _JOINED.fullmatch(value)
        or HEX_NUMBER.fullmatch(value)
    ):
        return False
    if not written.sure:
        return _is_sure_by_look(value, written)
    if written.quoted:
        return _is_quoted_password(value, low, written)
    if _is_class(value):
        return False
    if written.follows in _OPENING or low in _VARIABLES:
        return low in _DEFAULTS and written.setting and written.follows in _ENDS | {" "}
    if not written.listed and not written.setting and _CODE.fullmatch(value):
        return False
    if _CODE.fullmatch(value) and (_CODE_WORDS.search(value) or "." in value):
        return written.listed
    if written.style == "prose":
        return not value.isalpha() or (
            written.owned and written.follows in _STOPS and _is_plain_word(low)
        )
    if written.style == "space" and not is_mixed_password(value):
        return False
    if value.isalpha() and written.style == "loose":
        # `password: required by law` is prose; `password: sunshine` ends its line.
        return low not in _ABOUT and (written.follows in _ENDS or not value.islower())
    return low not in _ABOUT


def _is_class(value: str) -> bool:
    """Return whether *value* is the name of a class or a variable about secrets, as in code."""
    return (
        value.endswith(_CLASS_ENDINGS)
        and value.isalnum()
        and sum(map(str.isupper, value)) >= _FEWEST_CAPITALS
        and _CODE_WORDS.search(value) is not None
    )


_DEFAULTS = words("password passwd pwd pass secret user username test admin root token key")


def _is_quoted_password(value: str, low: str, written: Written) -> bool:
    if " " in value:
        about = _DESCRIBING if written.assigned else _SPOKEN
        return len(value) <= _LONGEST_PHRASE and about.isdisjoint(_spoken(low))
    if low in _VARIABLES:
        return written.setting or written.style == "tight"
    return not (value.isupper() and "_" in value)


_SPOKEN = _ABOUT - words(
    "safe secure good random known long short old new same unique correct fine ok"
)


def _is_phrase(value: str) -> bool:
    """Return whether *value* is a pass phrase: a few words that do not describe a secret."""
    spoken = _spoken(value.lower())
    return (
        len(spoken) >= _FEWEST_WORDS
        and len(value) <= _LONGEST_PHRASE
        and _OF_SECRETS.isdisjoint(spoken)
        and not is_template(value)
        and "%" not in value
    )


def _spoken(low: str) -> list[str]:
    """Return the words of *low*, a phrase in lower case, without punctuation."""
    return [word.strip(".,:;!?") for word in low.split()]


_DESCRIBING = _SPOKEN - words(
    "with from and like only also about something everything nothing too then"
)
"""Words about a password that are not part of most phrases."""
_OF_SECRETS = _DESCRIBING | words(
    "password pass token secret secrets key keys user username auth input prompt"
)
_FEWEST_WORDS = 3


def _is_sure_by_look(value: str, written: Written) -> bool:
    """Return whether *value* looks like a password, for an ambiguous name."""
    if written.style == "prose" or written.follows in _OPENING or _CODE.fullmatch(value):
        return False
    if written.style == "tight" and (written.quoted or len(value) >= _SHORTEST_WORD):
        return value.lower() not in _LITERALS and not value.isdigit()
    return (
        len(value) >= _SHORTEST_WORD - 1
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and value.lower() not in _ALGORITHMS
    )


def _is_plain_word(low: str) -> bool:
    return (
        len(low) >= 5 and low not in _LITERALS and not low.endswith(("ed", "ing", "able", "ible"))
    )


def whole_password_end(text: str, start: int, end: int) -> int:
    """Return the end of the password from *start*; *end* unless it continues with punctuation.

    `tH1Cr0j(Y@` is a password, `getPass(x)` is code, and `pw1Abc;user=x` ends at the semicolon.
    """
    rest = _REST_OF_PASSWORD.match(text, end)
    if rest is None:
        return end
    whole = text[start : rest.end()]
    following = _NEXT_SETTING.search(whole)
    if following is not None:
        whole = whole[: following.start()]
    if is_noise(whole):
        return start + len(whole)
    if CALL.match(whole) or _PLACEHOLDER.fullmatch(whole) or whole[-1:] in _OPENING:
        return end
    whole = whole.rstrip(".,;:)]}>")
    if len(whole) <= end - start:
        return end
    classes = (str.islower, str.isupper, str.isdigit)
    return start + len(whole) if all(any(map(of, whole)) for of in classes) else end


def is_secret(value: str, written: Written) -> bool:
    """Return whether *value* is a secret, as its name suggests, and no code, path or name."""
    if is_noise(value) or (written.quoted and is_signs(value)):
        return True
    if " " in value and written.assigned and written.quoted and not written.token:
        return _is_phrase(value)
    equals = value.count("=", 0, -1)
    if equals > _MOST_EQUALS or (equals and _NESTED.search(value, 0, 80)):
        return False  # a query or a list of settings; its own names are examined
    distinct = len(set(value))
    if not 6 <= len(value) <= 4096 or distinct * 6 < min(len(value), 48) or " " in value:
        return False
    if not written.quoted and written.follows in {"(", "[", "{"}:
        return False
    if value.isdigit():
        return len(value) >= 16 and distinct > 3
    if _is_placeholder(value) or _NO_TOKEN.search(value):
        return False
    if _PATH.match(value) and not (value[0] in "/$" and _mixed(value)):
        return False
    if written.token and (_NEVER_IN_TOKEN.search(value) or value[0] in "=?"):
        return False
    if all(letters in value for letters in _ALPHABET):
        return False  # what an encoder or a generator chooses from
    if written.style == "space" and not any(digit in value for digit in "0123456789"):
        return False
    if not written.quoted and _is_class(value):
        return False
    if UUID.fullmatch(value):
        return written.sure
    if _HEX.fullmatch(value):
        return distinct > 5 and (written.sure or len(value) not in HASH_LENGTHS)
    ordinary = _is_words(value) or _CODE.fullmatch(value) is not None
    if _NAME.match(value) or (ordinary and not _mixed(value)):
        return written.sure and _is_plain_secret(value, written)
    return distinct >= 6 and (written.sure or len(value) >= 16)


def _is_plain_secret(value: str, written: Written) -> bool:
    """Return whether a value of words is still a secret: `API_KEY=topsecret`."""
    if not written.setting or written.style != "tight" or value.lower() in _LITERALS:
        return False
    return written.follows in _ENDS and not (
        _CODE.fullmatch(value) or "." in value or "/" in value or ":" in value
    )


def is_mixed_password(value: str) -> bool:
    """Return whether *value*, after "password " in a sentence, can only be a password."""
    if value.lower() in _ALGORITHMS or len(value) < 6:
        return False
    return any(map(str.isalpha, value)) and any(map(str.isdigit, value)) and value.isascii()


def _is_placeholder(value: str) -> bool:
    if has_many_digits(value):
        return False
    if _PLACEHOLDER.fullmatch(value) or _PLACEHOLDER_PART.search(value):
        return True
    return "example" in value.lower() and not _mixed(value)


def _is_words(value: str) -> bool:
    """Return whether *value* consists of words and short numbers joined by punctuation."""
    return all(_WORD.fullmatch(part) for part in _WORD_PARTS.split(value))


_CAMEL = lazy_pattern(r"(?:[A-Z]{0,3}[a-z]{2,15}\d{0,2}[/_.:@-]{0,2}){2,12}+[A-Z]{0,3}")


def _mixed(value: str) -> bool:
    """Return whether letters, cases and digits alternate unlike in any word."""
    if _CAMEL.fullmatch(value):
        return False
    classes = [_character_class(character) for character in value if character.isalnum()]
    changes = sum(left != right for left, right in pairwise(classes))
    return len(classes) >= 16 and changes * 3 >= len(classes)


def _character_class(character: str) -> int:
    return 0 if character.isdigit() else 1 if character.islower() else 2
