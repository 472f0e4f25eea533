"""Encryption of content with a public key, without access to the private key.

Each record has its own key: an ephemeral X25519 exchange with the user's public key, HKDF, and
ChaCha20-Poly1305, which also authenticates the ids of the span: records cannot be swapped. A
program can only encrypt. Needs the extra `content` (cryptography).
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from otel_distro.base.errors import OtelDistroError
from otel_distro.settings.parsers import CONTENT_KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

_PRIVATE_PREFIX = "otc1-private-"
_VERSION = b"\x01"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_PURPOSE = b"otel-distro content v1"
"""Part of the key derivation: a change makes all earlier records unreadable."""


class ContentKeyError(OtelDistroError):
    """A key is invalid, or does not match the record."""


def new_key_pair() -> tuple[str, str]:
    """Return a new private key and its public key, both as text."""
    private_key = _curve().X25519PrivateKey.generate()
    return (
        _PRIVATE_PREFIX + _text(private_key.private_bytes_raw()),
        CONTENT_KEY_PREFIX + _text(private_key.public_key().public_bytes_raw()),
    )


def sealer(public_key: str) -> Callable[[bytes, bytes], bytes]:
    """Return a function that encrypts (content, ids) for *public_key*."""
    curve = _curve()
    recipient = _bytes(public_key.removeprefix(CONTENT_KEY_PREFIX))
    to = curve.X25519PublicKey.from_public_bytes(recipient)

    def seal(content: bytes, ids: bytes) -> bytes:
        ephemeral = curve.X25519PrivateKey.generate()
        sender = ephemeral.public_key().public_bytes_raw()
        cipher, nonce = _cipher(ephemeral.exchange(to), sender + recipient)
        return bytes(_VERSION + sender + cipher.encrypt(nonce, content, ids))

    return seal


def opener(private_key: str) -> Callable[[bytes, bytes], bytes]:
    """Return a function that decrypts (sealed, ids); raises ContentKeyError for an invalid key."""
    curve = _curve()
    text = private_key.strip()
    raw = _bytes(text.removeprefix(_PRIVATE_PREFIX)) if text.startswith(_PRIVATE_PREFIX) else b""
    if len(raw) != _KEY_BYTES:
        raise ContentKeyError(
            "not a private content key; "
            "name the file that `otel-distro privacy content keygen` wrote"
        )
    ephemeral = curve.X25519PrivateKey.from_private_bytes(raw)
    recipient = ephemeral.public_key().public_bytes_raw()

    def open_sealed(sealed: bytes, ids: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        head = len(_VERSION) + _KEY_BYTES
        if not sealed.startswith(_VERSION) or len(sealed) <= head:
            raise ContentKeyError("not a record of this version")
        sender = sealed[len(_VERSION) : head]
        try:
            shared = ephemeral.exchange(curve.X25519PublicKey.from_public_bytes(sender))
            cipher, nonce = _cipher(shared, sender + recipient)
            return bytes(cipher.decrypt(nonce, sealed[head:], ids))
        except (InvalidTag, ValueError) as error:
            raise ContentKeyError(
                "this key does not decrypt the record: it was encrypted for another key, or changed"
            ) from error

    return open_sealed


def _cipher(shared: bytes, parties: bytes) -> tuple[Any, bytes]:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    length = _KEY_BYTES + _NONCE_BYTES
    derived = HKDF(SHA256(), length, salt=parties, info=_PURPOSE).derive(shared)
    return ChaCha20Poly1305(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]


def _curve() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import x25519
    except ImportError as error:
        raise ContentKeyError(
            "encrypting content needs cryptography; run: pip install 'otel-distro[content]'"
        ) from error
    return x25519


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "==")
    except ValueError:
        return b""
