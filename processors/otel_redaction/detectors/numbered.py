"""Numbers that only the words before them can name: national ids, bank accounts, birth dates."""

from __future__ import annotations

import re

from otel_redaction.checksums import luhn

_LABELS = (
    (
        "us_ssn",
        re.compile(r"\b(?:ssn|social security(?: number| no\.?| #)?)\W{0,4}(?:is\W{1,3})?$"),
    ),
)


def labelled_kind(value: str, digits: str, lead: str) -> str:
    """Return the kind of the number after *lead*, or an empty string if nothing names it."""
    for kind, label in _LABELS:
        if label.search(lead) and len(digits) == 9:
            return kind
    return ""


__all__ = ["labelled_kind", "luhn"]
