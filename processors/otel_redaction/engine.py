"""Find everything that must not leave in one text."""

from __future__ import annotations

from otel_redaction.detectors.assignments import find_assignments
from otel_redaction.detectors.credentials import find_credentials
from otel_redaction.detectors.emails import find_emails
from otel_redaction.detectors.iban import find_ibans
from otel_redaction.detectors.network import find_network_addresses
from otel_redaction.detectors.numbers import find_numbers
from otel_redaction.detectors.tokens import find_tokens
from otel_redaction.match import Match, merged
from otel_redaction.scan import Scan


def find_all(text: str, deadline: float | None = None) -> list[Match]:
    """Return every match of every built-in kind, in order and without overlaps."""
    scan = Scan(text, deadline)
    if "@" in text:
        find_emails(scan)
    if b"0" in scan.shape:
        find_ibans(scan)
        find_numbers(scan)
    find_network_addresses(scan)
    find_tokens(scan)
    find_credentials(scan)
    find_assignments(scan)
    return merged(scan.matches)
