"""Redaction of one text under a policy: find matches, keep allowed ones, write markers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from otel_redaction.patterns.match import Match, mask, merged
from otel_redaction.policy import ALWAYS_REDACTED, Action, Policy
from otel_redaction.pseudonyms import pseudonym
from otel_redaction.recurrence import recurring, with_recurrences

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from otel_redaction.patterns.deadline import Deadline

    class FindAll(Protocol):
        """Type of `engine.find_all`."""

        def __call__(
            self, text: str, deadline: Deadline | None = None, *, people: bool = False
        ) -> list[Match]:  # pyright: ignore[reportReturnType]
            """Return the matches in *text*."""


_ROUNDS = 12
"""Maximum rescans after markers; a longer chain exceeds the deadline first."""
_SEARCHED_AGAIN = 1024
"""Texts up to this length are searched again as a whole, longer ones around the markers."""


class Dropped(Exception):  # it is not an error
    """The policy drops the value being redacted."""


class TextRedactor:
    """Redacts texts under one policy, independent of their format."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._takes_all = not (
            policy.rules or policy.detectors or policy.kinds or policy.allow_values
        ) and (policy.default != "allow")

    def find(
        self, text: str, deadline: Deadline | None = None, *, people: bool = False
    ) -> list[Match]:
        """Return the matches in *text* that the policy hides, in order, without overlaps.

        There is no time limit if *deadline* is None.
        """
        matches = self._find_by_pattern(text, deadline, people=people)
        if not self._takes_all:
            for detector in self.policy.detectors:
                matches = matches + [Match(*found) for found in detector.find(text)]
            matches = self._not_allowed(text, matches)
        known = recurring(text, matches) if matches else None
        return with_recurrences(text, matches, known) if known else matches

    def _find_by_pattern(
        self, text: str, deadline: Deadline | None, *, people: bool
    ) -> list[Match]:
        matches = _engine()(text, deadline, people=people)
        for rule in self.policy.rules:
            matches = matches + [
                Match(*found.span(), rule.kind) for found in rule.pattern.finditer(text)
            ]
        return matches

    def _not_allowed(self, text: str, matches: list[Match]) -> list[Match]:
        policy = self.policy
        if policy.rules or policy.detectors:
            matches = merged([match for match in matches if match.end > match.start])
        if policy.kinds or policy.allow_values or policy.default == "allow":
            matches = [match for match in matches if not self._allows(text, match)]
        return matches

    def _allows(self, text: str, match: Match) -> bool:
        if self.policy.action(match.kind) == "allow":
            return True
        value = text[match.start : match.end]
        return value in self.policy.allow_values and match.kind not in ALWAYS_REDACTED

    def redact_until_stable(
        self, text: str, matches: list[Match], deadline: Deadline | None, *, people: bool = False
    ) -> tuple[str, tuple[str, ...]]:
        """Return *text* with markers for *matches* and uncovered ones, and the hidden kinds.

        There is no time limit if *deadline* is None.
        """
        kinds: list[str] = []
        for _ in range(_ROUNDS):
            if not matches:
                break
            kinds += [match.kind for match in matches]
            replaced = self.replaced(text, matches)
            # Custom detectors may be slow: they run again only if the built-in ones find more.
            edges = replaced
            if len(text) > _SEARCHED_AGAIN:
                edges = _surroundings()(text, matches)
            text = replaced
            rest = edges and self._not_allowed(
                edges, self._find_by_pattern(edges, deadline, people=people)
            )
            matches = self.find(text, deadline, people=people) if rest else []
        return text, tuple(kinds)

    def replaced(self, text: str, matches: list[Match]) -> str:
        """Return *text* with a marker for each match, quoted in place of a JSON number."""
        parts: list[str] = []
        position = 0
        quoted = '"' in text
        for match in matches:
            marker = self.marker(match.kind, text[match.start : match.end])
            if quoted and _is_json_number(text, match):
                marker = f'"{marker}"'
            parts += [text[position : match.start], marker]
            position = match.end
        parts.append(text[position:])
        return "".join(parts)

    def marker(self, kind: str, value: str, action: Action | None = None) -> str:
        """Return the replacement of *value*; raise Dropped if it must be removed."""
        action = action or self.policy.action(kind)
        if action == "drop":
            raise Dropped
        if action == "pseudonym" and self.policy.pseudonym_key is not None:
            return pseudonym(kind, value, self.policy.pseudonym_key)
        return mask(kind)


@cache
def _engine() -> FindAll:
    # The patterns take 40 ms to compile, on the first record instead of on import.
    from otel_redaction.engine import find_all

    return find_all


@cache
def _surroundings() -> Callable[[str, list[Match]], str]:
    from otel_redaction.rescan import around

    return around


def _is_json_number(text: str, match: Match) -> bool:
    """Return whether the match is a JSON number, in which case its marker needs quotes."""
    if not text[match.start : match.end].lstrip("-").isdigit():
        return False
    lead = text[max(0, match.start - 8) : match.start].rstrip()
    tail = text[match.end : match.end + 8].lstrip()
    return lead.endswith(('":', "[", ",")) and tail[:1] in {",", "}", "]"}
