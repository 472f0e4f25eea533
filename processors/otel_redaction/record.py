"""The state of one record while it is redacted."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_redaction.patterns.deadline import Deadline

Tally = MutableMapping[str, int]
"""How many matches of each kind were found."""


@dataclass(slots=True)
class Record:
    """Known facts about the current record."""

    tally: Tally | None
    """Counts matches; None without a count."""
    deadline: Deadline
    """When redaction must be finished."""
    people: bool
    """Whether the text at hand is searched for people: names, addresses, health."""
    known: dict[str, str] = field(default_factory=dict)
    """Values found in this record that are hidden wherever they recur, and the kind of each."""

    def count(self, kinds: tuple[str, ...] | list[str]) -> None:
        """Count one match for each of *kinds*."""
        tally = self.tally
        if tally is not None:
            for kind in kinds:
                tally[kind] = tally.get(kind, 0) + 1
