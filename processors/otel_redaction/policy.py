"""The redaction policy: an action for each kind of match and each key."""

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
"""Kinds that no allow-list of keys or values lets through; only `kinds` can allow them."""


class PolicyError(ValueError):
    """A redaction policy that cannot be used; the message lists every problem."""


@runtime_checkable
class Detector(Protocol):
    """Something that finds more kinds of match, such as a name-finding model."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds it reports, so that a policy can name them."""
        ...

    def find(self, text: str) -> Iterable[Match]:
        """Return the matches in *text*, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a user can decide about redaction.

    `mask` writes `[EMAIL]`; `pseudonym` writes `email_7f3a...` (a mask while
    there is no pseudonym key); `drop` leaves out the whole value that holds the
    match; `allow` lets it through.
    """

    default: Action = "mask"
    """What happens to kinds that `kinds` does not name."""
    kinds: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}))
    """What happens to each kind of match."""
    keys: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}))
    """What happens to values by name, matched by whole segments: `api_key` matches `x-api-key`."""
    allow_keys: frozenset[str] = frozenset()
    """Full names whose values pass, except private keys and API keys."""
    allow_values: frozenset[str] = frozenset()
    """Exact matches that pass, except private keys and API keys."""
    allow_query: frozenset[str] = frozenset()
    """URL query parameters whose values are kept in URL attributes."""
    rules: tuple[Rule, ...] = ()
    """Patterns of the user's own."""
    detectors: tuple[Detector, ...] = ()
    """Detectors of the user's own."""
    people: People = "content"
    """Where names of persons, addresses and health are looked for.

    `content` is what people write and read: prompts, answers, log bodies; `all` adds every
    other attribute but those whose values the semantic conventions define.
    """
    pseudonym_key: PseudonymKey | None = field(default=None, repr=False)
    """What pseudonyms are made with; without it they become masks."""
    max_value_chars: int = 262_144
    """Longer texts are cut here; the rest is dropped unread."""
    deadline_ms: float = 2_000.0
    """The longest one record may take; after that its content is dropped, not exported."""

    def action(self, kind: str) -> Action:
        """Return what to do about a match of *kind*."""
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
