"""International bank account numbers: country format and mod 97."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.checksums import mod_97
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

# The account part of each country's IBAN: a letter for the class (n digits,
# a letters, c either) and a length, from the SWIFT registry.
_FORMATS = """\
AD n8c12 AE n19 AL n8c16 AT n16 AZ a4c20 BA n16 BE n12 BG a4n6c8 BH a4c14 BI n23 BR n23a1c1
BY c4n4c16 CH n5c12 CR n18 CY n8c16 CZ n20 DE n18 DJ n23 DK n14 DO c4n20 EE n16 EG n25
ES n20 FI n14 FK a2n12 FO n14 FR n10c11n2 GB a4n14 GE a2n16 GI a4c15 GL n14 GR n7c16
GT c20c4 HN a4n20 HR n17 HU n24 IE a4n14 IL n19 IQ a4n15 IR n22 IS n22 IT a1n10c12
JO a4n4c18 KW a4c22 KZ n3c13 LB n4c20 LC a4c24 LI n5c12 LT n16 LU n3c13 LV a4c13 LY n21
MA n24 MC n10c11n2 MD c20 ME n18 MK n3c10n2 MN n16 MR n23 MT a4n5c18 MU a4n19a3 NI a4n20
NL a4n10 NO n11 OM n3c16 PK a4c16 PL n24 PS a4c21 PT n21 QA a4c21 RO a4c16 RS n18 RU n14c15
SA n2c18 SC a4n20a3 SD n14 SE n20 SI n15 SK n20 SM a1n10c12 SN c2n22 SO n19 ST n21 SV a4n20
TL n19 TN n20 TR n6c16 UA n6c19 VA n18 VG a4n16 XK n16 YE a4n4c18
"""
_CLASSES: dict[str, str] = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}


def _account(form: str) -> tuple[int, re.Pattern[str]]:
    parts = re.findall(r"([nac])(\d+)", form)
    length = 4 + sum(int(count) for _, count in parts)
    return length, re.compile("".join(f"{_CLASSES[name]}{{{count}}}" for name, count in parts))


_COUNTRIES: dict[str, str] = dict(zip(_FORMATS.split()[::2], _FORMATS.split()[1::2], strict=True))
_compiled: dict[str, tuple[int, re.Pattern[str]]] = {}

# Anchored on a digit, since digits are rarer than letters.
_ANCHOR = lazy_pattern(rb"0(?<=a0)0")
_CHARACTERS = lazy_pattern(r"[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,30}")


def find_ibans(scan: Scan) -> None:
    """Add every bank account number with valid country, length, format and check digits."""
    text = scan.text
    shape = scan.shape
    done = 0
    for anchor in _ANCHOR.finditer(shape):
        start = anchor.start() - 2
        if start < done or shape[start] != _LETTER or (start and shape[start - 1] in _WORD):
            continue
        country = text[start : start + 2].upper()
        end = _iban_end(text, start, country) if country in _COUNTRIES else 0
        end = end or _labelled_end(scan, start)
        if end:
            scan.add(start, end, "iban")
            done = end


_LETTER = ord("a")
_WORD = b"a0"


# An account number of an unlisted country, or with a typing error, needs a label; one with valid
# check digits needs a word about banks.
_LABEL = lazy_pattern(
    r"\b(?:iban\b[^\n]{0,24}|bank account(?: number| no\.?| nr\.?)?(?: is)?[ :#]{1,3})\Z",
    re.IGNORECASE,
)
_BANK_WORDS = lazy_pattern(
    r"\b(?:wire|transfer|account|bank|konto|kontonummer|compte|cuenta|conto|rekening|iban|virement|"
    r"überweis\w*|transferencia|bonifico)\b",
    re.IGNORECASE,
)
_GROUPS = lazy_pattern(r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_REACH = 56
_FEWEST_ACCOUNT_DIGITS = 6


def _labelled_end(scan: Scan, start: int) -> int:
    """Return the end of an account number proven only by its context, or 0."""
    run = _GROUPS.match(scan.text, start)
    if run is None or sum(map(str.isdigit, run.group())) < _FEWEST_ACCOUNT_DIGITS:
        return 0
    first = max(0, start - _REACH)
    near = scan.lower[first:start]
    lead = scan.text[first:start]
    if (b"iban" in near or b"bank" in near) and _LABEL.search(lead):
        return run.end()
    if mod_97(run.group().replace(" ", "")) and _BANK_WORDS.search(lead):
        return run.end()
    return 0


def _iban_end(text: str, start: int, country: str) -> int:
    if country not in _compiled:
        _compiled[country] = _account(_COUNTRIES[country])
    length, account = _compiled[country]
    run = _CHARACTERS.match(text, start)
    if run is None:
        return 0
    written = run.group()
    compact = written.replace(" ", "").replace("-", "")[:length]
    if len(compact) < length or not (compact.isupper() or compact.islower()):
        return 0
    value = compact.upper()
    if not account.fullmatch(value, 4) or not mod_97(value):
        return 0
    # Count significant characters: the text after an IBAN may look like another group.
    end = start
    for _ in range(length):
        while text[end] in " -":
            end += 1
        end += 1
    return 0 if text[end : end + 1].isalnum() else end
