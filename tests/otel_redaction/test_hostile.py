"""Texts made to be slow: time grows with length, never with its square."""

from __future__ import annotations

import time

import pytest

from otel_redaction import Redactor

_SIZE = 40_000
_UNITS = (
    *'a0A @.:-_=/"\\%&[]{}(<>,+~|',
    "a@", "a@a.", "1.", "0 ", "01 ", "+1", "415-555-", "4111 ", "password=", "token=x", "key",
    "secret is ", "--token ", "://", "http://a?b=c&", "eyJ", "-----BEGIN PRIVATE KEY-----", "GB29 ",
    "a:", "::", "aa-", "sk-", "ghp_", "bearer ", "curl -u ", "cookie: a=", '"a":', "\\n", "\u200b",
    "４", "%40", "&#64;", "my number is ", "account ", "date of birth ", "cvv ", "[EMAIL]", "\x00",
)  # fmt: skip


@pytest.mark.parametrize("unit", _UNITS)
def test_time_is_linear(unit: str) -> None:
    """Four times the text takes about four times as long; a square would take sixteen."""
    redactor = Redactor()

    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            redactor.find(text)
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(_SIZE // 4), seconds(_SIZE)

    # Below 20 ms the clock and the neighbours decide, not the text.
    assert large < 0.02 or large < 9 * small
