"""Payment cards, by issuer and check digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.detectors.context import vocabulary
from otel_redaction.patterns.checksums import luhn
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from otel_redaction.detectors.context import Context

_CARD_WORDS = vocabulary(
    "card cards cc ccn pan credit debit visa mastercard maestro amex american discover diners jcb "
    "unionpay mir cvv cvc kaart kort kortti karta kartu kartı karte karten kreditkarte kreditkartennummer tarjeta carte carta cartao "
    "cartão creditcard cardnumber bancaire"
)
# Prefixes and lengths of the issuers. A number in the first table is always a card; one in the
# second only if grouped like a card number. Next to a word about cards any number of 12 to 19
# digits with a valid check digit is a card, since issuers open new ranges every year.
_STRONG = lazy_pattern(
    r"4\d{15}"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}"  # Discover
    r"|3(?:0[0-5]|095|[689]\d)\d{11,13}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|220[0-4]\d{12}"  # Mir
    r"|62\d{14}"  # UnionPay
    r"|(?:5018|5019|5020|5038|5893|6304|6759|676[1-3])\d{12}"  # Maestro
    # UATP: 1 and the accounting code of an airline that issues cards
    r"|1(?:001|006|014|016|047|071|081|086|127|131|169|220|235|257|275|279|324|422|526|838)\d{11}"
)
_GROUPED = lazy_pattern(
    r"4(?:\d{12}|\d{18})"
    r"|(?:5018|5019|5020|5038|5[6-8]\d\d|6304|6390|67\d\d)\d{8,15}"
    r"|(?:2131|1800)\d{11}"
    r"|1\d{14}"
    r"|62\d{15,17}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{15}"
    r"|35(?:2[89]|[3-8]\d)\d{15}"
)


_LABEL = lazy_pattern(r"\b(?:card|cc|pan)[ _-]?(?:number|no|nr|num|#)\W{0,3}(?:is|was|:)?\W{0,3}\Z")


def is_card(digits: str, context: Context, *, grouped: bool) -> bool:
    """Return whether *digits* is a payment card; *grouped* if it is written in groups."""
    if not 12 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    if not luhn(digits):
        # A typing error; the label identifies the value.
        return (
            grouped
            and len(digits) in {15, 16}
            and _LABEL.search(context.lead) is not None
            and digits[0] in "3456"
        )
    if _STRONG.fullmatch(digits) or not _CARD_WORDS.isdisjoint(context.words):
        return True
    return grouped and _GROUPED.fullmatch(digits) is not None
