"""Secrets one encoding down are found, and the whole blob is masked."""

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
    """Base64, with or without padding, hexadecimal, and data URLs."""
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


_FAR = "The committee met again in the spring and most of them agreed with the plan. " * 100


@pytest.mark.parametrize(
    ("hidden", "value"),
    [
        ("mail bob%40example.com today", "bob"),
        ("card 4111\u20111111\u20111111\u20111111 please", "1111"),
        ("call \uff0b1\u00a0415\u00a0555\u00a00132 now", "0132"),
        ("pass\u200bword: Tr0ub4dor3", "Tr0ub4dor3"),
        ("key \u2013 '3fa85f64a1b2c3d4e5f60718293a4b5c'", "3fa85f64"),
        (f"token=ghp%5F{'a1B2c3D4' * 5}", "a1B2c3D4"),
        (f"eyJhbGciOiJIUzI1NiJ9%2E{'eyJzdWIiOiIx' * 90}%2E{'sflKxwRJSMeKKF2Q' * 4}", "eyJzdWIi"),
    ],
)
def test_unusual_spellings_are_found_in_a_long_text(hidden: str, value: str) -> None:
    """Only its surroundings are searched in their plain form."""
    assert value not in redact(f"{_FAR}{hidden} {_FAR}")


@pytest.mark.parametrize("dash", ["\u2014\u2013\u2014", "\u2010" * 5, "--\u00ad---"])
def test_a_private_key_with_an_unusual_marker_is_masked_whole(dash: str) -> None:
    """A word processor replaces two hyphens by a dash."""
    dash = dash if len(dash) > 3 else "\u2013\u2013\u2013\u2013\u2013"
    lines = "\n".join(f"MIIEvQ{number:02}" + "aB3dE6gH9jK2mN5p" * 3 for number in range(40))
    text = f"{_FAR}\n{dash}BEGIN PRIVATE KEY{dash}\n{lines}\n{dash}END PRIVATE KEY{dash}\n{_FAR}"

    assert "aB3dE6gH9jK2" not in redact(text)


def test_a_column_with_an_unusually_spelt_name_is_masked_whole() -> None:
    """The rows are far from the header."""
    rows = "\n".join(f"{number},Tr0ub4dor{number}x" for number in range(200))

    assert "Tr0ub4dor199x" not in redact(f"{_FAR}\n\nid,pass\u200bword\n{rows}\n")
