"""The `[fast]` gate changes the speed and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_redaction import engine, gate

if TYPE_CHECKING:
    from otel_redaction import Match

pytest.importorskip("re2", reason="google-re2 is not installed: the gate is off")

_FILLER = "words and more words follow here, as they do in prose. "
_PIECES = st.one_of(
    st.sampled_from(
        (
            "maria@example.org",
            "4111 1111 1111 1111",
            "IBAN GB29 NWBK 6016 1331 9268 19",
            "078-05-1123",
            "call (415) 555-0132",
            "10.0.0.1",
            "::1",
            "AA-BB-CC-DD-EE-0F",
            "0012.3456.789A",
            "password=hunter22",
            "password hunter22",
            "my secret is a1B2c3D4e5F6",
            "--token abc123def456",
            "ENV API_KEY abc123def456",
            'X_TOKEN", "eu1m6boi0z3cccrr',
            "Cookie: a=b; c d e",
            "cvv 123",
            "born on May 12, 1990",
            "https://a:b@c.example/",
            "bearer abc12345",
            "basic dXNlcjpwYXNz",
            "\\n",
            '\\"',
            "[EMAIL]",
            "AB 12 34 56 C",
        )
    ),
    st.text(max_size=20),
    st.integers(1, 120).map(lambda count: _FILLER * count),
    st.from_regex(r"[A-Za-z0-9_=:/@., -]{1,40}", fullmatch=True),
)


def _without_gate(text: str) -> list[Match]:
    with mock.patch.object(gate, "_gate", return_value=None):
        return engine.find_all(text)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_PIECES, max_size=8).map(" ".join))
def test_the_gate_loses_nothing_and_adds_nothing(text: str) -> None:
    """Whatever stands near a border between chunks, the matches are the same."""
    padded = _FILLER * 6 + text

    assert engine.find_all(padded) == _without_gate(padded)


@pytest.mark.parametrize(
    "offset",
    [*range(1930, 2070, 7), *range(4050, 4110, 7), *range(8130, 8250, 7), *range(9150, 9270, 7)],
)
def test_a_match_across_a_chunk_border_is_found(offset: int) -> None:
    """Windows overlap by more than any detector looks back."""
    text = (_FILLER * 200)[:offset] + " card 4047737215142 and " + _FILLER * 200

    assert [match.kind for match in engine.find_all(text)] == ["card"]


def test_clean_text_is_not_searched() -> None:
    """Prose without an anchor is rejected by the gate alone."""
    assert gate.regions(_FILLER * 300) == []
