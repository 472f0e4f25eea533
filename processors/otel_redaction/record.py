"""State of one record during redaction."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_redaction.patterns.deadline import Deadline

Tally = MutableMapping[str, int]
"""Number of matches by kind."""


@dataclass(slots=True)
class Record:
    """Facts about the current record."""

    tally: Tally | None
    """Counts matches; None without a count."""
    deadline: Deadline
    """Deadline of redaction."""
    people: bool
    """Whether the current text is searched for people: names, addresses, health."""
    known: dict[str, str] = field(default_factory=dict)
    """Values of this record that are hidden in each occurrence, and the kind of each."""

    def count(self, kinds: tuple[str, ...] | list[str]) -> None:
        """Count one match for each of *kinds*."""
        tally = self.tally
        if tally is not None:
            for kind in kinds:
                tally[kind] = tally.get(kind, 0) + 1
