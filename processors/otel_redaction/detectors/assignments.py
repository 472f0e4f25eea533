"""Secrets identified by their names: `password=...`, `"apiKey": "..."`, `--token ...`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from otel_redaction.detectors.provider_forms import is_another_form, named_value_end
from otel_redaction.detectors.providers import looks_random
from otel_redaction.detectors.secret_values import (
    Style,
    Written,
    is_mixed_password,
    is_password,
    is_secret,
    whole_password_end,
)
from otel_redaction.detectors.templates import is_noise
from otel_redaction.patterns.keys import loose_kind, secret_kind
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.words import words

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_NAME_REVERSED = lazy_pattern(r"[\w.-]{0,48}")
_REST_AND_OPERATOR = lazy_pattern(
    r"([\w.-]{0,48}+)"
    r"[\"'`\])\\]{0,6}+(?:\[\d{0,5}\])?"
    r"(?:"
    r":[ \t]{0,4}[A-Za-z][\w.\[\]|]{0,30}[ \t]{1,4}=[ \t]{1,4}"
    r"|[ \t]{1,4}(?:value|content)[ \t]{0,4}=[ \t]{0,4}|"
    r"[ \t]{0,8}(?:[ \t][A-Za-z][\w.]{0,20}[ \t]{1,4})?"
    r"(?::{1,3}={1,2}|[?.+|]{0,2}={1,3}>?|::?|->)[ \t]{0,8}(?:\r?\n[ \t]{1,40})?"
    r"|[ \t]{0,4},[ \t]{0,4}(?=[\"'`])(?![\"'][^\"'\r\n]{0,60}[\"'][ \t]{0,4}:)"
    r"|>\s{0,80}(?:<!\[CDATA\[)?"
    r"|[ \t]{1,4}[\w:-]{1,20}=\"[^\"<>]{0,60}\"[ \t]?>\s{0,80}"
    r"|\((?=[^()\s]{0,30}[\d#@!$%^&*][^()\s]{0,30}\))"
    r"|\([ \t]{0,2}(?=[\"'][^\"'\s]{6,80}[\"'])"
    r"|\.[a-zA-Z]{2,16}\([ \t]{0,2}(?=[\"'][^\"'\s]{6,80}[\"'])"
    r"|[ \t]{1,4}(?:(?:for|to|of|on|at)[ \t]{1,4}[\w'\". -]{1,40}?[ \t])?"
    r"(?:is|was|ist|lautet|es|est|jest|\u00e8|\u00e9|\u00e4r|er)(?:[ \t]now)?[ \t:=]{1,4}"
    r"|[ \t]{1,20}(?:-{1,6}|to|=>|//?|\|)[ \t]{1,4}(?=\S{6})"
    r")"
    r"(?:ConvertTo-SecureString[ \t]{1,4}(?:-String[ \t]{1,4})?)?"
    r"(?:[bfru@L\\]{1,4}(?=[\"'`]))?"
)
# Routers write the kind of a password before it: `password 7 0822455D0A16`.
_SPACE = lazy_pattern(r"([\w-]{0,40}+)[ \t]{1,4}(?:[05-9][ \t](?=\S{8}))?(?=[^\s-])")
# Without a flag, a name in capitals or one of the plain names below counts, and any other only
# before generated text.
_SPACED_STARTS = frozenset("PSTKACp")
_LONG_VALUE = lazy_pattern(r"[a-z]{0,12}[ \t]{1,4}[\"']?[\w+/=.~-]{20}")
_WORD_BEFORE_REVERSED = lazy_pattern(r"[ \t]([A-Za-z]{2,14})(?![A-Za-z])")
_SCHEME = lazy_pattern(
    r"(?:token|api-?key|key|bearer|basic|digest|negotiate|[A-Z][A-Za-z0-9-]{2,30}(?=[ \t]{1,4}"
    r"[\w+/=.~-]{16}))[ \t]{1,4}",
    re.IGNORECASE,
)
_PLAIN_NAMES = words("password passwd pwd passphrase")
_QUOTED = lazy_pattern(r"(\"\"\"|'''|[\"'`])([^\r\n]*?)\1")
_BARE = lazy_pattern(r"[^\s\"'`,;&<>(){}\[\]|\x00]{1,256}")
_MORE = lazy_pattern(r"[^\s\"'`,;&<>(){}\[\]|\x00]{0,8192}")
_LONGEST_LINE = 2048
_SHORTEST_COOKIE = 6
# One cookie after another; code that handles them has spaces around its equals signs.
_COOKIE = lazy_pattern(r"[\s\"'{(\[]{0,4}[\w.!#$%&*+^`|~:-]{1,256}=(?![=\s]|\Z)")
_MANY_SETTINGS = 8
_JUDGED_OTHERWISE = lazy_pattern(rb"pas|pwd|psw|otp|cv[cv]|cookie|kennwort|contrase|senha|motdep")
_LONGEST_VALUE = 1024
_LONGEST_BARE = 250
_WHITE = frozenset(["", *" \t\r\n\"'`"])
_LONGEST_PLAIN = 12
_QUOTES = frozenset("\"'`")
_BRACKETS = frozenset("{[(<&")
_MADE = frozenset({"token", "api_key"})
_BARE_NAMES = words("key keys")
_SHORTEST_LISTED = 8
_LISTED = frozenset({"", ";", '"', "'"})
_SHORTEST_GENERATED = 20
_LONGEST_SHORT_FLAG = 3


def find_assignments(scan: Scan) -> None:
    """Add the values of secret-sounding names."""
    if "name" not in scan.cues:
        return
    done = 0
    flags = b"--" in scan.data
    dashed = b" -" in scan.data or scan.data[:1] == b"-"
    for anchor in sorted(scan.cues["name"]):
        if anchor >= done:
            operator = _REST_AND_OPERATOR.match(scan.text, anchor)
            if operator is not None:
                done = _judge(scan, anchor, operator)
            elif (
                flags
                or dashed
                or scan.text[anchor] in _SPACED_STARTS
                or _LONG_VALUE.match(scan.text, anchor)
            ):
                done = _judge_spaced(scan, anchor, flags=flags)


_VERB = lazy_pattern(
    r"[ \t](?:is|was|ist|lautet|es|est|jest|\u00e8|\u00e9|\u00e4r|er)(?:[ \t]now)?[ \t:=]*\Z"
)
_DASHED = lazy_pattern(r"[ \t](?:-{1,6}|to|//?|\|)[ \t]+\Z")
_OWNER = lazy_pattern(
    r"\b(?:my|our|your|new|temporary|default|initial|wi-?fi|the)\b", re.IGNORECASE
)


_USER = lazy_pattern(
    r"\b(?:user(?:name)?|login|e-?mail)[\"']?[ \t]?[:=][ \t]?\S{2,48}\s{1,8}\Z", re.IGNORECASE
)
_SECRET_ID = lazy_pattern(r"secret_?id", re.IGNORECASE)
_QUOTED_UUID = lazy_pattern(r"[\"']?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SELECT = lazy_pattern(r"\bselect\b[^;]{1,150}\bwhere\b", re.IGNORECASE)


def _judge(scan: Scan, anchor: int, operator: re.Match[str]) -> int:
    """Add the value assigned to the name around *anchor*; return the next search position."""
    first = _name_start(scan.text, anchor)
    name = scan.text[first : operator.end(1)]
    kind = secret_kind(name) or _kind_of_two_words(scan.text, first, operator.end(1))
    sure = kind is not None
    kind = kind or loose_kind(name)
    if (
        kind is None
        and _SECRET_ID.fullmatch(name)
        and _QUOTED_UUID.match(scan.text, operator.end())
    ):
        kind, sure = "secret", True  # of a login by role; the name of a secret is no UUID
    if kind is None:
        return anchor + 3
    if not sure and kind == "password" and _USER.search(scan.text, max(0, first - 64), first):
        sure = True  # the line below a user's name
    written = operator.group()
    is_call = written.rstrip().endswith("(")
    if kind == "cookie":
        # Code that handles them has calls.
        return anchor + 3 if is_call else _add_line(scan, operator.end())
    style: Style = "tight" if written.endswith("=") else "loose"
    if _VERB.search(written):
        style = "prose"
    elif is_call or _DASHED.search(written):
        style = "space"
    start = operator.end()
    scheme = _SCHEME.match(scan.text, start) if kind == "token" else None
    setting = name.isupper() or not written[-1:].isspace()
    lead = scan.text[max(0, first - 24) : first]
    owned = _OWNER.search(lead) is not None
    assigned = written.rstrip("bfru@L\\ \t").endswith("=")
    name_style = _Name(kind, style, sure, setting, owned, assigned, name)
    return _add_value(scan, scheme.end() if scheme else start, name_style)


class _Name(NamedTuple):
    """Meaning of a name for its assigned value."""

    kind: str
    style: Style
    sure: bool = True
    setting: bool = False
    owned: bool = False
    assigned: bool = False
    text: str = ""


def _kind_of_two_words(text: str, start: int, end: int) -> str | None:
    """Return the meaning of a name with the preceding word: `api key`, `vault token`."""
    if end - start > _LONGEST_PLAIN:
        return None
    if text[start:end].lower() == "pass":
        return None  # a mountain's, a bus's
    before = _WORD_BEFORE_REVERSED.match(text[max(0, start - 16) : start][::-1])
    return secret_kind(f"{before[1][::-1]}_{text[start:end]}") if before else None


def _name_start(text: str, anchor: int) -> int:
    """Return the start of the name around *anchor*."""
    before = text[anchor - 1 : anchor]
    if not before or not (before.isalnum() or before in "_.-"):
        return anchor
    lead = _NAME_REVERSED.match(text[max(0, anchor - 48) : anchor][::-1])
    return anchor - (lead.end() if lead else 0)


def _judge_spaced(scan: Scan, anchor: int, *, flags: bool) -> int:
    """Add a value separated from its name by a space: `--token x`, `ENV API_KEY x`."""
    text = scan.text
    space = _SPACE.match(text, anchor)
    if space is None:
        return anchor + 3
    name = text[_name_start(text, anchor) : space.end(1)]
    flag = (flags and name.startswith("--")) or (
        name[:1] == "-" and name[1:2].isalpha() and len(name) > _LONGEST_SHORT_FLAG
    )
    kind = secret_kind(name)
    if not flag and not name.isupper() and name.lower() not in _PLAIN_NAMES:
        kind = kind or _kind_of_two_words(text, anchor, space.end(1))
        if kind is None or not _is_generated(text, space.end()):
            return anchor + 3
    if not kind:
        return anchor + 3
    return _add_value(scan, space.end(), _Name(kind, "tight" if flag else "space", setting=flag))


def _is_generated(text: str, start: int) -> bool:
    """Return whether the text from *start* looks generated."""
    if text[start : start + 1] in _QUOTES:
        quoted = _QUOTED.match(text, start, start + _LONGEST_VALUE)
        if quoted is not None and is_noise(quoted[2]):
            return True
        start += 1
    value = _BARE.match(text, start)
    return (
        value is not None
        and len(value.group()) >= _SHORTEST_GENERATED
        and looks_random(value.group())
    )


def _add_value(scan: Scan, start: int, name: _Name) -> int:
    text = scan.text
    kind = name.kind
    opening = text[start : start + 1] in _QUOTES
    quoted = _QUOTED.match(text, start, start + _LONGEST_VALUE) if opening else None
    if quoted is not None:
        first, last = quoted.span(2)
    else:
        first = start + opening
        bare = _BARE.match(text, first)
        if bare is None and kind != "password":
            return start
        last = first + (len(bare.group().rstrip(".:\\")) if bare else 0)
        beyond = text[last : last + 1]
        if beyond in _BRACKETS or (kind == "password" and beyond not in _WHITE):
            last = whole_password_end(text, first, last)
    written_value = text[first:last]
    value = written_value.strip()
    if not value.strip("\x00 "):
        return start  # empty, or a marker
    first += len(written_value) - len(written_value.lstrip())
    last = first + len(value)
    if quoted is None and kind != "password" and value.count("=") > _MANY_SETTINGS:
        return _after_settings(scan, first, last)
    follows = text[last : last + 1] if quoted is None else ""
    listed = (
        name.style == "tight" and follows in _LISTED and ";" in text[max(0, start - 64) : start]
    )
    written = Written(
        name.style,
        follows,
        quoted=quoted is not None,
        listed=listed,
        sure=name.sure,
        owned=name.owned,
        token=kind in _MADE,
        assigned=name.assigned,
        setting=name.setting,
    )
    if _SELECT.search(text, max(0, first - 160), first) and (
        not is_mixed_password(value) or "{" in value
    ):
        return start  # a comparison in a query, with insignificant literals
    if quoted is None and value.lower() == name.text.lower():
        return start  # `password=password` passes a variable
    accept = is_password if kind == "password" else is_secret
    if name.text.lower() in _BARE_NAMES and is_another_form(scan, first):
        return last
    if accept(value, written):
        more = _MORE.match(text, last) if len(value) >= _LONGEST_BARE else None
        scan.add(first, more.end() if more else last, kind)
        return last
    if kind in _MADE and len(value) >= _SHORTEST_LISTED and any(map(str.isdigit, value)):
        end = named_value_end(scan, first)
        if end:
            scan.add(first, end, kind)
            return end
    return start


def _after_settings(scan: Scan, start: int, end: int) -> int:
    """Return the next search position in a value that is itself a long list of settings.

    No token has so many equals signs, whether it begins here or a few names later. Another decision
    is needed only if few of the signs are left, or if a name needs another rule.
    """
    stop = end
    for _ in range(_MANY_SETTINGS):
        stop = scan.data.rfind(b"=", start, stop)
    return start if _JUDGED_OTHERWISE.search(scan.lower, start, stop) else stop


def _add_line(scan: Scan, start: int) -> int:
    text = scan.text
    start += text[start : start + 1] == '"'
    end = min(len(text), start + _LONGEST_LINE)
    for stop in '\r\n"':
        found = text.find(stop, start, end)
        end = found if found >= 0 else end
    if end - start < _SHORTEST_COOKIE or _COOKIE.match(text, start, end) is None:
        return start
    line = text[start:end]
    scan.add(end - len(line.lstrip()), start + len(line.rstrip()), "cookie")
    return end
