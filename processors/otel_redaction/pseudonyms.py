"""Pseudonyms: the same value has the same pseudonym everywhere; only the key relates them.

HMAC-SHA-256 with a secret key, never a plain hash: phone numbers are few enough to hash them all.
Destroying the key makes every pseudonym meaningless.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from otel_redaction.patterns.lazy_pattern import lazy_pattern

_SHORTEST = 16
_ID = lazy_pattern(r"[a-z0-9]{1,12}")
_HEX_DIGITS = 24


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """The secret key of pseudonyms, and its id."""

    secret: bytes = field(repr=False)
    """At least 16 bytes, from a file or a secret store."""
    id: str = ""
    """Up to 12 lower-case letters and digits, written into each pseudonym; for rotation."""
    previous: tuple[PseudonymKey, ...] = ()
    """Retired keys: never used for new pseudonyms, but `pseudonyms` still finds their old ones."""

    def __post_init__(self) -> None:
        if len(self.secret) < _SHORTEST:
            raise ValueError(
                f"a pseudonym key needs at least {_SHORTEST} bytes, got {len(self.secret)}"
            )
        if self.id and not _ID.fullmatch(self.id):
            raise ValueError(
                f"pseudonym key id {self.id!r} must be 1 to 12 lower-case letters or digits"
            )

    def rotated(self, secret: bytes, key_id: str) -> PseudonymKey:
        """Return a new key with this one among its previous keys."""
        return PseudonymKey(secret, key_id, (self, *self.previous))


def pseudonym(kind: str, value: str, key: PseudonymKey) -> str:
    """Return the pseudonym of *value* with *key*, such as `email_7f3a...` or `email_k2_7f3a...`.

    Equivalent spellings (case of an address, separators of a number) have the same pseudonym.
    """
    import hmac  # loads OpenSSL, which most programs do not need

    message = f"{kind}\0{_canonical(kind, value)}".encode("utf-8", "surrogatepass")
    digest = hmac.new(key.secret, message, "sha256").hexdigest()[:_HEX_DIGITS]
    return "_".join(part for part in (kind, key.id, digest) if part)


def pseudonyms(kind: str, value: str, key: PseudonymKey) -> list[str]:
    """Return the pseudonyms of *value* with *key* and every previous key, newest first."""
    return [pseudonym(kind, value, each) for each in (key, *key.previous)]


_NUMBERED = frozenset({"card", "phone", "us_ssn", "bank_account"})


def _canonical(kind: str, value: str) -> str:
    if kind in _NUMBERED:
        return "".join(character for character in value if character.isdigit())
    if kind in {"iban", "national_id"}:
        return "".join(character for character in value if character.isalnum()).upper()
    return value.strip().lower() if kind in {"email", "ip_address", "mac_address"} else value
