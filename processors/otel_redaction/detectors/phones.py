"""Telephone numbers: written so that they can be nothing else, or near a word about calling."""

from __future__ import annotations

import re

# Words that make a number after them (or the three below, before it) a phone number.
_PHONE_WORDS = re.compile(
    r"\b(?:tele?(?:phone|fon\w*|f[oó]no|ph)?|t[eé]l[eé]phone|phones?|mobile|mob|cell(?:phone|ular)?"
    r"|fax|call(?:ed|ing|s)?|dial(?:l?ed|l?ing)?|ring|rang|sms|text(?:ed|ing)?|whats ?app|viber"
    r"|telegram|signal|imessage|facetime|voice ?mail|pager|contact(?:ed|able)?|reach(?:ed|able)?"
    r"|hotline|helpline|landline|answer(?:ing|s|ed)?|messages?|registered|handy\w*|rufnummer"
    r"|anruf\w*|m[oó]vil|celular|portable|cellulare|telefone|numéro|numero|ph|tlf|gsm)\b"
    r"|(?:my|his|her|their|our|your)\s(?:\w+\s)?(?:number|no\.?|digits|line)\b"
    r"|电话|手机|電話|携帯|전화|телефон|тел\."
)
_WORDS_BEFORE_GROUPS = re.compile(
    r"\b(?:office|desk|home|work|direct|ext|line|number|at|on|to)\W*$"
)
_WORDS_AFTER = re.compile(
    r"^[\s,;(\[-]*(?:office|fax|mobile|cell|home|work|phone|tel|landline|direct)\b"
)
# The nearest word wins: a phone number is not what follows "order" or "ticket".
_OTHER_WORDS = re.compile(
    r"\b(?:order|invoice|ticket|case|ref(?:erence)?|id|ids|port|code|zip|post ?code|version|pid"
    r"|tokens?|account|acct|tracking|serial|sku|isbn|build|error|status|line|row|page|uid|ssn|ein"
    r"|amount|total|price|bytes|size|took|duration|timestamp|epoch|date|year|iban|routing|card"
    r"|policy|member|patient|employee|passport|licen[cs]e|vat|tax|id_token|offset|seed|chapter)\b"
    r"[\s#:=.\"'-]*(?:(?:number|no|num|is|was|nr)\b[\s#:=.\"'-]*)*$"
)
_MONEY = frozenset("$€£¥₹%")

_NANP = re.compile(r"(?:1[-. ]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-. ]))[2-9]\d\d[-. ]\d{4}")
_NANP_LOOSE = re.compile(r"(?:1[-. ]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])\d{3}[-.]\d{4}")
_NATIONAL = re.compile(
    r"0[1-9]\d{0,4}(?:([ .\-/])\d{2,4}(?:\1\d{2,4}){1,3}|[ \-/]\d{3}[ -]\d{3,5}|[ \-/]\d{6,8})"
    r"|\(0\d{1,4}\)[ -]?\d{2,4}(?:[ -]\d{2,4}){1,3}"
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d(?!\d)"
)
_EXTENSION = re.compile(r",? ?(?:x|ext\.?|extension|#) ?\d{1,6}\b", re.IGNORECASE)


def is_phone(value: str, digits: str, lead: str, tail: str) -> bool:
    """Return whether *value*, whose digits are *digits*, is a telephone number.

    *lead* and *tail* are the lower-case text around it.
    """
    count = len(digits)
    if not 7 <= count <= 15 or (lead and lead[-1] in _MONEY) or tail[:1] in _MONEY:
        return False
    if len(set(digits)) < 3 or _DATE.match(value):
        return False
    international = value.startswith("+") or value.startswith("(+")
    if international and count >= 8 and digits[0] != "0":
        return True
    if value.startswith("00") and count >= 10 and count != len(value):
        return True
    if _OTHER_WORDS.search(lead):
        return False
    grouped = count != len(value)
    if grouped and (
        _NANP.fullmatch(value) or _NANP_LOOSE.fullmatch(value) or _is_national(value, count)
    ):
        return True
    if _PHONE_WORDS.search(lead) or _WORDS_AFTER.match(tail):
        return True
    return grouped and _WORDS_BEFORE_GROUPS.search(lead) is not None and count <= 11


def _is_national(value: str, count: int) -> bool:
    return 9 <= count <= 12 and _NATIONAL.fullmatch(value) is not None


def extension_end(text: str, end: int) -> int:
    """Return where the extension after a number ends, such as `x123`; *end* if there is none."""
    extension = _EXTENSION.match(text, end)
    return extension.end() if extension else end
