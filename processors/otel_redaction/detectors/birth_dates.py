"""Dates of birth: a date soon after a word about birth, in a dozen languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.foreign_words import foreign_words
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_WORD = lazy_pattern(
    r"(?:birth(?:day|date|[ _-]?dt|[ _-]?day|[ _-]?date|s)?|born|dob|d\.o\.b\.?)(?![a-z])"
    r"|geb(?:oren|urtsdatum|urtstag|oorte\w{0,6}|\.)|nacimiento|nacid[oa]|nascimento|nascid[oa]|nascita"
    r"|nat[oa] (?:il|a\b)|urodz\w{1,8}|syntym\w{1,10}|syntynyt|f\u00f8dt|f\u00f8dsels\w{1,6}|f\u00f6dd|"
    r"f\u00f6delse\w{1,6}|do\u011fum\w{0,4}|n\u00e9e? (?:le|en)|date de naissance|naissance|"
    r"narozen\w{0,3}|sz\u00fclet\w{1,8}|n\u0103scut\w{0,2}|\u0440\u043e\u0436\u0434\w{1,8}|\u043d\u0430\u0440\u043e\u0434\u0436\w{1,8}|"
    r"\u0440\u043e\u0434\u0438\u043b\w{1,4}|\u51fa\u751f(?:\u65e5\u671f)?|\u751f\u5e74\u6708\u65e5|\uc0dd\ub144\uc6d4\uc77c|\u0e27\u0e31\u0e19\u0e40\u0e01\u0e34\u0e14|\u05ea\u05d0\u05e8\u05d9\u05da \u05dc\u05d9\u05d3\u05d4|"
    r"\u062a\u0627\u0631\u064a\u062e \u0627\u0644\u0645\u064a\u0644\u0627\u062f",
    re.IGNORECASE,
)
# Those without a cue of `find_cues`.
_FOREIGN = foreign_words(
    _WORD,
    *("f\u00f8d", "f\u00f6d", "do\u011fum", "n\u00e9 ", "n\u00e9e ", "sz\u00fclet", "n\u0103scut"),
    *(
        "\u0440\u043e\u0436\u0434",
        "\u043d\u0430\u0440\u043e\u0434\u0436",
        "\u0440\u043e\u0434\u0438\u043b",
    ),
    *(
        "\u51fa\u751f",
        "\u751f\u5e74\u6708\u65e5",
        "\uc0dd\ub144\uc6d4\uc77c",
        "\u0e27\u0e31\u0e19\u0e40\u0e01\u0e34\u0e14",
    ),
    *("\u05ea\u05d0\u05e8\u05d9\u05da", "\u062a\u0627\u0631\u064a\u062e"),
)
_MONTHS = (
    r"(?:jan(?:uary|uar|vier|\.)?|ene(?:ro)?|gennaio|janeiro|januari|stycz\w{0,3}|feb(?:ruary|ruar|rero|braio|"
    r"ruari)?|f[e\u00e9]v(?:rier|ereiro)?|fevereiro|lut\w{2,4}|mar(?:ch|zo|s|\u00e7o|ca)?|m\u00e4rz|maart|mars|apr(?:il|ile|il\w)?|"
    r"abr(?:il)?|avr(?:il)?|kwie\w{2,6}|may|mai|mayo|maggio|maio|mei|maja|june?|juni|juin|junio|giugno|"
    r"junho|czerw\w{1,3}|july?|juli|juillet|julio|luglio|julho|lip\w{2,3}|aug(?:ust|ustus|usti)?|ao[u\u00fb]t|"
    r"agosto|sierp\w{2,3}|sep(?:t(?:ember|embre|iembre)?)?|settembre|setembro|wrze\w{3,5}|oct(?:ober|ubre|obre)?|"
    r"okt(?:ober)?|ottobre|outubro|pa\u017adziernika|nov(?:ember|embre|iembre)?|novembro|listopad\w?|dec(?:ember)?|"
    r"dez(?:ember|embro)?|d[e\u00e9]c(?:embre)?|dic(?:iembre|embre)?|grud\w{2,4}"
    r"|\u044f\u043d\u0432\w{0,4}|\u0444\u0435\u0432\w{0,5}|\u043c\u0430\u0440\w{0,3}|\u0430\u043f\u0440\w{0,4}|\u043c\u0430[\u0439\u044f]|\u0438\u044e\u043d\w|\u0438\u044e\u043b\w|\u0430\u0432\u0433\w{0,4}|\u0441\u0435\u043d\w{0,6}|\u043e\u043a\u0442\w{0,5}|\u043d\u043e\u044f\w{0,4}|"
    r"\u0434\u0435\u043a\w{0,5})\.?"
)
_DATE = lazy_pattern(
    r"(?<!\d)\d{1,4}[-/. ]{1,2}\d{1,2}[-/. ]{1,2}\d{2,4}(?!\d)"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th|\.|er|\u00ba)?[ -](?:of |de |di )?{_MONTHS},?[ -](?:de |del )?(?:19|20)?\d\d(?!\d)"
    rf"|{_MONTHS}[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -](?:19|20)?\d\d(?!\d)"
    rf"|(?<!\d)(?:19|20)\d\d[ -]{_MONTHS}[ -]\d{{1,2}}(?!\d)"
    r"|(?<!\d)(?:19|20)\d{6}(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d\u5e74\d{1,2}\u6708\d{1,2}\u65e5|(?<!\d)(?:19|20)\d\d\ub144 ?\d{1,2}\uc6d4 ?\d{1,2}\uc77c",
    re.IGNORECASE,
)
_REACH = 64
_FAR = 24
"""Beyond this distance a time or an event in the same sentence is more likely than a birth."""
_NOT_BEFORE_DATE = lazy_pattern(r"[\n{}\[\]|]|\d{3}")


def find_birth_dates(scan: Scan) -> None:
    """Add every date within 64 characters after a word about birth."""
    text = scan.text
    words = [
        _WORD.match(text, position) or _WORD.match(text, max(0, position - 2))
        for position in scan.cues.get("birth", ())
    ]
    words += _FOREIGN.matches(scan)
    done = 0
    for word in sorted(filter(None, words), key=re.Match.start):
        if word.start() < done or not any(map(str.isdigit, text[word.end() : word.end() + _REACH])):
            continue
        done = word.end() + _FAR
        date = _DATE.search(scan.text, word.end(), word.end() + _REACH)
        if date is None or "\x00" in scan.text[word.end() : date.start()]:
            continue
        between = scan.text[word.end() : date.start()]
        if len(between) > _FAR and _NOT_BEFORE_DATE.search(between):
            continue
        scan.add(*date.span(), "birth_date")
