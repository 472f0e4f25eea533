"""E-mail addresses, anchored on the at sign."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.words import words

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_AT = lazy_pattern(r"@(?=[\w\[])")
# The local part is matched against the reversed text before the at sign, so the
# pattern is anchored and one character is read once. `\w` admits international
# mailboxes; `/`, `=` and `:` are left out because they end a path or a key.
_LOCAL_REVERSED = lazy_pattern(r"[\w!#$%&'*+?^{}|~-][\w.!#$%&'*+?^{}|~-]{0,63}")
_QUOTED_LOCAL = lazy_pattern(r"\"[\w.+ -]{1,62}\"\Z")
_DOMAIN = lazy_pattern(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_TOP_LEVEL = lazy_pattern(r"(?:xn--[a-z0-9-]{2,40}|[^\W\d_]{2,24})", re.IGNORECASE)
_LITERAL = lazy_pattern(r"\[(?:\d{1,3}\.){3}\d{1,3}\]")

_ENDS_USERINFO = lazy_pattern(r"[\s/?#\"'<>,;|]")

# The last part of `logo@2x.png` or `user@1000.service` is not a top-level domain.
_NOT_DOMAINS = words(
    "avif bmp c conf cpp css csv gif git gz h htm html ico java jpeg jpg js json jsx lock log md "
    "mjs mount pdf php png py rb rs scope scss service sh slice socket sql svg swift tar target "
    "tgz timer toml ts tsx txt vue webp whl xml yaml yml zip"
)
# `git@github.com:owner/name` names a host and a protocol, not a person.
_NOT_MAILBOXES = frozenset({"git", "hg", "svn"})


def find_emails(scan: Scan) -> None:
    """Add every e-mail address."""
    text = scan.text
    done = 0
    for sign in _AT.finditer(text):
        at = sign.start()
        end = _domain_end(text, at + 1) if at >= done else 0
        if end:
            start = _local_start(text, at)
            if start < at and not _is_account(text, start, at, end):
                scan.add(start, end, "email")
                done = end


def _domain_end(text: str, start: int) -> int:
    domain = _DOMAIN.match(text, start)
    if domain is None:
        literal = _LITERAL.match(text, start)
        return literal.end() if literal else 0
    name = domain.group()
    # A sentence may follow the address without a space: trim labels until the last one can be a
    # top-level domain.
    while "." in name:
        name, _, last = name.rpartition(".")
        top = last.rstrip("-_")
        if _TOP_LEVEL.fullmatch(top):
            if top.lower() in _NOT_DOMAINS and not _is_country(text, start, name, top):
                return 0
            return start + len(name) + 1 + len(top)
    return 0


# These end files and domains alike.
_BOTH = words("rs py sh md zip mov ps pl cc so")
_LOCAL_BEFORE = lazy_pattern(r"(?<![\w/.-])[A-Za-z][\w+-]*(?:\.[\w+-]+)*\Z")


def _is_country(text: str, start: int, name: str, top: str) -> bool:
    """Return whether `.rs` or `.py` after *name* is a country's domain and not a file extension."""
    if top not in _BOTH or any(character.isdigit() for character in name):
        return False
    lead = text[max(0, start - 65) : start - 1]
    # A path precedes a file name; a version after a package's `@` has digits.
    return len(name) >= 3 and _LOCAL_BEFORE.search(lead) is not None


def _local_start(text: str, at: int) -> int:
    lead = text[max(0, at - 64) : at]
    if lead.endswith('"'):
        quoted = _QUOTED_LOCAL.search(lead)
        return at - len(quoted.group()) if quoted else at
    local = _LOCAL_REVERSED.match(lead[::-1])
    if local is None:
        return at
    # A leading dot or apostrophe belongs to the sentence.
    return at - len(local.group().rstrip(".'*&?|{}!"))


def _is_account(text: str, start: int, at: int, end: int) -> bool:
    """Return whether this is `git@host:path` or URL userinfo, which has another detector."""
    if text[start:at] in _NOT_MAILBOXES and text[end : end + 1] in {":", "/"}:
        return True
    scheme = text.rfind("://", max(0, start - 256), start)
    return scheme >= 0 and not _ENDS_USERINFO.search(text, scheme + 3, start)
