"""Numbers: runs of digits and separators, and their possible identifiers.

One pass finds the runs. The candidates for a run depend only on its shape (positions of digits,
kinds of separators), so they are cached by shape. Timestamps, versions and amounts recur with the
same shapes, and take one look-up each.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from otel_redaction.detectors.cards import is_card
from otel_redaction.detectors.context import Context
from otel_redaction.detectors.countries import hetu
from otel_redaction.detectors.labelled_numbers import labelled_kind
from otel_redaction.detectors.lettered_ids import is_lettered_id
from otel_redaction.detectors.network import RESERVED_NETWORKS, is_ipv4
from otel_redaction.detectors.phones import extension_end, is_phone
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.patterns.scan import Scan

_RUN = lazy_pattern(rb"0[0\-]{4,}0")
_FEWEST_DIGITS = 6
_IP_DOTS = 3
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_SEPARATORS = b" .-/()+"
_NINO_SPACED = lazy_pattern(r"[A-CEGHJ-PR-TW-Z]{2} \d\d \d\d \d\d [A-D]", re.IGNORECASE)
_MOST_LETTERS = 3
_HETU_LENGTH = 11
_MEMORABLE = 48
"""Maximum length of a cached shape; longer ones (tables of numbers) would only fill the cache."""

_UUID = lazy_pattern(r"0{8}-0{4}-0{4}-0{4}-0{12}")
_GAP = r"[ .\-/]{1,3}"
_FORMS = (
    ("ip", lazy_pattern(r"(?<![0.])0{1,3}(?:\.0{1,3}){3}(?!0)(?:/00?(?!0))?")),
    (
        "card",
        lazy_pattern(
            rf"(?<!0)(?:0{{4}}{_GAP}0{{4}}{_GAP}0{{4}}{_GAP}0{{1,7}}"
            rf"|0{{4}}{_GAP}0{{6}}{_GAP}0{{4,5}}|0{{12,19}})(?!0)"
        ),
    ),
    (
        "ssn",
        lazy_pattern(
            r"(?<![0.)-])(?:000-00-0000|000\.00\.0000|000 00 0000|000-000000)(?![0-]|\.0)"
        ),
    ),
    ("label", lazy_pattern(r"(?<![0.])0{1,20}(?:[ .\-/]{1,2}0{1,15}){0,6}(?!0)")),
    (
        "phone",
        lazy_pattern(
            r"\+0{8,15}(?!0)"
            r"|(?<![0.-])(?:\+?\(?\+?0{1,4}\)?[-. ]{1,2})?\(?0{3}\)?[-. ]{0,2}0{3}[-. ]0{4}"
            r"(?![0-]|\.0)"
            r"|(?<![0.])[+(]{0,2}0{1,15}(?:\)0{0,8})?"
            r"(?:[ .\-/]{0,2}\(0{1,4}\)[ .\-/]{0,2}0{1,10}"
            r"|[ .\-/]{1,2}\(?0{1,12}\)?){0,6}(?!0)"
        ),
    ),
    # The same with fewer groups, if another number follows.
    ("phone", lazy_pattern(r"\+0{1,3}(?:[ .-]\(?0{1,4}\)?){2,4}(?!0)")),
)


def find_numbers(scan: Scan) -> None:
    """Add cards, IPv4 addresses, phones, social security numbers and other numbered ids."""
    text = scan.text
    shape = scan.shape
    for run in _RUN.finditer(shape):
        start, end = run.span()
        few = shape.count(b"0", start, end) < _FEWEST_DIGITS
        if few and text.count(".", start, end) < _IP_DOTS:
            continue
        while start and text[start - 1] in "+(":
            start -= 1
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalpha()):
            _judge_run(scan, start, end)
            continue
        if end - start == _HETU_LENGTH - 1 and hetu(text[start : end + 1]):
            scan.add(start, end + 1, "national_id")
            continue
        first, last = _unglued(text, start, end)
        if first > start:
            _judge_run(scan, start, first)
        if first < last:
            _judge_run(scan, first, last)
        if last < end and last >= first:
            _judge_run(scan, max(last, first), end)


def _unglued(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the part of the run without a first or last group that touches letters.

    In `+14155550132 0A` the number ends before `0A`.
    """
    first, last = start, end
    if start and text[start - 1].isalnum():
        while first < end and text[first].isdigit():
            first += 1
        first = start if text[first : first + 1] == "-" else first
    if text[end : end + 1].isalpha() and text[end] not in "xX":
        while last > first and text[last - 1].isdigit():
            last -= 1
    return first, last


def _judge_run(scan: Scan, start: int, end: int) -> None:
    """Add the identifiers among the numbers between *start* and *end*."""
    text = scan.text
    while start < end and text[start] not in "0123456789(+":
        start += 1
    while end > start and text[end - 1] not in "0123456789)":
        end -= 1
    written = scan.data[start:end].translate(_DIGITS_TO_ZERO).decode("ascii")
    if len(written) <= _MEMORABLE:
        candidates = _candidates(written)
    else:
        scan.check_deadline()
        candidates = _find_candidates(written)
    taken = start
    context = Context(scan, start, end)
    for form, first, last in candidates:
        if start + first >= taken:
            # Several forms have the same digits, and their words are looked up once.
            if context.span != (start + first, start + last):
                context = Context(scan, start + first, start + last)
            found = _judge(scan, form, written[first:last], context)
            taken = found or taken


def _find_candidates(shape: str) -> tuple[tuple[str, int, int], ...]:
    """Return the candidates for the parts of *shape*, most specific first."""
    if _UUID.search(shape):
        return ()
    found = [
        (form, match.start(), match.end())
        for form, pattern in _FORMS
        for match in pattern.finditer(shape)
        if form == "ip" or match.group().count("0") >= _FEWEST_DIGITS
    ]
    return tuple(found)


_candidates = lru_cache(maxsize=4096)(_find_candidates)


def _judge(scan: Scan, form: str, shape: str, context: Context) -> int:
    """Add the candidate if its validator accepts it; return its end, else 0."""
    text = scan.text
    start, end = context.span
    if _glued(text, start, end, form):
        return _judge_lettered(scan, start, end) if form == "label" else 0
    if shape == "00 00 00" and _NINO_SPACED.fullmatch(text, max(start - 3, 0), end + 2):
        scan.add(start - 3, end + 2, "national_id")
        return end + 2
    value = text[start:end]
    digits = value if len(shape) == shape.count("0") else _digits_of(scan, start, end)
    kind = _VALIDATORS[form](value, digits, shape, context)
    if not kind:
        marked = form == "label" and text[end : end + 1] in {"x", "X", "k", "K"}
        return _judge_lettered(scan, start, end) if marked else 0
    if kind == "phone":
        end = extension_end(text, end)
    scan.add(start, end, kind)
    return end


def _digits_of(scan: Scan, start: int, end: int) -> str:
    return scan.data[start:end].translate(None, _SEPARATORS).decode("ascii")


def _judge_lettered(scan: Scan, start: int, end: int) -> int:
    """Add the id with letters around its digits, such as `12345678Z`, if it is one."""
    text = scan.text
    first = start
    while first and start - first < _MOST_LETTERS and text[first - 1].isalnum():
        first -= 1
    last = end
    while last - end < _MOST_LETTERS and text[last : last + 1].isalnum():
        last += 1
    around = text[first - 1 : first] + text[last : last + 1]
    if any(character.isalnum() or character in "_-." for character in around.rstrip(".")):
        return 0
    if not is_lettered_id(text[first:last], Context(scan, first, last)):
        return 0
    scan.add(first, last, "national_id")
    return last


_SELF_EVIDENT = frozenset({"ip", "card", "ssn"})
_INTERNATIONAL = ("+", "(")


def _glued(text: str, start: int, end: int, form: str) -> bool:
    """Return whether the number is part of a longer word, hexadecimal id or decimal fraction.

    A comma or colon next to another digit may separate fields as well as the digits of one number:
    `1,4111111111111111` contains a card, `1,234567` is one number. So may an underscore in a name:
    `user_078-05-1120`.
    """
    lead = text[start - 1 : start]
    evident = form in _SELF_EVIDENT or (form == "phone" and _is_grouped(text, start, end))
    if lead and (lead.isalnum() or (lead == "_" and not evident)):
        return True
    if lead and lead in "-.,:" and text[start - 2 : start - 1].isdigit():
        if lead == ".":
            return True
        if not evident or (lead == "-" and form not in {"ip", "card"}):
            return True
    tail = text[end : end + 2]
    if not tail or tail[0] in "xX ":
        return False
    if tail[0].isalpha() or (tail[0] == "_" and not evident):
        return True
    if tail[0] not in "-," or not tail[1:].isdigit():
        return False
    return not evident or (tail[0] == "-" and form not in {"ip", "card"})


def _is_grouped(text: str, start: int, end: int) -> bool:
    """Return whether a telephone number has a format that needs no context word."""
    return text.startswith(_INTERNATIONAL, start) or text.count("-", start, end) == 2


def _ip(value: str, _digits: str, _shape: str, context: Context) -> str:
    address = value.partition("/")[0]
    if not is_ipv4(address):
        return ""
    if value in RESERVED_NETWORKS and context.character_before in {'"', "'", "`"}:
        return ""
    # Five numbers are an object identifier, unless the first four are an
    # address that only private networks use.
    if context.character_after == "." and context.next_is_digit and not _PRIVATE.match(address):
        return ""
    return "" if follows_version(context.lead[-24:]) else "ip_address"


_PRIVATE = lazy_pattern(r"(?:10|127|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.")
# Signs of a version: `v`, `version: `, `release`, `pip/`, `>=`; read backwards from the number.
_VERSION_REVERSED = lazy_pattern(
    r"[\s:=\"']*(?:==|=[<>]|[~^](?![0-9])|/[a-z]{3}"
    r"|(?:v|s?noisrev|(?:noisi)?ver|esaeler|dliub|dio|\.?rev)\b)"
)


def follows_version(lead: str) -> bool:
    """Return whether *lead* ends with a word or sign that precedes a version."""
    return _VERSION_REVERSED.match(lead[::-1]) is not None


def _card(value: str, digits: str, _shape: str, context: Context) -> str:
    return "card" if is_card(digits, context, grouped=len(digits) != len(value)) else ""


def _ssn(_value: str, digits: str, shape: str, context: Context) -> str:
    if " " in shape and context.in_a_row:
        return ""  # three columns of a table
    if digits[:3] in {"000", "666"} or digits[3:5] == "00" or digits[5:] == "0000":
        return ""
    return "us_ssn" if digits[0] != "9" else "national_id"


def _phone(value: str, digits: str, shape: str, context: Context) -> str:
    if shape == "000-00-0000" and not context.words:
        return ""  # a social security number that does not exist
    return "phone" if is_phone(value, digits, context) else ""


_VALIDATORS: dict[str, Callable[[str, str, str, Context], str]] = {
    "ip": _ip,
    "card": _card,
    "ssn": _ssn,
    "label": labelled_kind,
    "phone": _phone,
}
