"""Search for personal data and secrets in one text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from otel_redaction.deobfuscation import plain
from otel_redaction.detectors.assignments import find_assignments
from otel_redaction.detectors.birth_dates import find_birth_dates
from otel_redaction.detectors.credentials import find_credentials
from otel_redaction.detectors.emails import find_emails
from otel_redaction.detectors.iban import find_ibans
from otel_redaction.detectors.lettered_ids import find_pans
from otel_redaction.detectors.network import find_network_addresses
from otel_redaction.detectors.numbers import find_numbers
from otel_redaction.detectors.tabular_secrets import find_paired
from otel_redaction.detectors.tokens import find_tokens
from otel_redaction.fast_path import is_words_only
from otel_redaction.patterns.match import Match, merged
from otel_redaction.patterns.scan import Scan, flattened

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.patterns.deadline import Deadline


def find_all(text: str, deadline: Deadline | None = None, *, people: bool = False) -> list[Match]:
    """Return every match of every built-in kind, in order and without overlaps.

    There is no time limit if *deadline* is None.

    With *people*, persons, addresses and health are searched for as well.
    """
    matches = [] if is_words_only(text) else search(text, deadline)
    if people:
        matches += _find_people()(flattened(text), deadline)
    unfolded = plain(text)
    if unfolded is not None:
        for offset, stretch in unfolded.stretches():
            for match in search(stretch, deadline):
                start, end = unfolded.original(match.start + offset, match.end + offset)
                matches.append(Match(start, end, match.kind))
    return merged(matches)


@cache
def _find_people() -> Callable[[str, Deadline | None], list[Match]]:
    # Its vocabularies take megabytes: loaded with the first text to search for people.
    from otel_redaction.people.find import find_people

    return find_people


def search(text: str, deadline: Deadline | None = None) -> list[Match]:
    """Return the matches in the original *text*, in any order."""
    return _search_region(Scan(flattened(text), deadline))


def _search_inside(text: str) -> list[Match]:
    """Return the matches in a decoded *text*, without decoding again."""
    return [] if is_words_only(text) else _search_region(Scan(flattened(text)), inside=False)


def _search_region(scan: Scan, *, inside: bool = True) -> list[Match]:
    if "@" in scan.text:
        find_emails(scan)
    if b"0" in scan.shape:
        find_ibans(scan)
        find_numbers(scan)
        find_birth_dates(scan)
    scan.check_deadline()
    find_network_addresses(scan)
    find_tokens(scan, _search_inside if inside else None)
    find_pans(scan)
    scan.check_deadline()
    find_credentials(scan)
    find_assignments(scan)
    find_paired(scan)
    return scan.matches
