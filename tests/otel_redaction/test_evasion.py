"""Obfuscated secrets that a plain pattern misses, and the offsets of matches."""

from __future__ import annotations

import pytest

from otel_redaction import find, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param("b\u200bob@exam\u200bple.com", "[EMAIL]", id="zero-width"),
        pytest.param("ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[EMAIL]", id="full-width"),
        pytest.param("４１１１ １１１１ １１１１ １１１１", "[CARD]", id="full-width digits"),
        pytest.param("𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏", "[CARD]", id="mathematical digits"),
        pytest.param("٤١١١١١١١١١١١١١١١", "[CARD]", id="arabic digits"),
        pytest.param("4111‑1111‑1111‑1111", "[CARD]", id="odd dashes"),
        pytest.param("4111\u00a01111\u00a01111\u00a01111", "[CARD]", id="odd spaces"),
        pytest.param("4111-1111 1111.1111", "[CARD]", id="mixed separators"),
        pytest.param("bob%40example.com", "[EMAIL]", id="percent"),
        pytest.param("bob%2540example.com", "[EMAIL]", id="percent twice"),
        pytest.param("%34%31%31%31 1111 1111 1111", "[CARD]", id="percent digits"),
        pytest.param("bob&#64;example.com", "[EMAIL]", id="html number"),
        pytest.param("bob&commat;example&period;com", "[EMAIL]", id="html name"),
        pytest.param("bob\\u0040example.com", "[EMAIL]", id="backslash"),
        pytest.param("&quot;pwd&quot;:&quot;x7!kq&quot;", "&quot;pwd&quot;:&quot;[PASSWORD]&quot;"),
        pytest.param("?next=%2Fa%3Ftoken%3Dabcd1234efgh", "?next=%2Fa%3Ftoken%3D[TOKEN]"),
    ],
)
def test_a_disguised_secret_is_found(text: str, redacted: str) -> None:
    """The whole disguise is replaced, and nothing beside it."""
    assert redact(text) == redacted


def test_offsets_refer_to_the_original() -> None:
    """Offsets count characters that were removed or decoded for the search."""
    text = "é\u200b x bob%40exa\u200bmple.com y"

    (match,) = find(text)

    assert text[match.start : match.end] == "bob%40exa\u200bmple.com"


@pytest.mark.parametrize(
    "text", ["https://x.example/a%20b%2Fc", "caf\u00e9 \u201cquoted\u201d \u2013 dash", "5 &amp; 6"]
)
def test_ordinary_encoding_is_left_alone(text: str) -> None:
    """Most percent-encoding hides nothing."""
    assert redact(text) == text
