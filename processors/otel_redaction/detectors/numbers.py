"""Numbers: runs of digits and separators, and which identifier each can be.

One pass finds the runs; what a run can be depends only on its shape (where the
digits and which the separators are), so that decision is made once for each
shape and remembered. Timestamps, versions and amounts recur with the same
shapes all day, and cost one look-up each.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from otel_redaction.detectors.cards import is_card
from otel_redaction.detectors.context import after, before
from otel_redaction.detectors.network import is_ipv4
from otel_redaction.detectors.numbered import labelled_kind
from otel_redaction.detectors.phones import extension_end, is_phone
from otel_redaction.scan import NUMBERS

if TYPE_CHECKING:
    from otel_redaction.scan import Scan

_RUN = re.compile(rb"0[0\-]{5,}")
_DIGITS_TO_ZERO = str.maketrans("123456789", "000000000")
_SEPARATORS = str.maketrans("", "", " .-/()+")
_MEMORABLE = 48
"""Shapes up to this length are remembered; longer ones (tables of numbers) would only fill it."""

_UUID = re.compile(r"0{8}-0{4}-0{4}-0{4}-0{12}")
_FORMS = (
    ("ip", re.compile(r"(?<![0.])0{1,3}(?:\.0{1,3}){3}(?!0)(?:/00?(?!0))?")),
    (
        "card",
        re.compile(
            r"(?<!0)(?:0{4}[ .\-/]{1,3}0{4}[ .\-/]{1,3}0{4}[ .\-/]{1,3}0{1,7}"
            r"|0{4}[ .\-/]{1,3}0{6}[ .\-/]{1,3}0{4,5}"
            r"|0{12,19})(?!0)"
        ),
    ),
    ("ssn", re.compile(r"(?<![0.-])(?:000([-. ])00\10000|000-000000)(?![0-]|\.0)")),
    ("label", re.compile(r"(?<![0.])0{1,6}(?:[ .\-/]{0,2}0{1,6}){1,5}(?!0)")),
    (
        "phone",
        re.compile(
            r"(?<![0.-])(?:\+?\(?\+?0{1,4}\)?[-. ]{1,2})?\(?0{3}\)?[-. ]{0,2}0{3}[-. ]0{4}(?![0-]|\.0)"
            r"|(?<![0.])[+(]{0,2}0{1,15}\)?"
            r"(?:[ .\-/]{0,2}\(0{1,4}\)[ .\-/]{0,2}0{1,8}|[ .\-/]{1,2}\(?0{1,12}\)?){0,6}(?!0)"
        ),
    ),
)


def find_numbers(scan: Scan) -> None:
    """Add cards, IPv4 addresses, phones, social security numbers and other numbered ids."""
    text = scan.text
    shape = scan.data.translate(NUMBERS)
    for run in _RUN.finditer(shape):
        start, end = run.span()
        while start and text[start - 1] in "+(":
            start -= 1
        while text[end - 1] not in "0123456789)":
            end -= 1
        written = text[start:end].translate(_DIGITS_TO_ZERO)
        if len(written) <= _MEMORABLE:
            candidates = _candidates(written)
        else:
            scan.check_deadline()
            candidates = _find_candidates(written)
        taken = start
        for form, first, last in candidates:
            if start + first >= taken:
                taken = _judge(scan, form, start + first, start + last) or taken


def _find_candidates(shape: str) -> tuple[tuple[str, int, int], ...]:
    """Return what the parts of *shape* could be, most specific form first."""
    if shape.count("0") < 4 or _UUID.search(shape):
        return ()
    found = [
        (form, match.start(), match.end())
        for form, pattern in _FORMS
        for match in pattern.finditer(shape)
    ]
    return tuple(found)


_candidates = lru_cache(maxsize=4096)(_find_candidates)


def _judge(scan: Scan, form: str, start: int, end: int) -> int:
    """Add the candidate if its validator agrees; return where it ends, else 0."""
    text = scan.text
    if _glued(text, start, end):
        return 0
    value = text[start:end]
    digits = value.translate(_SEPARATORS)
    kind = _VALIDATORS[form](text, start, end, value, digits)
    if not kind:
        return 0
    if kind == "phone":
        end = extension_end(text, end)
    scan.add(start, end, kind)
    return end


def _glued(text: str, start: int, end: int) -> bool:
    """Return whether the number is part of a longer word, hexadecimal id or decimal fraction."""
    lead = text[start - 1 : start]
    if lead and (lead.isalnum() or lead == "_"):
        return True
    if lead and lead in "-.,:" and text[start - 2 : start - 1].isdigit():
        return True
    tail = text[end : end + 2]
    if not tail or tail[0] in "xX ":
        return False
    if tail[0].isalpha() or tail[0] == "_":
        return True
    return tail[0] in "-," and tail[1:].isdigit()


def _ip(text: str, start: int, end: int, value: str, digits: str) -> str:
    address = value.partition("/")[0]
    if not is_ipv4(address):
        return ""
    private = address.startswith(("10.", "127.", "192.168."))
    if re.match(r"\.\d", text[end : end + 2]) and not private:
        return ""
    lead = before(text, start, 24)
    if _VERSION_WORDS.search(lead):
        return ""
    return "ip_address"


_VERSION_WORDS = re.compile(
    r"(?:\bv|\bversions?|\brev(?:ision)?|\brelease|\bbuild|\boid|[a-z]{3}/|==|[~^]|>=|<=|\bver\.?)"
    r"[\s:=\"']*$"
)


def _card(text: str, start: int, end: int, value: str, digits: str) -> str:
    if not 12 <= len(digits) <= 19:
        return ""
    if is_card(digits, before(text, start), grouped=len(digits) != len(value)):
        return "card"
    return ""


def _ssn(text: str, start: int, end: int, value: str, digits: str) -> str:
    if digits[:3] in {"000", "666"} or digits[3:5] == "00" or digits[5:] == "0000":
        return ""
    return "us_ssn" if digits[0] != "9" else "national_id"


def _phone(text: str, start: int, end: int, value: str, digits: str) -> str:
    if is_phone(value, digits, before(text, start), after(text, end)):
        return "phone"
    return ""


def _label(text: str, start: int, end: int, value: str, digits: str) -> str:
    return labelled_kind(value, digits, before(text, start))


_VALIDATORS = {"ip": _ip, "card": _card, "ssn": _ssn, "label": _label, "phone": _phone}
