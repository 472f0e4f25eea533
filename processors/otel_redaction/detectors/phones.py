"""Telephone numbers, by an unambiguous format or near a word about calling."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from otel_redaction.detectors.context import vocabulary, words_in
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from otel_redaction.detectors.context import Context

_PHONE_WORDS = vocabulary(
    "tel tele telephone telephones telefon telefonnummer telefono teléfono teléfonos telefonos "
    "telefone telefones téléphone téléphones telefonu telefonem telefonu telefonszám puhelin "
    "puhelinnumero puh teleph telph phone phones phonenumber phonenumbers mobile mobiles mobil "
    "mobiltelefon mobilnummer mob cell cellphone cellular cellulare celular fax telefax "
    "whatsapp viber telegram imessage facetime voicemail pager hotline helpline landline "
    "handy handynummer rufnummer anruf anrufen móvil movil móviles portable "
    "gsm callback komórka komorkowy telefoon telefoonnummer gsmnummer telefonnum sími "
    "telefonní simi msisdn kontaktnummer telefonas caller callers"
)
# These words are about calling only directly before a possible number.
_CALLING = vocabulary(
    "call called calls calling dial dialed dialled dialing ring rang sms text texted texting reach "
    "reached reachable contact contacted contactable signal answering message messaged registered "
    "chiamarmi chiamami chiamata ligar liga ligue llámame llamada zadzwoń dzwonić ring opkald "
    "dispatch emergency rufen llamar llame appeler appelez chiamare telefonare bel bellen ph tlf "
    "tfn numéro numero número contato contacto kontakt"
)
_PHONE_WORDS_AFTER = vocabulary("office fax mobile cell home work phone tel landline direct desk")
# These words identify only grouped digits as a phone number.
_PLACES = vocabulary("office desk home work direct ext line number at on to via")
_NUMBER_WORDS = vocabulary("number no num nr nummer digits line")
_OWNERS = vocabulary("my his her their our your")
# The nearest word decides: a number after "order" or "ticket" is no phone number.
_OTHER_WORDS = vocabulary(
    "order invoice ticket case ref reference id ids port code zip postcode version pid token "
    "tokens account acct tracking serial sku isbn build error status row page uid ssn ein "
    "amount total price bytes size took duration timestamp epoch date year iban routing card "
    "policy member patient employee passport license licence vat tax offset seed chapter "
    "count commit "
)
_NEUTRAL = vocabulary("number no num nr is was the a of for and # are")
_MONEY = frozenset("$€£¥₹%")
# Words in scripts without the spaces that the word list needs.
_PHONE_WORDS_ELSEWHERE = lazy_pattern(
    r"电话|手机|電話|携帯|전화|휴대|телефон|тел\.|फ़ोन|هاتف|טלפון|โทร"
)

_NANP = lazy_pattern(
    r"(?:\+?1[-. ]?)?(?:\([2-9]\d\d\) ?[2-9]\d\d[-. ]|[2-9]\d\d([-. ])[2-9]\d\d\1)\d{4}"
    r"|(?:1[-. ]?)?(?:\([2-9]\d\d\) ?\d{3}[-.]|[2-9]\d\d([-.])\d{3}\2)\d{4}"
    r"|[2-9]\d\d \d{3}-\d{4}"
    r"|\([1-9]\d\) ?9?\d{4}-\d{4}"
)
_NATIONAL = lazy_pattern(
    r"0[1-9]\d{0,4}(?:([ .\-/])\d{2,4}(?:\1\d{2,4}){1,3}|[ \-/]\d{3}[ -]\d{3,5}|[ \-/]\d{6,8})"
    r"|\(0\d{1,4}\)[ .-]{0,2}(?:\d{2,4}(?:[ -]\d{2,4}){1,3}|\d{5,8})"
)
_DATE = lazy_pattern(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d(?!\d)"
)
_EXTENSION = lazy_pattern(r",? ?(?:x|ext\.?|extension|#) ?\d{1,6}\b", re.IGNORECASE)


def is_phone(value: str, digits: str, context: Context) -> bool:
    """Return whether *value*, whose digits are *digits*, is a telephone number."""
    count = len(digits)
    if not 7 <= count <= 15 or _DATE.match(value):
        return False
    if (
        value[0] not in _INTERNATIONAL
        and not _may_announce(context.written)
        and not _is_national(value, count, context)
        and _PHONE_WORDS_AFTER.isdisjoint(context.words_after[:1])
        and "@" not in context.lead
    ):
        return False
    if len(set(digits)) < 3 or _is_decimal(value):
        return False
    if _VERSIONS.match(value) or (_YEARS.fullmatch(value) and context.words[-1:] != [b"tel"]):
        return False
    if context.character_before in _MONEY or context.character_after in _MONEY:
        return False
    if _is_international(value, digits):
        return True
    words = context.words
    if _names_something_else(words):
        return False
    grouped = count != len(value)
    if grouped and not context.in_a_name and _is_national(value, count, context):
        return True
    if not _PHONE_WORDS.isdisjoint(words):
        return grouped or not _is_time(value) or not _PHONE_WORDS.isdisjoint(words[-2:])
    if _is_time(value) or _YEARS.fullmatch(value):
        return False
    if _is_owned_number(words) or _calls(words, context):
        return True
    if words and b"?" in words[-1] and _PHONE_WORDS_ELSEWHERE.search(context.lead):
        return True
    if not _PHONE_WORDS_AFTER.isdisjoint(context.words_after[:1]):
        return True
    if not grouped or count > 11 or not words or context.in_a_row:
        return False
    return words[-1] in _PLACES or (words[-1] in _NEUTRAL and words[-2:-1] == [b"number"])


_INTERNATIONAL = frozenset("+(0")
_ANNOUNCING = _PHONE_WORDS | _CALLING


@lru_cache(maxsize=1024)
def _may_announce(written: bytes) -> bool:
    """Return whether a word before the number may make it a telephone number."""
    words = words_in(written)
    if not words:
        return False
    last = words[-1]
    return (
        not _ANNOUNCING.isdisjoint(words)
        or b"?" in last
        or last in _PLACES
        or words[-2:-1] == [b"number"]
        or _is_owned_number(words)
    )


_REACH_OF_CALLING = 9
# Text between such a word and the number: `reach me at a@example.org or 0390164108`.
_LEADS_TO_NUMBER = vocabulary(
    "on at to from or me us him her them back is no number and now via under unter auf an oder al "
    "el para ou au aux o a et y e no nr tonight today tomorrow please op of"
)
_BESIDE_ADDRESS = lazy_pattern(
    r"@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}[\"'>)]?\s?[,;|/]?\s?(?:or |and |/ ?)?\Z"
)
_YEARS = lazy_pattern(r"(?:19|20)\d\d[-/. ](?:19|20)\d\d")
_VERSIONS = lazy_pattern(r"\d{1,2}\.\d{1,3}\.\d{1,3}-\d{1,2}\.\d{1,3}\.\d{1,3}(?!\d)")
_TIME = lazy_pattern(r"1[4-9]\d{8}(?:\d{3})?|(?:19|20)\d\d[01]\d[0-3]\d(?:\d{2}|\d{4}|\d{6})?")


_UNITS = vocabulary(
    "bytes byte kb mb gb tb ms ns us s seconds minutes hours rows row items records requests tokens "
    "lines files times pages users events points calls characters percent usd eur"
)


def _is_time(value: str) -> bool:
    """Return whether *value* is a Unix time or a date without separators."""
    return _TIME.fullmatch(value) is not None


def _is_national(value: str, count: int, context: Context) -> bool:
    """Return whether *value* is written in groups as a country writes its numbers."""
    if _NANP.fullmatch(value):
        return " " not in value or "(" in value or not context.in_a_row
    return 9 <= count <= 12 and _NATIONAL.fullmatch(value) is not None


def _calls(words: list[bytes], context: Context) -> bool:
    """Return whether a word about calling precedes the number, other than as a field's name."""
    if context.character_before == "=":
        return False
    if words[-1:] and words[-1] not in _CALLING and words[-1] not in _LEADS_TO_NUMBER:
        return _BESIDE_ADDRESS.search(context.lead) is not None
    for word in reversed(words[-_REACH_OF_CALLING:]):
        if word in _CALLING:
            return not context.quoted_since(word) and _UNITS.isdisjoint(context.words_after[:1])
    return _BESIDE_ADDRESS.search(context.lead) is not None


def _is_decimal(value: str) -> bool:
    """Return whether *value* is a decimal fraction such as a Unix time with milliseconds."""
    whole, point, rest = value.partition(".")
    return bool(point) and whole.isdigit() and rest.isdigit() and len(rest) != 4 and len(whole) > 4


def _is_international(value: str, digits: str) -> bool:
    if value.startswith(("+", "(+")):
        return digits[0] != "0" and len(digits) >= 8
    return value.startswith("00") and len(digits) >= 10 and len(digits) != len(value)


def _names_something_else(words: list[bytes]) -> bool:
    for word in reversed(words[-3:]):
        if word in _OTHER_WORDS:
            return True
        if word not in _NEUTRAL:
            return False
    return False


def _is_owned_number(words: list[bytes]) -> bool:
    """Return whether the words end like "my new number is"."""
    recent = words[-5:]
    return not _OWNERS.isdisjoint(recent) and not _NUMBER_WORDS.isdisjoint(recent)


def extension_end(text: str, end: int) -> int:
    """Return the end of the extension after a number, such as `x123`; *end* without one."""
    extension = _EXTENSION.match(text, end)
    return extension.end() if extension else end
