"""Redaction policy: an action for each kind of match and each key."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

from otel_redaction.patterns.match import KINDS, Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_redaction.pseudonyms import PseudonymKey
    from otel_redaction.rules import Rule

Action = Literal["mask", "pseudonym", "drop", "allow"]
ACTIONS: tuple[str, ...] = get_args(Action)

People = Literal["content", "all", "off"]
PEOPLE: tuple[str, ...] = get_args(People)

ALWAYS_REDACTED = frozenset({"private_key", "api_key"})
"""Kinds that allow-lists of keys and values do not allow; only `kinds` does."""


class PolicyError(ValueError):
    """An invalid redaction policy; the message lists every problem."""


@runtime_checkable
class Detector(Protocol):
    """A detector of further kinds, such as a named-entity model."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it reports, for use in policies."""
        ...

    def find(self, text: str) -> Iterable[Match]:
        """Return the matches in *text*, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """User settings of redaction.

    `mask` writes `[EMAIL]`; `pseudonym` writes `email_7f3a...` (a mask without a pseudonym key);
    `drop` removes the whole value with the match; `allow` keeps the match.
    """

    default: Action = "mask"
    """Action for kinds that are not in `kinds`."""
    kinds: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}))
    """Action for each kind of match."""
    keys: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}))
    """Action for values by name, matched by whole segments: `api_key` matches `x-api-key`."""
    allow_keys: frozenset[str] = frozenset()
    """Full names with allowed values, except private keys and API keys."""
    allow_values: frozenset[str] = frozenset()
    """Exact matches that are allowed, except private keys and API keys."""
    allow_query: frozenset[str] = frozenset()
    """URL query parameters whose values are kept in URL attributes."""
    rules: tuple[Rule, ...] = ()
    """Custom patterns."""
    detectors: tuple[Detector, ...] = ()
    """Custom detectors."""
    people: People = "content"
    """Scope of the search for names of persons, addresses and health.

    `content` is text that people write and read: prompts, responses, log bodies; `all` adds every
    other attribute except those with values defined by the semantic conventions.
    """
    pseudonym_key: PseudonymKey | None = field(default=None, repr=False)
    """Key of pseudonyms; without it they become masks."""
    max_value_chars: int = 262_144
    """Maximum characters of a text; the rest is dropped unread."""
    deadline_ms: float = 2_000.0
    """Time limit for one record; after that its content is dropped, not exported."""

    def action(self, kind: str) -> Action:
        """Return the action for a match of *kind*."""
        return self.kinds.get(kind, self.default)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Policy:
        """Build a policy from the `[redaction]` table of a settings file.

        Raises PolicyError, which lists every problem, with the nearest known
        name for each unknown one.
        """
        from otel_redaction.policy_file import policy_from

        return policy_from(mapping)


DEFAULT_POLICY = Policy()

BUILT_IN_KINDS = frozenset(KINDS)
