"""Bitcoin and Ethereum addresses, by their own checksums."""

from __future__ import annotations

import re

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58_FORM = re.compile(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}")
_BECH32_FORM = re.compile(r"(?:bc|tb)1[02-9ac-hj-np-z]{8,87}", re.IGNORECASE)
_ETHEREUM_FORM = re.compile(r"0x[0-9a-fA-F]{40}")
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def is_crypto_address(value: str) -> bool:
    """Return whether *value* is a Bitcoin address with a valid checksum or an Ethereum address."""
    if _ETHEREUM_FORM.fullmatch(value):
        return len(set(value)) > 4
    if _BASE58_FORM.fullmatch(value):
        return _base58_check(value)
    return _BECH32_FORM.fullmatch(value) is not None and _bech32_check(value.lower())


def _base58_check(value: str) -> bool:
    from hashlib import sha256  # costs 2 ms, and most programs never see an address

    number = 0
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
