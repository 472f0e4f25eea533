"""Generated attribute values, with specimens of every detector side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

_KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PIECES = (
    *("maria@example.org", "4111 1111 1111 1111", "4111111111111111", "GB29NWBK60161331926819"),
    *("078-05-1123", "+14155550132", "415-555-0132", "call 5551234567", "203.0.113.9", _KEY),
    *("AKIA" + "Z7QK3MNP5RSTUVW2", "secret ", "key", "is ", "card "),
    *("fe80::1ff:fe23:4567:890a", "AA-BB-CC-DD-EE-0F", "0012.3456.789A",),
    *("password=hunter22", "password: ", "password=", "token=", "token: ", "=", ":"),
    *("my secret is a1B2c3D4e5F6", "--token abc123def456", "ENV API_KEY abc123def456", "cvv 123"),
    *("Cookie: a=b; c d e", "born on May 12, 1990", "https://a:b@c.example/", "bearer abc12345"),
    *("basic dXNlcjpwYXNz", "AB 12 34 56 C", "cpf 529.982.247-25", "account number 12345678"),
    *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", "lat 51.50741", "mysql -pabc123"),
    *("-----BEGIN PRIVATE " + "KEY-----MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "0x" + "ab12" * 10),
    *("my name is Maria Schmidt", "Mr. Brown", "12 High Street", "patient has diabetes"),
    *("\\n", '\\"', "\\", "[EMAIL]", "[", "]", "{", "}", '"', "'", ",", ";", " ", "\n", "%40"),
    *("&#64;", "\u200b", "\uff14", "9", "a", "A", "-", "/", ".", "?sig=", "://", "@"),
    *("my ssn is ", "curl -u bob:", "INSERT INTO t (a, password) VALUES (1, 'x y')", "-p", "pw: "),
    *("\x1b[31m", "MTIzNDU2Nzg5MA==", "data:text/plain;base64,", "aHVudGVyMg==", "$2b$12$"),
)  # fmt: skip
_NAMES = ("password", "api_key", "cookie", "max_tokens", "gen_ai.prompt", "body", "name", "value")


def text(rng: random.Random) -> str:
    """Return up to six pieces side by side."""
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 6)))


def attributes(rng: random.Random) -> dict[str, Any]:
    """Return one or two attributes: texts, lists, mappings, mixed and nested, or JSON of them."""
    made = {rng.choice((*_NAMES, "k", text(rng))): _value(rng, 0) for _ in range(rng.randint(1, 2))}
    if rng.random() < 0.3:
        return {
            "gen_ai.output.messages": json.dumps(made, default=str, indent=rng.choice((None, 2)))
        }
    return made


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.random()
    if depth > 2 or kind < 0.45:
        return text(rng)
    if kind < 0.5:
        return rng.choice(
            (None, True, 1, 4111111111111111, 5551234567, 1.5, 51.50741, b"a@b.example \xff")
        )
    if kind < 0.85:
        return [
            _value(rng, depth + 1) if rng.random() < 0.4 else text(rng)
            for _ in range(rng.randint(0, 4))
        ]
    names = (*_NAMES, text(rng), text(rng))
    return {rng.choice(names): _value(rng, depth + 1) for _ in range(rng.randint(0, 3))}
