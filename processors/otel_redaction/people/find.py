"""Search for people in a text: names of persons, addresses, health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.patterns.deadline import check_deadline
from otel_redaction.people.addresses import find_addresses
from otel_redaction.people.health import find_health
from otel_redaction.people.labelled import find_labelled
from otel_redaction.people.persons import find_persons
from otel_redaction.people.word_starts import Lowered

if TYPE_CHECKING:
    from otel_redaction.patterns.deadline import Deadline
    from otel_redaction.patterns.match import Match


def find_people(text: str, deadline: Deadline | None = None) -> list[Match]:
    """Return every person, address and statement about health in *text*, in any order.

    Raises DeadlineExceeded after the record's deadline.
    """
    lower = Lowered(text)
    found: list[Match] = []
    for detector in (find_persons, find_addresses, find_health, find_labelled):
        check_deadline(deadline)
        found += detector(text, lower)
    return found
