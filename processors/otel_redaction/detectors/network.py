"""IPv6 and hardware addresses, anchored on colons; IPv4 is found with the other numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.words import words

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

# What every address has: two colons in a row, or six with numbers between. Times have two.
_COLON_RUN = lazy_pattern(rb":(?::|(?:[0-9A-Fa-f]{1,4}:){5})")
_H2 = r"[0-9A-Fa-f]{2}"
_H4 = r"[0-9A-Fa-f]{4}"
# Each is anchored on a separator, which the search finds at memory speed, and examines the
# preceding digits only then.
_MAC_FORMS = (
    (b":", 2, lazy_pattern(rf":{_H2}:{_H2}:{_H2}:{_H2}:{_H2}")),
    (b"-", 2, lazy_pattern(rf"-{_H2}-{_H2}-{_H2}-{_H2}-{_H2}")),
    (b".", 4, lazy_pattern(rf"\.{_H4}\.{_H4}")),
)
_IPV6 = lazy_pattern(r"[0-9A-Fa-f:.]{2,60}(?:%\w{1,16})?(?:/\d{1,3})?")
_IPV6_REVERSED = lazy_pattern(r"[0-9A-Fa-f:.]{0,45}")
_UP_TO_255 = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = lazy_pattern(rf"{_UP_TO_255}(?:\.{_UP_TO_255}){{3}}")
RESERVED_NETWORKS = words(
    "0.0.0.0/0 0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 127.0.0.1/32 127.0.0.1/8 "
    "169.254.0.0/16 172.16.0.0/12 192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 "
    "203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 ::/0 ::/128 ::1/128 64:ff9b::/96 "
    "100::/64 2001:db8::/32 fc00::/7 fd00::/8 fe80::/10 ff00::/8 2000::/3 2002::/16 2001::/32"
)
"""Ranges reserved by standards; written as ranges, as programs do, they identify no machine."""
_QUOTES = frozenset({'"', "'", "`"})
_ADDRESS_WORDS = lazy_pattern(
    r"\b(?:address|any|bind|host|ip|ipv6|listen\w*|loopback|unspecified)\b"
)


def find_network_addresses(scan: Scan) -> None:
    """Add hardware addresses and IPv6 addresses and networks."""
    for separator, width, form in _MAC_FORMS:
        if separator in scan.data:
            _find_mac(scan, width, form)
    if b":" in scan.data:
        _find_ipv6(scan)


def _find_mac(scan: Scan, width: int, form: re.Pattern[str]) -> None:
    text = scan.text
    for tail in form.finditer(text):
        start, end = tail.start() - width, tail.end()
        value = text[max(start, 0) : end].upper()
        if start < 0 or not _HEX.issuperset(value[:width]) or not _is_separate(text, start, end):
            continue
        # A run of one digit (all zero, broadcast) names no device; a dotted
        # form without a letter is a version or an amount.
        several = len(set(value)) > 2
        if several and (width == 2 or not _DECIMAL.issuperset(value)):
            scan.add(start, end, "mac_address")


_HEX = frozenset("0123456789ABCDEF")
_DECIMAL = frozenset("0123456789.")
_NEAR = 64


def _is_separate(text: str, start: int, end: int) -> bool:
    lead = text[start - 1 : start]
    if lead and (lead.isalnum() or lead in "_-." or (lead == ":" and _hex_pair(text, start - 3))):
        return False
    tail = text[end : end + 2]
    if not tail:
        return True
    if tail[0].isalnum() or tail[0] == "_":
        return False
    return not (tail[0] in ":-" and tail[1:].isalnum())


def _hex_pair(text: str, start: int) -> bool:
    pair = text[max(0, start) : start + 2]
    return len(pair) == 2 and all(character in "0123456789abcdefABCDEF" for character in pair)


def _find_ipv6(scan: Scan) -> None:
    text = scan.text
    done = 0
    for anchor in _COLON_RUN.finditer(scan.data):
        colon = anchor.start()
        if colon < done:
            continue
        lead = _IPV6_REVERSED.match(text[max(done, colon - 45) : colon][::-1])
        start = colon - (lead.end() if lead else 0)
        run = _IPV6.match(text, start)
        if run is None:
            continue
        done = run.end()
        end = _ipv6_end(text, run)
        if end:
            scan.add(start, end, "ip_address")


def _ipv6_end(text: str, run: re.Match[str]) -> int:
    """Return the end of the address in *run*, or 0 if it is none."""
    start, end = run.span()
    value = run.group()
    while value and value[-1] in ".:" and not value.endswith("::"):
        value = value[:-1]
        end -= 1
    address = re.split("[%/]", value, maxsplit=1)[0]
    if text[start - 1 : start].isalnum() or text[start - 1 : start] in {"_", "-", ":"}:
        return 0
    if text[end : end + 1].isalnum() or text[end : end + 1] == "_":
        return 0
    if not is_ipv6(address) or (
        value.lower() in RESERVED_NETWORKS and text[start - 1 : start] in _QUOTES
    ):
        return 0
    bare = address.replace(":", "")
    if not bare and value == address and not _is_alone(text, start, end):
        # A lone `::` is an operator in a dozen languages.
        return end if _ADDRESS_WORDS.search(text[max(0, start - 20) : start].lower()) else 0
    if bare and not any(character.isdigit() for character in bare):
        return 0
    return end


def _is_alone(text: str, start: int, end: int) -> bool:
    # The neighbouring characters are checked first: the whole text would be copied for each `::`.
    near = text[max(0, start - _NEAR) : start] + text[end : end + _NEAR]
    return not near.strip() and text.strip() == text[start:end]


def is_ipv6(address: str) -> bool:
    """Return whether *address* is a complete IPv6 address, compressed or not."""
    head, compressed, tail = address.partition("::")
    if "::" in tail or tail.startswith(":") or head.endswith(":"):
        return False
    groups = [group for part in (head, tail) if part for group in part.split(":")]
    if not groups:
        return bool(compressed)
    count = len(groups)
    if "." in groups[-1]:
        if not is_ipv4(groups.pop()):
            return False
        count += 1
    if not all(0 < len(group) <= 4 and "." not in group for group in groups):
        return False
    return count < 8 if compressed else count == 8


def is_ipv4(address: str) -> bool:
    """Return whether *address* is four decimal numbers up to 255, without leading zeros."""
    return _IPV4.fullmatch(address) is not None
