"""Street addresses and postcodes, by the word for a street, a label or their format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match
from otel_redaction.people.postcodes import find_labelled_postcodes, postcode_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.people.word_starts import Lowered

_UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u017d\u0386-\u03ab\u0401-\u042f"
_NUMBER = r"\d{1,6}(?:[A-Za-z]|[-/]\d{1,4}[A-Za-z]?)?"
_NAME = rf"(?:[{_UPPER}][\w.'\u2019-]{{0,24}}|de|la|del|des|du|da|do|dos|das|di|von|van|der|den|of|the|y|e|\d{{1,3}}(?:st|nd|rd|th))"
# Words for streets that follow the name, precede it, or end it.
_AFTER = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Place|Pl|Terrace|Ter|"
    r"Circle|Cir|Square|Sq|Highway|Hwy|Parkway|Pkwy|Close|Crescent|Cres|Gardens|Grove|Mews|Row|Walk|Hill|"
    r"Rise|Quay|Wharf|Trail|Trl|Alley|Plaza|Loop|Run|Ridge|Point|Pike|Turnpike|Expressway|Freeway|Gateway|"
    r"Isle|Isles|Lodge|Mill|Mills|Mission|Mount|Mountain|Oval|Pass|Passage|Path|Pine|Pines|Plain|Plains|Port|"
    r"Prairie|Radial|Ramp|Ranch|Rapid|Rapids|Rest|River|Route|Rue|Shoal|Shore|Shores|Skyway|Spring|Springs|"
    r"Spur|Station|Stravenue|Stream|Summit|Throughway|Trace|Track|Trafficway|Tunnel|Union|Unions|Valley|"
    r"Via|Viaduct|View|Views|Village|Villages|Ville|Vista|Well|Wells|Bridge|Brook|Burg|Bypass|Camp|Canyon|"
    r"Cape|Causeway|Centre|Center|Cliff|Club|Common|Corner|Course|Cove|Creek|Crest|Crossing|Crossroad|Curve|"
    r"Dale|Dam|Divide|Estate|Estates|Extension|Falls|Ferry|Field|Fields|Flat|Flats|Ford|Forest|Forge|Fork|"
    r"Fort|Garden|Glen|Green|Harbor|Haven|Heights|Hollow|Inlet|Island|Junction|Key|Knoll|Lake|Land|Landing|"
    r"Light|Locks|Mall|Manor|Meadow|Meadows|Motorway|Neck|Orchard|Overpass|Park|Parks|Drives|Roads|Streets)"
)
_BEFORE = (
    r"(?:Rue|Avenue|Av\.|Boulevard|Bd\.?|Chemin|Impasse|All\u00e9e|Place|Quai|Route|Via|Viale|Vicolo|Corso|Piazza|Piazzale|"
    r"Largo|Strada|Contrada|Rotonda|Borgo|Calle|C/|Avda\.?|Avenida|Plaza|Paseo|Carrer|Camino|Ronda|Glorieta|Rua|Travessa|"
    r"Pra\u00e7a|Estrada|Alameda|Rodovia|Vila|ul\.|Ul\.|al\.|os\.|pl\.|ulica|Ulica|Bulevardul|Bulevar|Calea|Str\.|Aleja|Plac|"
    r"\u0443\u043b\.|\u0443\u043b\u0438\u0446\u0430|\u0432\u0443\u043b\.|\u043f\u0440\.|\u043f\u0440\u043e\u0441\u043f\u0435\u043a\u0442|\u043f\u0435\u0440\.|\u0431\u0443\u043b\.|\u03bf\u03b4\u03cc\u03c2|\u039f\u03b4\u03cc\u03c2|r\u00faa|rua|Jalan|Jl\.|Cra\.?|Carrera|Cl\.|Diagonal|Transversal)"
)
_ENDING = (
    r"(?:stra\u00dfe|strasse|str\.|weg|gasse|allee|platz|ufer|ring|damm|steig|chaussee|markt|berg|graben|"
    r"gatan|gata|v\u00e4gen|v\u00e4g|gr\u00e4nd|gate|gata|vegen|veien|vei|gade|vej|vejen|all\u00e9|stien|str\u00e6de|torv|"
    r"katu|tie|kuja|polku|kaari|rinne|raitti|utca|straat|laan|plein|dreef|kade|singel|gracht|steenweg|"
    r"ova|ova cesta|braut|gatan|stígur|vegur|t\u00e9r|plads|terrasse|bakken|haven|parken|b\u00f8len)"
)
_UNIT = r"(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|\u00c9tage|Piso|Depto|Whg)\.?[ #]{0,2}\w{1,6}"
_REST = rf"(?:(?:,|[ \t]|[ \t]{{0,6}}\r?\n[^\w\n]{{0,8}}){{1,2}}{_UNIT}){{0,3}}"
_PLACE = rf"[{_UPPER}][\w'.\u2019-]{{1,24}}(?:[ -][\w'.\u2019-]{{1,20}}){{0,3}}"
# City, state, country and postcode: after commas or on separate lines; after a space only if they
# end with a postcode.
_TAIL = (
    rf"(?:(?:(?:,[ ]?|[ \t]{{0,6}}\r?\n[^\w\n]{{0,8}})(?:{_PLACE}|[A-Z]{{2,3}}|nan)(?:[ ]\d{{4,6}})?){{1,4}}"
    rf"(?:,?[ \t]{{1,2}}\d{{3,6}}(?:-\d{{3,4}})?)?"
    rf"|,?[ \t]{{1,2}}{_PLACE},?[ \t]{{1,2}}(?:(?:[A-Z]{{2}}|nan|{_PLACE}),?[ \t]{{1,2}}){{0,2}}\d{{4,6}}(?:-\d{{3,4}})?)?"
)
_STREETS = (
    lazy_pattern(
        rf"(?<![\w.-])(?:{_NUMBER},?[ ]{{1,2}}){{1,2}}(?:{_NAME}[ ]{{1,2}}){{1,4}}?{_AFTER}\b\.?"
        rf"(?:[ ](?:N|S|E|W|NE|NW|SE|SW|St|street|Street)\b\.?)?{_REST}{_TAIL}"
    ),
    lazy_pattern(
        rf"(?<![\w.-])(?:{_NUMBER},?[ ]{{1,2}}){{0,2}}{_BEFORE}[ ]{{0,2}}(?:{_NAME}[ ,]{{1,2}}){{1,5}}"
        rf"(?:n[\u00ba\u00b0.]?[ ]?)?{_NUMBER}{_REST}{_TAIL}"
    ),
    lazy_pattern(
        rf"(?<![\w.-])(?:{_NUMBER},?[ ]{{1,2}}){{0,2}}(?:{_NAME}[ -]){{0,3}}"
        rf"(?:[{_UPPER}][\w.\u2019'-]{{0,24}}[ ]?)?(?i:{_ENDING})[ ]{{1,2}}{_NUMBER}\b{_REST}{_TAIL}"
    ),
    lazy_pattern(
        rf"(?<![\w.-])(?:{_NUMBER},?[ ]{{1,2}}){{1,2}}(?:rue|avenue|boulevard|via|calle|rua|ulica|chemin|impasse|place|viale|avenida)[ ](?:[\w'\u2019-]{{1,20}}[ ]?){{1,5}}{_REST}"
    ),
    lazy_pattern(
        rf"(?<![\w.-])(?:{_NUMBER},?[ ]{{1,2}}){{1,2}}P\.? ?O\.? ?Box \d{{1,6}}{_REST}{_TAIL}"
    ),
    lazy_pattern(
        rf"(?<![\w.-])(?:{_NUMBER},?[ ]{{1,2}}){{0,2}}[\w.\u2019'-]{{2,24}}(?:stra\u00dfe|strasse|straat|gatan|v\u00e4gen|vej|veien|utca|katu|gasse|allee|platz)[ ]{{1,2}}{_NUMBER}\b{_REST}{_TAIL}"
    ),
    lazy_pattern(
        rf"(?<![\w.-])\d{{1,3}}[,]?[ ](?:bis |ter )?{_BEFORE}[ ](?:[\w'\u2019-]{{1,20}}[ ]?){{1,5}}(?=[,\n.]|$)"
    ),
)
_BOXES = (
    lazy_pattern(
        r"(?i:\b(?:P\.? ?O\.? ?Box|Postbox|Postfach|Apartado(?: de correos)?|Bo\u00eete postale|Casilla|Postbus)[ #:]{1,3}\d{1,6})"
    ),
    lazy_pattern(
        r"\b(?:PSC|CMR|Unit|OPC) \d{2,5},? Box \d{1,6}(?:[\s,]{1,3}[AFD]PO A[AEP] \d{5}(?:-\d{4})?)?"
        r"|\b(?:USN[SV]|USS|USCGC)(?: [\w()-]{2,20}){1,4}[\s,]{1,3}[AF]PO A[AEP] \d{5}(?:-\d{4})?"
        r"|\b[AFD]PO A[AEP] \d{5}(?:-\d{4})?\b"
    ),
)
# A number, a name, a number: an address if a flat, a line end or a label confirms it.
_NUMBERED = lazy_pattern(
    rf"(?<![\w.,/-])(?:{_NUMBER}[ ]{{1,2}}){{1,2}}(?:{_NAME}[ ]{{1,2}}){{1,5}}{_NUMBER}\b\.?"
    rf"(?=[ ]{{1,2}}{_UNIT}|[ \t]{{0,6}}\r?\n[^\w\n]{{0,8}}{_UNIT}|,[ ][{_UPPER}]|[ \t]{{0,6}}\r?\n[^\w\n]{{0,8}}[{_UPPER}]){_REST}"
)
_LABEL = lazy_pattern(
    r"(?i:(?:addresses|address|adresse|adress|direcci\u00f3n|indirizzo|endere\u00e7o|adres|osoite|adresa|"
    r"\u0430\u0434\u0440\u0435\u0441\u0430?|\u4f4f\u6240|\u5730\u5740|\uc8fc\uc18c)\b(?: is| was| of [^\n]{1,40}? is|:| to| with|\?)?[^\w\n]{0,8}(?:\n[^\w\n]{0,8}){0,2}(?:it is )?|"
    r"(?:lives?|living|lived|resides?|residing|resident|located|staying|moved|moving|based|delivered|delivery|deliver|ship(?:ped|ping)?|sent|new one|"
    r"credit card|drops you off|arrived|stop|office is|stand|station is|meet \w{2,12}|it's|address)[ ](?:at|on|in|to)[ ](?:the )?|the corner of )"
)
_LABELS = (
    *(
        b"address",
        b"adress",
        b"direcci",
        b"indirizzo",
        b"endere",
        b"adres",
        b"osoite",
        b"live",
        b"living",
    ),
    *(
        b"resid",
        b"located",
        b"staying",
        b"moved",
        b"moving",
        b"based ",
        b"deliver",
        b"ship",
        b"sent ",
        b"new one",
    ),
    *(
        b"drops you",
        b"arrived",
        b"stop ",
        b"office is",
        b"stand ",
        b"station is",
        b"meet ",
        b"it's in",
        b"the corner of",
        b"card to",
    ),
)
_LABELLED = lazy_pattern(
    rf"(?:{_NUMBER}[ ,]{{1,2}}){{1,2}}(?:[^\W\d_][\w.'\u2019-]{{0,24}}[ ]{{1,2}}){{1,5}}{_NUMBER}\b\.?{_REST}{_TAIL}|"
    rf"(?:{_NUMBER}[ ,]{{1,2}}){{0,2}}(?:{_NAME}[ ]{{1,2}}){{1,6}}(?:{_NUMBER}\b\.?{_REST}{_TAIL}|{_AFTER}\b\.?{_REST}{_TAIL})"
    rf"|(?:{_NUMBER}[ ,]{{1,2}}){{1,2}}(?:{_NAME}[ ]?){{1,5}}{_REST}{_TAIL}"
)
_CORNER = lazy_pattern(
    rf"\bthe corner of ({_NUMBER}[ ])?(?:{_NAME}[ ]{{1,2}}){{1,5}}?(?:{_NUMBER}[ ])?and (?:{_NAME}[ ]?){{1,5}}(?:{_NUMBER})?"
)
_HAS_NUMBER = lazy_pattern(r"\d")
_REACH = 90


_DIGITS = lazy_pattern(r"\d{1,6}")
_UNIT_WORD = lazy_pattern(
    r"(?:\A|\n)[^\w\n]{0,8}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Room)\.?[ #]{1,2}\Z",
    re.IGNORECASE,
)
_UNIT_TAIL = lazy_pattern(r"\w{1,6}[^\w\n]{0,3}(?:\n|\Z)")
_STREET_BEFORE = lazy_pattern(
    rf"(?:\A|[^\w.-])((?:{_NUMBER},?[ ]{{1,2}}){{0,2}}(?:{_BEFORE}[ ]{{0,2}}(?:{_NAME}[ ,]{{1,2}}){{1,5}}(?:n[\u00ba\u00b0.]?[ ]?)?"
    rf"|(?:{_NAME}[ -]){{0,3}}(?:[{_UPPER}][\w.\u2019'-]{{0,24}}[ ]?)?(?i:{_ENDING})[ ]{{1,2}}"
    rf"|[\w.\u2019'-]{{2,24}}(?:stra\u00dfe|strasse|straat|gatan|v\u00e4gen|vej|veien|utca|katu|gasse|allee|platz)[ ]{{1,2}}))\Z"
)
_AFTER_STREET = lazy_pattern(rf"{_NUMBER}\b\.?{_REST}{_TAIL}")
_UNIT_WORDS = frozenset(("apt", "apartment", "suite", "ste", "unit", "flat", "room"))
_ENDS_AS_STREET = lazy_pattern(rf"(?i:{_ENDING})\Z")
_BEFORE_WORD = lazy_pattern(rf"(?<![^\W_]){_BEFORE}[ ]")
_LEAD = 80


def find_addresses(text: str, lower: Lowered) -> Iterator[Match]:
    """Yield the street addresses and postcodes in *text*."""
    done = 0
    for digits in _DIGITS.finditer(text):
        start = digits.start()
        if start < done:
            continue
        for found in _at_number(text, start, digits.end()):
            yield found
            done = max(done, found.end)
    if not done and _HAS_NUMBER.search(text) is None:
        return
    for place in lower.places(_LABELS):
        label = _LABEL.match(text, place)
        if label is None:
            continue
        if label.group().lower().endswith("corner of "):
            corner = _CORNER.match(text, place)
            if corner is not None:
                yield _trimmed(text, corner.start(), corner.end())
        labelled = _LABELLED.match(text, label.end(), label.end() + _REACH)
        if labelled is not None and _HAS_NUMBER.search(labelled.group()):
            yield _trimmed(text, labelled.start(), labelled.end())
    for place in lower.places(
        (
            *(b"box ", b"postfach", b"apartado", b"postbus", b"casilla", b"psc ", b"usn"),
            *(b"uss ", b"uscgc ", b"apo a", b"fpo a", b"dpo a"),
        )
    ):
        for form in _BOXES:
            box = form.search(text, max(0, place - 16), place + 60)
            if box is not None:
                yield Match(*box.span(), "address")
    yield from find_labelled_postcodes(text, lower)


_LEADS_TO_NAME = lazy_pattern(
    r"[A-Za-z/-]{0,2}\d{0,4}[A-Za-z]?,?[ ]{1,2}(?:\d{1,6}[A-Za-z]?,?[ ]{1,2})?[^\W\d_]"
)


def _at_number(text: str, start: int, end: int) -> Iterator[Match]:
    """Yield the addresses and postcodes that include the number from *start*."""
    lead = text[start - 1 : start]
    if lead and (lead.isalnum() or lead in "_.-/="):
        return
    if _LEADS_TO_NAME.match(text, end):
        for form in _STREETS:
            street = form.match(text, start)
            if street is not None:
                yield _trimmed(text, street.start(), street.end())
                return
        numbered = _NUMBERED.match(text, start)
        if numbered is not None:
            yield _trimmed(text, numbered.start(), numbered.end())
            return
    if lead != " ":
        return
    before = text[max(0, start - _LEAD) : start]
    last = before.rstrip(" ,.").rpartition(" ")[2].rpartition("\n")[2]
    if last[-1:].isalpha() or last[-1:] == ".":
        if _ENDS_AS_STREET.search(last) or _BEFORE_WORD.search(before):
            street_before = _STREET_BEFORE.search(before)
            tail = _AFTER_STREET.match(text, start) if street_before else None
            if street_before is not None and tail is not None:
                yield _trimmed(text, start - len(street_before[1]), tail.end())
                return
        if last.lower().strip(".") in _UNIT_WORDS and _UNIT_TAIL.match(text, start):
            if _UNIT_WORD.search(before[-24:]):
                yield Match(start - len(before) + before.rfind("\n") + 1, end, "address")
                return
    postcode = postcode_at(text, start, end, before, last)
    if postcode is not None:
        yield postcode


def _trimmed(text: str, start: int, end: int) -> Match:
    while end > start and text[end - 1] in " ,\t\n":
        end -= 1
    return Match(start, end, "address")
