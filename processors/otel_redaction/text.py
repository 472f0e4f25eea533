"""Functions to redact and search a single text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.policy import DEFAULT_POLICY, Policy
from otel_redaction.redactor import Redactor

if TYPE_CHECKING:
    from otel_redaction.patterns.match import Match

_default = Redactor(DEFAULT_POLICY)


def find(text: str, policy: Policy | None = None) -> list[Match]:
    """Return the sensitive matches in *text*: offsets and kinds, in order, without overlaps."""
    return _redactor(policy).find(text, content=True)


def redact(text: str, policy: Policy | None = None) -> str:
    """Return *text* with a marker such as `[EMAIL]` in place of each match.

    Redaction is idempotent, and a JSON document stays valid.
    """
    return _redactor(policy).text(text, content=True)


def _redactor(policy: Policy | None) -> Redactor:
    # For a loop, create a Redactor: this function reads the policy again on each call.
    return _default if policy is None or policy is DEFAULT_POLICY else Redactor(policy)
