"""Counters of invalid input by kind; each kind is reported once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otel_distro.base.messages import warn_once

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.limits import ValueLimits

TOO_LONG: Final = "too_long"
TOO_MANY: Final = "too_many_items"
TOO_DEEP: Final = "too_deep"
NOT_UTF8: Final = "not_utf8"
NOT_FINITE: Final = "not_finite"
TOO_LARGE: Final = "too_large_number"
NO_KEY: Final = "no_key"
UNREADABLE: Final = "unreadable"
NO_TIME: Final = "no_time"
NO_NUMBER: Final = "no_number"
REFUSED: Final = "refused"


class InvalidInputCounter:
    """Counts by kind; approximate under concurrency, never raises."""

    def __init__(self, limits: ValueLimits) -> None:
        self.counts: Counter[str] = Counter()
        self._words = {
            TOO_LONG: f"a text of more than {limits.max_chars:,} characters was cut; "
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT allows more",
            TOO_MANY: f"a list or mapping of more than {limits.max_items:,} items was cut",
            TOO_DEEP: f"a value nested deeper than {limits.max_depth} levels was cut",
            NOT_UTF8: "text with lone surrogates or NUL had these replaced by U+FFFD",
            NOT_FINITE: "a number that is not finite was written as text",
            TOO_LARGE: "an integer of more than 64 bits was written as text",
            NO_KEY: "an attribute without a usable name was left out",
            UNREADABLE: "an object that cannot be turned into text was replaced by its type",
            NO_TIME: "a time that is not in integer nanoseconds since 1970 was left out",
            NO_NUMBER: "a measurement that is not a finite number was left out",
            REFUSED: "arguments that OpenTelemetry cannot use were left out",
        }

    def at_fork(self) -> None:
        """Reset after fork."""
        self.counts.clear()

    def note(self, kind: str, where: str = "") -> None:
        """Count one of *kind*; report the first, with the attribute or call *where*."""
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            try:
                place = f" ({where})" if where.isprintable() and where else ""
                warn_once(f"telemetry: {self._words[kind]}{place}; others like it are only counted")
            except Exception:  # a warning must not raise into the app
                pass
