"""Detectors from other packages: loaded on request, refused when broken."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from otel_redaction import Match, Policy, PolicyError, load_detectors, redact
from otel_redaction.presidio_adapter import PresidioDetector


@dataclass
class _Result:
    start: int
    end: int
    entity_type: str
    score: float


class _Analyzer:
    """A fake of presidio, which is too large to install for a test."""

    def analyze(self, *, text: str, language: str, entities: list[str]) -> list[_Result]:
        assert language == "en"
        assert "PERSON" in entities
        start = text.index("Maria")
        return [_Result(start, start + 5, "PERSON", 0.9), _Result(0, 1, "LOCATION", 0.1)]


class Names:
    kinds = ("person",)

    def find(self, text: str) -> list[Match]:
        return [Match(0, 1, "person")]


def _announce(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    entries = tuple(EntryPoint(f"d{i}", value, "g") for i, value in enumerate(values))
    monkeypatch.setattr("opentelemetry.util._importlib_metadata.entry_points", lambda **_: entries)


def test_no_announced_detector_means_none() -> None:
    """Only installed packages are imported."""
    assert load_detectors() == ()


def test_an_announced_class_is_made_into_a_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point names a detector or its factory."""
    _announce(monkeypatch, "otel_redaction.presidio_adapter:PresidioDetector")

    (detector,) = load_detectors()

    assert detector.kinds == ("person", "place", "affiliation")


@pytest.mark.parametrize("value", ["otel_redaction:nothing", "otel_redaction:Policy", "no.such:x"])
def test_a_broken_detector_is_a_settings_error(monkeypatch: Any, value: str) -> None:
    """A detector that is silently missing would leak values that it should find."""
    _announce(monkeypatch, value)

    with pytest.raises(PolicyError, match="d0"):
        load_detectors()


def test_presidio_finds_names_beyond_patterns() -> None:
    """Its sure results join the built-in ones; its guesses do not."""
    policy = Policy(detectors=(PresidioDetector(analyzer=_Analyzer()),))

    assert redact("Is Maria a@example.org?", policy) == "Is [PERSON] [EMAIL]?"
