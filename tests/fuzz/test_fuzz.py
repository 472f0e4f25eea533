"""The fuzz targets for a moment each; `run.py` beside this file searches for longer."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutation import mutated
from fuzz.targets import TARGETS
from otel_redaction import redact

MUTATIONS = 300
FOUND = (
    '{"api_key": "sk-ant-api03-x", "path": "C:\\temp\\hers"}',
    '{"api_key": "sk-ant-api03-x", "note": "two\nlines\tand a tab"}',
    "https://ann:secret@host.example" + "/p?token=abcpassword" * 7,
)
"""Inputs found by `run.py`: nearly JSON, and long chains."""


@pytest.mark.parametrize("text", FOUND)
def test_fixed_findings_stay_fixed(text: str) -> None:
    """A key rule applies to a slightly invalid document; a chain is followed to its end."""
    redacted = redact(text)

    assert "sk-ant-api03-x" not in redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize("name", TARGETS)
def test_no_mutation_of_usual_input_breaks_it(name: str) -> None:
    """The same mutations in every run; `run.py` tries others."""
    target, rng = TARGETS[name], random.Random(name)
    for seed in target.seeds:
        target.feed(seed)
    for _ in range(MUTATIONS):
        data = mutated(target, rng)
        try:
            target.feed(data)
        except Exception as error:
            raise AssertionError(f"broken by {data!r}") from error


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_at_all_break_it(name: str, data: bytes) -> None:
    """Empty input included."""
    TARGETS[name].feed(data)
