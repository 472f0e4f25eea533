"""Deobfuscation: plain forms of encoded text, with a map of offsets.

It covers full-width and mathematical letters, digits of other scripts, odd dashes and spaces,
zero-width characters, and percent-, HTML- and backslash-encoding. Both the text and its plain form
are searched, and each match is mapped back to the original characters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from otel_redaction.patterns.cues import find_cues
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import rare_places
from otel_redaction.plain_form import Plain, edited

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

_ZERO_WIDTH = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff"
# `str.translate` looks up each character of a text that is not ASCII as a whole.
_NOT_ASCII = lazy_pattern(r"[^\x00-\x7f]+")
_INVISIBLE = lazy_pattern(f"[{_ZERO_WIDTH}\U000e0000-\U000e007f]+")
_LOOKS_ODD = lazy_pattern(
    f"[{_ZERO_WIDTH}\u2024\u2025\u2027\u00b7\u30fb\uff65\u00a0\u00b2\u00b3\u00b9\u0660-\u0669\u06f0-\u06f9\u0966-\u096f"
    "\u2000-\u200a\u202f\u205f\u2070-\u208e\u2212\u2460-\u24ff\u3000"
    "\ufe50-\ufe6b\uff01-\uff5e\U0001d400-\U0001d7ff\U000e0000-\U000e007f]"
)
_DASH = lazy_pattern("[\u2010-\u2015]")
_MOST_DASHES = 64
"""Maximum dashes to examine; a text with more is searched in its plain form."""
_PIECE = 64
_LEAD = 48
_CLOSE = 3
# Only encodings of characters of secrets, and of separators before a number, where `C4111` would be
# a word: `%20` and `%2F` alone are in every other URL and hide nothing.
_SEPARATOR_BEFORE_NUMBER = r"(?:0[9adAD]|2[0-9a-fA-F]|3[abcefABCEF]|[57][b-eB-E])(?=\+?\(?[0-9][0-9.() -]{2}|[A-Z]{2}[0-9]{2})"
# One expression for each character, so that each begins with a literal.
_ENCODED_SECRETS = (
    (
        "%",
        lazy_pattern(
            r"%(?:25)*(?:40|3[0-9ADad]|2[2BDEbde]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[fF](?=\w{16})"
            rf"|{_SEPARATOR_BEFORE_NUMBER})"
        ),
    ),
    (
        "&",
        lazy_pattern(
            r"&(?:#(?:[xX]0*(?:2[bdeBDE]|3[0-9adAD]|[46][0-9a-fA-F]|[57][0-9aA]|5[fF])"
            r"|0*(?:3[4]|4[3-6]|4[89]|5[0-8]|6[1-9]|95|[7-9]\d|1[01]\d|12[0-2]));"
            r"|commat;|period;|quot;|equals;|colon;|#[xX](?:22|40);)"
        ),
    ),
    ("=", lazy_pattern(r"=(?:40(?<=[\w.]...)(?=[A-Za-z][\w-]{0,40}\.[A-Za-z])|\n(?<=\w..)(?=\w))")),
    (
        "\\",
        lazy_pattern(
            r"\\(?:u00|x)(?:2[2bdeBDE]|3[0-9adAD]|[46][0-9a-fA-F]|[57][0-9aA]|5[fF](?=\w{16})"
            rf"|{_SEPARATOR_BEFORE_NUMBER})"
        ),
    ),
)
_ENCODED = lazy_pattern(
    r"%(?:25)*(0[9ADad]|[2-7][0-9A-Fa-f])"
    r"|&#x([0-9A-Fa-f]{1,8});|&#([0-9]{1,9});"
    r"|&(commat|period|quot|equals|colon|plus|hyphen|lowbar|num|amp|apos|lt|gt|nbsp);"
    r"|(?<=[\w.])=(40|3D|2E|2D|5F|2B|\r?\n)(?=[A-Za-z])"
    r"|\\(?:u00|x)([0-9A-Fa-f]{2})"
)
_NAMED = {
    "commat": "@",
    "period": ".",
    "quot": '"',
    "equals": "=",
    "colon": ":",
    "plus": "+",
    "hyphen": "-",
    "lowbar": "_",
    "num": "#",
    "amp": "&",
    "apos": "'",
    "lt": "<",
    "gt": ">",
    "nbsp": " ",
}


_LINE_BREAKS = (9, 10, 13)


def plain(text: str) -> Plain | None:
    """Return the plain form of *text*; None if it is plain already."""
    odd = not text.isascii() and _is_odd(text)
    encoded = any(sign in text and form.search(text) for sign, form in _ENCODED_SECRETS)
    if not odd and not encoded:
        return None
    folded = _NOT_ASCII.sub(_fold, text) if odd else text
    edits = [(*found.span(), "") for found in _INVISIBLE.finditer(folded)] if odd else []
    if encoded:
        edits += [(*found.span(), _decoded(found)) for found in _ENCODED.finditer(folded)]
        edits.sort()
    changed = [(start, end) for start, end, _ in edits]
    if odd:
        changed += [sign.span() for form in (_LOOKS_ODD, _DASH) for sign in form.finditer(text)]
        changed.sort()
    return edited(folded, edits, changed)


def _is_odd(text: str) -> bool:
    """Return whether a character of *text* represents another one."""
    rare = rare_places(text, text.encode("ascii", "replace"))
    if rare is None:
        return _LOOKS_ODD.search(text) is not None or _has_odd_dash(text, _dashes(text))
    if any(_LOOKS_ODD.match(text, place) for place in rare):
        return True
    return _has_odd_dash(text, (place for place in rare if _DASH.match(text, place)))


def _dashes(text: str) -> Iterator[int]:
    return (dash.start() for dash in _DASH.finditer(text))


def _has_odd_dash(text: str, dashes: Iterable[int]) -> bool:
    """Return whether one of the *dashes* is more than the punctuation of a sentence.

    In `4111\u20111111`, `sk\u2010proj\u2010...`, `\u2013password x` and `key \u2013 x` it
    represents `-`.
    """
    for number, dash in enumerate(dashes):
        if number == _MOST_DASHES or _is_hyphen(text, dash):
            return True
    return False


def _is_hyphen(text: str, place: int) -> bool:
    before, after = text[max(0, place - _PIECE) : place], text[place + 1 : place + 1 + _PIECE]
    near = before[-_CLOSE:], after[:_CLOSE]
    if all(any(map(str.isdigit, side)) for side in near):
        return True  # one number, or two
    if any("-" in side or _DASH.search(side) for side in near):
        return True
    if not before[-1:].strip() and after[:1].isalpha():
        return True  # a flag
    piece = before.rsplit(None, 1)[-1:] if before[-1:].strip() else []
    piece += after.split(None, 1)[:1] if after[:1].strip() else []
    if any("@" in part or any(map(str.isdigit, part)) for part in piece):
        return True
    return "name" in find_cues(before[-_LEAD:].lower().encode("ascii", "replace"))


def _decoded(found: re.Match[str]) -> str:
    percent, hexadecimal, decimal, named, printable, escape = found.groups()
    if printable is not None and not printable.strip():
        return ""  # a soft line break of quoted-printable
    percent = percent or printable
    if named:
        return _NAMED[named]
    code = int(decimal) if decimal else int(percent or hexadecimal or escape, 16)
    return chr(code) if 32 <= code < 0x110000 or code in _LINE_BREAKS else " "


def _fold(found: re.Match[str]) -> str:
    return found.group().translate(_folds())


@lru_cache(maxsize=1)
def _folds() -> dict[int, str]:
    """Return a map from code points to the ASCII characters they represent."""
    from unicodedata import decimal, normalize

    folds = {}
    for first, last in (
        (0xA0, 0xFF),
        (0x660, 0x96F),
        (0x2000, 0x24FF),
        (0x3000, 0x3000),
        (0xFE50, 0xFFEF),
        (0x1D400, 0x1D7FF),
    ):
        for code in range(first, last + 1):
            written = normalize("NFKC", chr(code))
            if len(written) == 1 and written.isascii() and written != "\x00":
                folds[code] = written
            elif decimal(chr(code), None) is not None:
                folds[code] = str(decimal(chr(code)))
    folds.update(dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63), "-"))
    return folds
