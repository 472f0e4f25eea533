"""Properties for every text: redaction never raises, is idempotent, and keeps JSON valid."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from otel_redaction import Redactor, find, redact

SECRETS = (
    "maria@example.org",
    "4111 1111 1111 1111",
    "GB29NWBK60161331926819",
    "078-05-1123",
    "+14155550132",
    "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "AKIAZ7QK3MNP5RSTUVW2",
    "203.0.113.9",
)
_PIECES = st.one_of(
    st.sampled_from(SECRETS),
    st.sampled_from(
        ("password=", "token: ", '"', "\\", "\\n", "@", ":", "://", "[EMAIL]", "=", "{", "}", "%40")
    ),
    st.sampled_from(
        (" call ", "card ", "my ssn is ", "--token ", "bearer ", "&#64;", "\u200b", "４")
    ),
    st.text(max_size=12),
    st.from_regex(r"[0-9 .()+-]{1,24}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_=:/@.-]{1,30}", fullmatch=True),
)
TEXTS = st.lists(_PIECES, max_size=8).map("".join)
DOCUMENTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(("password", "api_key", "cookie", "max_tokens")), TEXTS),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
relaxed = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(TEXTS)
def test_find_never_raises_and_its_matches_are_in_order(text: str) -> None:
    """Matches are within the text and do not overlap."""
    matches = find(text)

    ends = [0, *(match.end for match in matches)]
    assert all(match.start < match.end <= len(text) for match in matches)
    assert all(end <= match.start for end, match in zip(ends, matches, strict=False))


@relaxed
@given(TEXTS)
def test_redacting_twice_changes_nothing(text: str) -> None:
    """Markers are not redacted again."""
    once = redact(text)

    assert redact(once) == once


@relaxed
@given(st.sampled_from(SECRETS), st.text(alphabet="abc ,;\n", max_size=40), st.text(max_size=40))
def test_no_secret_in_the_output(secret: str, before: str, after: str) -> None:
    """A secret that is a separate word is redacted in any surroundings."""
    assert secret not in redact(f"{before} {secret} {after}")


@relaxed
@given(DOCUMENTS, st.sampled_from((None, 2)), st.booleans())
def test_valid_json_stays_valid_json(document: Any, indent: int | None, ascii_only: bool) -> None:
    """A consumer that parses an attribute can still parse it."""
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    if text[0] in '{["':
        json.loads(redact(text))


@pytest.mark.slow
@relaxed
@given(st.dictionaries(TEXTS, DOCUMENTS, max_size=4))
@example({"": ["password=\\", "password=maria@example.org"]})
@example({"k": ["@@", ["A/curl -u bob:", "4111 1111 1111 1111=[card "], ""]})
@example({"k": ["-078-05-1123 curl -u bob:\uff14", f"{SECRETS[5]}/:+14155550132\\bearer abc12345"]})
@example(
    {"k": ["0xab token: ", "curl -u bob:4111111111111111", "%40://", "token: =bearer abc12345"]}
)
@example(
    {"lat 51.50741-----BEGIN PRIVATE KEY-----MIIEvQIBADANBgkqhkiG9w0B": "=GB29NWBK60161331926819"}
)
def test_attributes_are_final_too(attributes: dict[str, Any]) -> None:
    """Redaction of redacted attributes changes nothing."""
    redactor = Redactor()

    once = redactor.attributes(attributes)

    assert redactor.attributes(once) == once


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_survives_two_layers_of_json(secret: str) -> None:
    """Tool arguments arrive as JSON in JSON."""
    inner = json.dumps({"value": secret, "n": 1})
    text = json.dumps([{"arguments": inner}])

    redacted = redact(text)

    assert secret not in redacted
    assert json.loads(json.loads(redacted)[0]["arguments"])["n"] == 1
