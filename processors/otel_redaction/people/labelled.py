"""Labelled data about people: handles, vehicles, devices, places; spelled-out addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.checksums import luhn
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.people.word_starts import Lowered

_SPELLED_MAIL = lazy_pattern(
    r"\b([\w.+-]{1,40}(?:[ ](?:dot|punkt|punto|ponto|point)[ ]\w{1,30}){0,3}"
    r"[ ]{0,2}[\[({]?[ ]?(?:at|@|arroba|chez|\u00e4t)[ ]?[\])}]?[ ]{0,2}"
    r"[\w-]{2,40}(?:[ ]{0,2}[\[({]?[ ]?(?:dot|punkt|punto|ponto|point)[ ]?[\])}]?[ ]{0,2}\w{2,20}){1,3})\b",
    re.IGNORECASE,
)
_HANDLE = lazy_pattern(
    r"(?:user[ _-]?name|login|handle|twitter|instagram|telegram|skype|discord|tiktok|snapchat|"
    r"benutzername|usuario|utilisateur|nutzername|nom d'utilisateur)(?: (?:name|handle|id))?[\"']?"
    r"(?:[ \t]{0,2}:[ \t]{0,2}|=|[ ]is[ ])[\"']?(@?[A-Za-z][\w.-]{2,30})(?![\w(\[.])",
    re.IGNORECASE,
)
_NETWORKS = "skype|twitter|instagram|telegram|discord|snapchat|tiktok|mastodon"
# `'dean.m' on skype`, and `on skype as dean.m`: a handle has a digit or a sign, or is quoted.
_BEFORE_NETWORK = lazy_pattern(r"(?:@[A-Za-z][\w.-]{2,30}|[\"'][A-Za-z][\w.-]{2,30}[\"'])\Z")
_AFTER_NETWORK = lazy_pattern(
    rf"(?:{_NETWORKS})(?:,? as |,? \(|, |: )[\"']?(@?(?:live:)?[A-Za-z][\w.-]{{2,30}})(?![\w(])",
    re.IGNORECASE,
)
_MENTION = lazy_pattern(
    r"(?:re)?(?:tweet(?:ed)?|follow|dm|mention(?:ed)?) (@[A-Za-z]\w{2,30})", re.IGNORECASE
)
_VIN = lazy_pattern(
    r"(?:vin|vehicle identification(?: number)?|chassis)\W{0,4}(?:number|no\.?|is|nr\.?)?\W{0,4}([A-HJ-NPR-Z0-9]{17})\b",
    re.IGNORECASE,
)
_IMEI = lazy_pattern(
    r"\bime?i(?: number| no\.?)?\W{0,4}(?:is\W{0,2})?(\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d)\b|(?<!\d)(\d{15})(?!\d)",
    re.IGNORECASE,
)
_PLATE = lazy_pattern(
    r"(?:plate|registration(?: number| plate)?|reg\.? no\.?|kennzeichen|matr\u00edcula|matricula|immatriculation|targa|kenteken|vehicle|reg)"
    r"(?i:(?: number|[ ]plate)?)(?: number| no\.?| nr\.?| is|s)?\W{0,4}(?:is\W{1,2})?([A-Z0-9\u00c4\u00d6\u00dc]{1,4}[ -]?[A-Z0-9]{1,4}[ -]?[A-Z0-9]{1,5})\b",
)
_DOCUMENT = lazy_pattern(
    r"(?:passport|reisepass|pasaporte|passeport|passaporto|paszport|paspoort|personalausweis|ausweis|id card|identity card|"
    r"driver'?s? licen[cs]e|driving licen[cs]e|f\u00fchrerschein|permis de conduire|licencia de conducir|patente|visa)"
    r"(?:[ -]?(?:number|no\.?|nr\.?|nummer|num\.?|id|#))?\W{0,4}(?:is|lautet|es|est|:)?\W{0,3}((?=[A-Z0-9-]{0,12}\d)[A-Z0-9][A-Z0-9-]{5,17})\b",
    re.IGNORECASE,
)
_PAIR = lazy_pattern(r"(-?\d{1,2}\.\d{4,8})[ ]?[,/][ ]?(-?1?\d{1,2}\.\d{4,8})(?!\d|\.\d)")
_DEGREES = lazy_pattern(
    r"\b\d{1,3}\u00b0[ ]?\d{1,2}['\u2032][ ]?(?:\d{1,2}(?:\.\d+)?[\"\u2033])?[ ]?[NSEW]\b"
)
_PLACE_WORD = lazy_pattern(
    rb"lat|lon|gps|co-?ord|locat|position|place|resid|near|south|north|east|west|map|point|lives"
)
_NEAR = 48
# `use ana and 7%IT(9i2*6 for access`: what no word, no number and no code looks like.
_SPOKEN_PASSWORD = lazy_pattern(
    r"(?:us(?:e|ing)|with|enter)(?: the)?:? (?:[\w.@-]{3,40}(?:,| and| &|,? then| with) )?"
    r"((?=[^\s]{0,20}[a-z])(?=[^\s]{0,20}[A-Z])(?=[^\s]{0,20}[0-9])[\w!@#$%^&*()+?~-]{8,24})(?=[\s.,;!]|\Z)",
    re.IGNORECASE,
)
_SIGNS = frozenset("!@#$%^&*(+?~")
_FEWEST_SIGNS = 2
_STOP = frozenset(
    [
        "name",
        "names",
        "user",
        "username",
        "user_name",
        "login",
        "handle",
        "id",
        "ids",
        "is",
        "was",
        "has",
        "not",
        "and",
        "the",
        "for",
        "agent",
        "input",
        "output",
        "message",
        "messages",
        "content",
        "role",
        "interface",
        "experience",
        "manual",
        "guide",
        "group",
        "groups",
        "account",
        "accounts",
        "data",
        "table",
        "type",
        "types",
        "error",
        "errors",
        "page",
        "pages",
        "profile",
        "settings",
        "permissions",
        "password",
        "prompt",
        "query",
        "request",
        "session",
        "story",
        "stories",
        "authentication",
        "authorization",
        "info",
        "information",
        "list",
        "can",
        "could",
        "should",
        "must",
        "will",
        "would",
        "may",
        "asked",
        "wants",
        "needs",
        "said",
        "says",
        "clicks",
        "click",
        "enters",
        "the",
        "with",
        "who",
        "that",
        "this",
        "from",
        "into",
        "their",
        "about",
        "guide",
        "feedback",
    ]
)
_HAS_DIGIT_OR_SIGN = lazy_pattern(r"[\d@_.-]")
_BIGGEST_LATITUDE = 90.0


_DOTS = (b" dot ", b"(dot)", b"[dot]", b" punkt ", b" punto ", b" point ", b" ponto ")
_HANDLES = (
    *(
        b"username",
        b"user name",
        b"user_name",
        b"user-name",
        b"login",
        b"handle",
        b"twitter",
        b"instagram",
    ),
    *(
        b"telegram",
        b"skype",
        b"discord",
        b"tiktok",
        b"snapchat",
        b"benutzername",
        b"usuario",
        b"utilisateur",
    ),
    b"nutzername",
)
_PLATES = (
    *(
        b"plate",
        b"registration",
        b"kennzeichen",
        b"matr",
        b"immatriculation",
        b"targa",
        b"kenteken",
        b"vehicle",
    ),
    b"reg",
)
_DOCUMENTS = (
    *(
        b"passport",
        b"reisepass",
        b"pasaporte",
        b"passeport",
        b"passaporto",
        b"paszport",
        b"paspoort",
        b"ausweis",
    ),
    *(
        b"id card",
        b"identity card",
        b"driver",
        b"driving",
        b"f?hrerschein",
        b"permis",
        b"licencia",
        b"patente",
        b"visa",
    ),
)


def find_labelled(text: str, lower: Lowered) -> Iterator[Match]:
    """Yield handles, vehicle and device numbers, documents, coordinates, spelled-out addresses."""
    done = 0
    for place in sorted(lower.places(_DOTS)):
        if place < done:
            continue
        done = place + _AFTER_DOT // 2
        for found in _SPELLED_MAIL.finditer(text, max(0, place - _BEFORE_DOT), place + _AFTER_DOT):
            yield Match(*found.span(1), "email")
            done = found.end()
    for place in lower.places(_HANDLES):
        handle = _HANDLE.match(text, place)
        if (
            handle is not None
            and handle[1].lower() not in _STOP
            and (_HAS_DIGIT_OR_SIGN.search(handle[1]) or " is " not in handle.group())
        ):
            yield Match(*handle.span(1), "username")
    yield from _find_on_networks(text, lower)
    for place in lower.places((b"use ", b"using ", b"with ", b"enter ")):
        spoken = _SPOKEN_PASSWORD.match(text, place)
        if spoken is not None and _is_unspeakable(spoken[1]):
            yield Match(*spoken.span(1), "password")
    for place in lower.places((b"vin", b"vehicle", b"chassis")):
        vin = _VIN.match(text, place)
        if vin is not None:
            yield Match(*vin.span(1), "vehicle")
    if b"imei" in lower.prefixes:
        for found in _IMEI.finditer(text):
            group = 1 if found[1] is not None else 2
            if group == 1 or luhn(found[2]):
                yield Match(*found.span(group), "device")
    for place in lower.places(_PLATES):
        plate = _PLATE.match(text, place)
        if (
            plate is not None
            and any(map(str.isdigit, plate[1]))
            and any(map(str.isalpha, plate[1]))
        ):
            yield Match(*plate.span(1), "vehicle")
    for place in lower.places(_DOCUMENTS):
        document = _DOCUMENT.match(text, place)
        if document is not None:
            yield Match(*document.span(1), "national_id")
    if "." in text:
        for found in _PAIR.finditer(text):
            lead = text[found.start() - 1 : found.start()]
            before = lower.data[max(0, found.start() - _NEAR) : found.start()]
            if (
                abs(float(found[1])) <= _BIGGEST_LATITUDE
                and not (lead.isdigit() or lead == ".")
                and _PLACE_WORD.search(before)
            ):
                yield Match(*found.span(), "location")
    if "\u00b0" in text:
        for found in _DEGREES.finditer(text):
            yield Match(*found.span(), "location")


_BEFORE_DOT = 120
_AFTER_DOT = 80


def _find_on_networks(text: str, lower: Lowered) -> Iterator[Match]:
    """Yield handles beside the name of a social network."""
    for place in lower.places(_NETWORK_NAMES):
        if lower.data[place - 4 : place] == b" on ":
            first = max(0, place - _LONGEST_HANDLE)
            handle = _BEFORE_NETWORK.search(text, first, place - 4)
            if handle is not None and _HAS_DIGIT_OR_SIGN.search(handle.group()):
                yield Match(*handle.span(), "username")
        handle = _AFTER_NETWORK.match(text, place)
        if handle is not None and _HAS_DIGIT_OR_SIGN.search(handle[1].rstrip(".")):
            yield Match(handle.start(1), handle.start(1) + len(handle[1].rstrip(".-")), "username")
    for place in lower.places((b"tweet", b"retweet", b"follow @", b"dm @", b"mention")):
        mention = _MENTION.match(text, place)
        if mention is not None:
            yield Match(*mention.span(1), "username")


_NETWORK_NAMES = tuple(map(str.encode, _NETWORKS.split("|")))
_LONGEST_HANDLE = 40


def _is_unspeakable(value: str) -> bool:
    """Return whether *value* mixes cases, digits and signs, and is no call and no address."""
    signs = sum(character in _SIGNS for character in value)
    return (
        signs >= _FEWEST_SIGNS
        and "@" not in value[1:-4]
        and not ("(" in value and value.endswith(")"))
        and all(any(map(of, value)) for of in (str.islower, str.isupper, str.isdigit))
    )
