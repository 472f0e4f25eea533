"""Find and hide personal data and secrets in text, attributes and log bodies.

Pure Python and standard library only. The two processors for OpenTelemetry are loaded when they
are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.entry_points import load_detectors
from otel_redaction.match import KINDS, Match, mask
from otel_redaction.policy import ACTIONS, DEFAULT_POLICY, Action, Detector, Policy, PolicyError
from otel_redaction.pseudonyms import PseudonymKey, pseudonym, pseudonyms
from otel_redaction.redactor import AnyValue, Redactor
from otel_redaction.rules import Rule
from otel_redaction.scan import DeadlineExceeded
from otel_redaction.text import find, redact

if TYPE_CHECKING:
    from otel_redaction.processor import RedactingLogRecordProcessor, RedactingSpanProcessor

__all__ = [
    "ACTIONS",
    "DEFAULT_POLICY",
    "KINDS",
    "Action",
    "AnyValue",
    "DeadlineExceeded",
    "Detector",
    "Match",
    "Policy",
    "PolicyError",
    "PseudonymKey",
    "RedactingLogRecordProcessor",
    "RedactingSpanProcessor",
    "Redactor",
    "Rule",
    "find",
    "load_detectors",
    "mask",
    "pseudonym",
    "pseudonyms",
    "redact",
]


def __getattr__(name: str) -> object:
    # The adapters import the SDK, a quarter of a second that redacting text does not need.
    if name in {"RedactingSpanProcessor", "RedactingLogRecordProcessor"}:
        from otel_redaction import processor

        return getattr(processor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
