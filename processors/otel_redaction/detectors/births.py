"""Dates of birth: a date soon after a word about birth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_redaction.scan import Scan

_WORD = re.compile(
    r"(?:birth(?:day|date|[ _-]?dt|[ _-]?day|[ _-]?date)?|born|dob)(?![a-z])", re.IGNORECASE
)
_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE = re.compile(
    r"(?<!\d)\d{1,4}[-/. ]\d{1,2}[-/. ]\d{2,4}(?!\d)"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTHS},? \d{{4}}"
    rf"|{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    r"|(?<!\d)(?:19|20)\d{6}(?!\d)",
    re.IGNORECASE,
)
_REACH = 32


def find_birth_dates(scan: Scan) -> None:
    """Add every date that stands within 32 characters after a word about birth."""
    for position in scan.cues.get("birth", ()):
        word = _WORD.match(scan.text, position)
        if word is not None:
            date = _DATE.search(scan.text, word.end(), word.end() + _REACH)
            if date is not None and "\x00" not in scan.text[word.end() : date.start()]:
                scan.add(*date.span(), "birth_date")
