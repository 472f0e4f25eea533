"""Detector of names and places by presidio-analyzer, beside the built-in patterns.

Off unless asked for: it needs presidio-analyzer and a language model, takes
milliseconds for each text, and is wrong now and then, as models are.

    from otel_redaction import Policy, Redactor
    from otel_redaction.presidio_adapter import PresidioDetector

    redactor = Redactor(Policy(detectors=(PresidioDetector(),)))

To use it in every process, announce it under the entry point group
`otel_distro_detectors` with the value
`otel_redaction.presidio_adapter:PresidioDetector`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_redaction.patterns.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterable

ENTITIES = {"PERSON": "person", "LOCATION": "place", "NRP": "affiliation"}
"""What patterns cannot find, by presidio's name, and the kind each becomes."""


class PresidioDetector:
    """A detector that asks presidio for names of people, places and affiliations."""

    kinds = tuple(ENTITIES.values())

    def __init__(
        self, *, language: str = "en", least_score: float = 0.6, analyzer: Any = None
    ) -> None:
        self._language = language
        self._least_score = least_score
        self._analyzer = analyzer

    def find(self, text: str) -> Iterable[Match]:
        """Return the names in *text* that presidio is sure enough of."""
        if self._analyzer is None:
            # Slow to import and to make: only when a text arrives.
            self._analyzer = import_module("presidio_analyzer").AnalyzerEngine()
        found = self._analyzer.analyze(text=text, language=self._language, entities=list(ENTITIES))
        return [
            Match(result.start, result.end, ENTITIES[result.entity_type])
            for result in found
            if result.score >= self._least_score
        ]
