"""Bitcoin and Ethereum addresses, by their own checksums."""

from __future__ import annotations

import re

from otel_redaction.patterns.lazy_pattern import lazy_pattern

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_SET = frozenset(_BASE58)
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58_FORM = lazy_pattern(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}")
_BECH32_FORM = lazy_pattern(r"(?:bc|tb)1[02-9ac-hj-np-z]{8,87}", re.IGNORECASE)
_ETHEREUM_FORM = lazy_pattern(r"0x[0-9a-fA-F]{40}")
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


# Other chains: the same checksum with another first letter, or a distinct prefix.
_OTHER_BASE58 = lazy_pattern(r"[LMDXATr79][1-9A-HJ-NP-Za-km-z]{25,34}")
_LOWER_PREFIXES = (
    *("addr1", "stake1", "cosmos1", "osmo1", "terra1", "ltc1", "bnb1", "inj1", "sei1"),
    *("bitcoincash:q", "bitcoincash:p", "0:"),
)
_PREFIXED = lazy_pattern(
    rf"(?:{'|'.join(_LOWER_PREFIXES)})[a-z0-9]{{30,110}}"
    r"|G[A-Z2-7]{55}|4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}|8[1-9A-HJ-NP-Za-km-z]{94}|tz[1-4][1-9A-HJ-NP-Za-km-z]{33}"
)
_LOWER_BEGINNINGS = ("0x", "bc1", "tb1", *_LOWER_PREFIXES)
_APART = frozenset((b" ", b"\t", b"\n", b'"', b"'", b":", b"(", b"=", b","))
_ANY_FORM = lazy_pattern(r"(?:[13LMDXATr][a-zA-Z0-9]{25,34}|[1-9A-HJ-NP-Za-km-z]{32,44})")
_MONEY_WORDS = lazy_pattern(
    rb"\b(?:bitcoin|btc|litecoin|ltc|doge|crypto|wallet|ethereum|eth|monero|xmr|solana|sol|ripple|xrp|tron|trx|"
    rb"0x[0-9a-f]{40}|transactions?|transfers?|transferred|funds|linked to|dash|cardano|stellar|payments? via|cryptocurrency|\w{3,8}coin)s?\b"
)


def is_crypto_address(value: str, lead: bytes = b"") -> bool:
    """Return whether *value* is an address of a chain, by its checksum or the words in *lead*."""
    if value.islower() and not value.startswith(_LOWER_BEGINNINGS):
        return False  # most ids: the other forms mix cases
    if _ETHEREUM_FORM.fullmatch(value):
        return len(set(value)) > 4
    if _BASE58_FORM.fullmatch(value) and _base58_check(value):
        return True
    if _OTHER_BASE58.fullmatch(value) and _base58_check(value):
        return True
    if _PREFIXED.fullmatch(value) and any(map(str.isdigit, value)):
        return True
    if lead[-1:] in _APART and _ANY_FORM.fullmatch(value) and _MONEY_WORDS.search(lead):
        return any(map(str.isdigit, value)) and not value.islower()
    return _BECH32_FORM.fullmatch(value) is not None and _bech32_check(value.lower())


def _base58_check(value: str) -> bool:
    from hashlib import sha256  # costs 2 ms, and most programs never see an address

    number = 0
    if not _BASE58_SET.issuperset(value):
        return False
    for character in value:
        number = number * 58 + _BASE58.index(character)
    if number >= 1 << 200:
        return False
    payload = number.to_bytes(25, "big")
    return sha256(sha256(payload[:21]).digest()).digest()[:4] == payload[21:]


def _bech32_check(value: str) -> bool:
    prefix, _, data = value.partition("1")
    values = [ord(letter) >> 5 for letter in prefix] + [0]
    values += [ord(letter) & 31 for letter in prefix]
    values += [_BECH32.index(letter) for letter in data]
    check = 1
    for item in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ item
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}
