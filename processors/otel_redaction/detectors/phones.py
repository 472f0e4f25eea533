"""Telephone numbers: written so that they can be nothing else, or near a word about calling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.detectors.context import vocabulary

if TYPE_CHECKING:
    from otel_redaction.detectors.context import Context

_PHONE_WORDS = vocabulary(
    "tel tele telephone telefon telefonnummer telefono teléfono telefone téléphone teleph telph "
    "phone phones phonenumber mobile mobil mobiltelefon mob cell cellphone cellular cellulare "
    "celular fax telefax call called calling calls dial dialed dialled dialing ring rang sms text "
    "texted texting whatsapp viber telegram signal imessage facetime voicemail pager contact "
    "contacted contactable reach reached reachable hotline helpline landline answer answering "
    "answers message messages registered handy handynummer rufnummer anruf anrufen rufen móvil "
    "movil portable numéro numero número llamar llame appeler appelez chiamare telefonare bel "
    "bellen ph tlf tfn gsm callback dispatch emergency"
)
_PHONE_WORDS_AFTER = vocabulary("office fax mobile cell home work phone tel landline direct desk")
# These make a phone number only of digits written in groups.
_PLACES = vocabulary("office desk home work direct ext line number at on to via")
_NUMBER_WORDS = vocabulary("number no num nr nummer digits line")
_OWNERS = vocabulary("my his her their our your")
# The nearest word wins: a phone number is not what follows "order" or "ticket".
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
_PHONE_WORDS_ELSEWHERE = re.compile(
    r"电话|手机|電話|携帯|전화|휴대|телефон|тел\.|फ़ोन|هاتف|טלפון|โทร"
)

_NANP = re.compile(
    r"(?:\+?1[-. ]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-. ]))[2-9]\d\d[-. ]\d{4}"
    r"|(?:1[-. ]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])\d{3}[-.]\d{4}"
)
_NATIONAL = re.compile(
    r"0[1-9]\d{0,4}(?:([ .\-/])\d{2,4}(?:\1\d{2,4}){1,3}|[ \-/]\d{3}[ -]\d{3,5}|[ \-/]\d{6,8})"
    r"|\(0\d{1,4}\)[ .-]{0,2}(?:\d{2,4}(?:[ -]\d{2,4}){1,3}|\d{5,8})"
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d(?!\d)"
)
_EXTENSION = re.compile(r",? ?(?:x|ext\.?|extension|#) ?\d{1,6}\b", re.IGNORECASE)


def is_phone(value: str, digits: str, context: Context) -> bool:
    """Return whether *value*, whose digits are *digits*, is a telephone number."""
    count = len(digits)
    if not 7 <= count <= 15 or len(set(digits)) < 3 or _DATE.match(value):
        return False
    if context.character_before in _MONEY or context.character_after in _MONEY:
        return False
    if _is_international(value, digits):
        return True
    words = context.words
    if _names_something_else(words):
        return False
    grouped = count != len(value)
    if grouped and (_NANP.fullmatch(value) or (9 <= count <= 12 and _NATIONAL.fullmatch(value))):
        return True
    if not _PHONE_WORDS.isdisjoint(words) or _is_owned_number(words):
        return True
    if words and b"?" in words[-1] and _PHONE_WORDS_ELSEWHERE.search(context.lead):
        return True
    if not _PHONE_WORDS_AFTER.isdisjoint(context.words_after[:1]):
        return True
    if not grouped or count > 11 or not words:
        return False
    return words[-1] in _PLACES or (words[-1] in _NEUTRAL and words[-2:-1] == [b"number"])


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
    """Return where the extension after a number ends, such as `x123`; *end* if there is none."""
    extension = _EXTENSION.match(text, end)
    return extension.end() if extension else end
