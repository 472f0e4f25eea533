"""Redaction of personal data and secrets in text, attributes and log bodies.

Pure Python and standard library only. The two OpenTelemetry processors are imported on first
access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.patterns.deadline import DeadlineExceeded
from otel_redaction.patterns.match import KINDS, Match, mask
from otel_redaction.people_keys import holds_people
from otel_redaction.policy import (
    ACTIONS,
    DEFAULT_POLICY,
    PEOPLE,
    Action,
    Detector,
    People,
    Policy,
    PolicyError,
)
from otel_redaction.pseudonyms import PseudonymKey, pseudonym, pseudonyms
from otel_redaction.redactor import AnyValue, Redactor
from otel_redaction.text import find, redact

if TYPE_CHECKING:
    from otel_redaction.entry_points import load_detectors
    from otel_redaction.processor import RedactingLogRecordProcessor, RedactingSpanProcessor
    from otel_redaction.rules import Rule

__all__ = [
    "ACTIONS",
    "DEFAULT_POLICY",
    "KINDS",
    "PEOPLE",
    "Action",
    "AnyValue",
    "DeadlineExceeded",
    "Detector",
    "Match",
    "People",
    "Policy",
    "PolicyError",
    "PseudonymKey",
    "RedactingLogRecordProcessor",
    "RedactingSpanProcessor",
    "Redactor",
    "Rule",
    "find",
    "holds_people",
    "load_detectors",
    "mask",
    "pseudonym",
    "pseudonyms",
    "redact",
]


_ELSEWHERE = {
    # The adapters import the SDK, which takes a quarter of a second and is not needed for text.
    "RedactingLogRecordProcessor": "processor",
    "RedactingSpanProcessor": "processor",
    # Most programs have no custom rules or detectors.
    "Rule": "rules",
    "load_detectors": "entry_points",
}


def __getattr__(name: str) -> object:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"otel_redaction.{_ELSEWHERE[name]}"), name)
