"""Rules by the name of a value under one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.patterns.keys import secret_kind, segments
from otel_redaction.patterns.match import MASK
from otel_redaction.patterns.telemetry_keys import IDENTIFIERS

if TYPE_CHECKING:
    from otel_redaction.policy import Action, Policy


class KeyRules:
    """Names with a rule in a policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rules: list[tuple[list[str], Action]] = [
            (segments(name), action) for name, action in policy.keys.items()
        ]
        self._allowed = policy.allow_keys | IDENTIFIERS

    def decide(self, key: str) -> tuple[str, Action] | None:
        """Return the kind and action determined by the name alone, or None."""
        if not key or key in self._allowed:
            return None
        if "[" in key:
            key = MASK.sub("", key)  # a redacted name has no meaning
        if self._rules:
            words = segments(key)
            for rule, action in self._rules:
                if _contains(words, rule):
                    return None if action == "allow" else ("_".join(rule), action)
        kind = secret_kind(key)
        if kind is None:
            return None
        action = self._policy.action(kind)
        return None if action == "allow" else (kind, action)


def _contains(words: list[str], rule: list[str]) -> bool:
    span = len(rule)
    return any(words[start : start + span] == rule for start in range(len(words) - span + 1))
