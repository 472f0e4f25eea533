"""Find and hide personal data and secrets in text, attributes and log bodies.

Pure Python and standard library only; knows nothing of OpenTelemetry.
"""

from otel_redaction.entry_points import load_detectors
from otel_redaction.match import KINDS, Match, mask
from otel_redaction.policy import ACTIONS, DEFAULT_POLICY, Action, Detector, Policy, PolicyError
from otel_redaction.pseudonyms import PseudonymKey, pseudonym, pseudonyms
from otel_redaction.redactor import AnyValue, Redactor
from otel_redaction.rules import Rule
from otel_redaction.scan import DeadlineExceeded
from otel_redaction.text import find, redact

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
    "Redactor",
    "Rule",
    "find",
    "load_detectors",
    "mask",
    "pseudonym",
    "pseudonyms",
    "redact",
]
