"""Search for people in a text: names of persons, addresses, health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.people.addresses import find_addresses
from otel_redaction.people.health import find_health
from otel_redaction.people.labelled import find_labelled
from otel_redaction.people.persons import find_persons
from otel_redaction.people.stems import lowered

if TYPE_CHECKING:
    from otel_redaction.patterns.match import Match


def find_people(text: str) -> list[Match]:
    """Return every person, address and statement about health in *text*, in any order."""
    lower = lowered(text)
    return [
        *find_persons(text, lower),
        *find_addresses(text, lower),
        *find_health(text, lower),
        *find_labelled(text, lower),
    ]
