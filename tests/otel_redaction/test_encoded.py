"""Secrets one encoding down are found, and the whole blob goes."""

from __future__ import annotations

import base64

import pytest

from otel_redaction import redact

_TEXTS = (
    ("user=bob@example.org&password=hunter22", "[EMAIL]"),
    ("my card is 4111 1111 1111 1111 thanks", "[CARD]"),
)


@pytest.mark.parametrize(("text", "marker"), _TEXTS)
@pytest.mark.parametrize("encoding", ["standard", "url", "hexadecimal", "data"])
def test_an_encoded_secret_goes(text: str, marker: str, encoding: str) -> None:
    """Base64, with or without padding, hexadecimal, and URLs that hold their data."""
    data = text.encode()
    blob = {
        "standard": base64.b64encode(data).decode(),
        "url": base64.urlsafe_b64encode(data).decode().rstrip("="),
        "hexadecimal": data.hex(),
        "data": "data:text/plain;base64," + base64.b64encode(data).decode(),
    }[encoding]

    redacted = redact(f"got {blob} there")

    assert redacted == f"got {blob.rpartition(',')[0]}{',' * (',' in blob)}{marker} there"
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    "blob",
    [
        base64.b64encode(b"nothing in here at all, only words").decode(),
        b"nothing in here, only words".hex(),
        "0af7651916cd43dd8448eb211c80319c",
        "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAJCAYAAAALpr0T",
    ],
)
def test_an_encoded_text_without_secrets_stays(blob: str) -> None:
    """So do ids and pictures, which encode no text."""
    assert redact(f"got {blob} there") == f"got {blob} there"
