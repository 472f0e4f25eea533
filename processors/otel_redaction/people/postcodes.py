"""Postcodes, by the name of a country, a label, or the format of a few countries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.people.word_starts import Lowered

_COUNTRIES = [
    "Afghanistan",
    "Albania",
    "Algeria",
    "Argentina",
    "Armenia",
    "Australia",
    "Austria",
    "Azerbaijan",
    "Bahrain",
    "Bangladesh",
    "Belarus",
    "Belgium",
    "Bolivia",
    "Bosnia",
    "Brazil",
    "Bulgaria",
    "Cambodia",
    "Cameroon",
    "Canada",
    "Chile",
    "China",
    "Colombia",
    "Croatia",
    "Cuba",
    "Cyprus",
    "Czechia",
    "Denmark",
    "Ecuador",
    "Egypt",
    "Estonia",
    "Ethiopia",
    "Finland",
    "France",
    "Georgia",
    "Germany",
    "Ghana",
    "Greece",
    "Greenland",
    "Greenlander",
    "Guatemala",
    "Honduras",
    "Hungary",
    "Iceland",
    "India",
    "Indonesia",
    "Iran",
    "Iraq",
    "Ireland",
    "Israel",
    "Italy",
    "Jamaica",
    "Japan",
    "Jordan",
    "Kazakhstan",
    "Kenya",
    "Kosovo",
    "Kuwait",
    "Latvia",
    "Lebanon",
    "Libya",
    "Lithuania",
    "Luxembourg",
    "Malaysia",
    "Malta",
    "Mexico",
    "Moldova",
    "Monaco",
    "Mongolia",
    "Montenegro",
    "Morocco",
    "Nepal",
    "Netherlands",
    "Nicaragua",
    "Nigeria",
    "Norway",
    "Oman",
    "Pakistan",
    "Panama",
    "Paraguay",
    "Peru",
    "Philippines",
    "Poland",
    "Portugal",
    "Qatar",
    "Romania",
    "Russia",
    "Senegal",
    "Serbia",
    "Singapore",
    "Slovakia",
    "Slovenia",
    "Spain",
    "Sudan",
    "Sweden",
    "Switzerland",
    "Syria",
    "Taiwan",
    "Tanzania",
    "Thailand",
    "Tunisia",
    "Turkey",
    "Uganda",
    "Ukraine",
    "Uruguay",
    "Uzbekistan",
    "Venezuela",
    "Vietnam",
    "Yemen",
    "Zambia",
    "Zimbabwe",
]
_CODE_TAIL = lazy_pattern(r"\d[ABD-HJLNP-UW-Z]{2}\b|\d[ABCEGHJ-NPRSTV-Z]\d\b")
_CODE_LEAD = lazy_pattern(
    r"\b(?:GIR|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d{1,2}|\d[A-HJKSTUW]|[A-HK-Y]\d[ABEHMNPRV-Y])|[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z]) \Z"
)
_CODE_LABELS = (
    *(
        b"zip",
        b"postcode",
        b"post code",
        b"postal code",
        b"plz",
        b"postleitzahl",
        b"code postal",
        b"c?digo postal",
    ),
    *(b"postnummer", b"kod pocztowy", b"cep", b"pin code", b"pincode"),
)
_CODE_LABEL = lazy_pattern(
    r"(?i:(?:zip ?code|zip|post ?code|postal ?code|plz|postleitzahl|code postal|c\u00f3digo postal|postnummer|kod pocztowy|cep|pin ?code)"
    r"[\"']?(?: is|:|=|[ ])[ ]{0,2}[\"']?([A-Z]{0,2}[ -]?\d{2,6}(?:[ -]\d{2,4})?(?: ?[A-Z]{2})?)\b)"
)
_COUNTRY = lazy_pattern(
    rf"\b(?:{'|'.join(_COUNTRIES)}|United Kingdom|United States|USA|UK|New Zealand|South Africa|Czech Republic|Saudi Arabia|Costa Rica|"
    rf"Hong Kong|South Korea|Sri Lanka|El Salvador) {{1,2}}\Z"
)
_LAST_OF_COUNTRY = frozenset(_COUNTRIES) | frozenset(
    (
        "Kingdom",
        "States",
        "USA",
        "UK",
        "Zealand",
        "Africa",
        "Republic",
        "Arabia",
        "Rica",
        "Kong",
        "Korea",
        "Lanka",
        "Salvador",
    )
)
_POSTCODE_LENGTHS = range(3, 7)


def find_labelled_postcodes(text: str, lower: Lowered) -> Iterator[Match]:
    """Yield the postcodes in *text* after a label such as `zip code`."""
    for place in lower.places(_CODE_LABELS):
        code = _CODE_LABEL.match(text, place)
        if code is not None:
            yield Match(*code.span(1), "address")


def postcode_at(text: str, start: int, end: int, before: str, last: str) -> Match | None:
    """Return the postcode that includes the number from *start* to *end*, or None.

    *before* is the text before the number, of which *last* is the last word.
    """
    if last in _LAST_OF_COUNTRY and end - start in _POSTCODE_LENGTHS:
        if _COUNTRY.search(before[-24:]):
            return Match(start, end, "address")
    if end - start == 1 and _CODE_TAIL.match(text, start):
        code = _CODE_LEAD.search(before[-8:])
        if code is not None:
            return Match(start - len(code.group()), start + 3, "address")
    return None
