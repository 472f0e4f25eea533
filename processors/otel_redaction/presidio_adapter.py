"""Detector of names and places with presidio-analyzer, in addition to the built-in patterns.

Off by default: it needs presidio-analyzer and a language model, takes milliseconds for each text,
and is sometimes wrong, as models are.

    from otel_redaction import Policy, Redactor
    from otel_redaction.presidio_adapter import PresidioDetector

    redactor = Redactor(Policy(detectors=(PresidioDetector(),)))

To use it in every process, register it in the entry point group `otel_distro_detectors` with the
value `otel_redaction.presidio_adapter:PresidioDetector`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_redaction.patterns.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterable

ENTITIES = {"PERSON": "person", "LOCATION": "place", "NRP": "affiliation"}
"""Presidio's names of entities that patterns cannot find -> kind."""


class PresidioDetector:
    """Finds names of people, places and affiliations with presidio."""

    kinds = tuple(ENTITIES.values())

    def __init__(
        self, *, language: str = "en", least_score: float = 0.6, analyzer: Any = None
    ) -> None:
        self._language = language
        self._least_score = least_score
        self._analyzer = analyzer

    def find(self, text: str) -> Iterable[Match]:
        """Return the names in *text* above presidio's confidence threshold."""
        if self._analyzer is None:
            # Slow to import and to create: only on the first text.
            self._analyzer = import_module("presidio_analyzer").AnalyzerEngine()
        found = self._analyzer.analyze(text=text, language=self._language, entities=list(ENTITIES))
        return [
            Match(result.start, result.end, ENTITIES[result.entity_type])
            for result in found
            if result.score >= self._least_score
        ]
