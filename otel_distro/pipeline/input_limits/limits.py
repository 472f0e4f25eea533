"""Size limits of one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ValueLimits:
    """Limits of one attribute, log body or name; the excess is dropped and counted."""

    max_chars: int = 262_144
    """Characters of one text, bytes of one byte string. A prompt of 60,000 tokens fits."""
    max_items: int = 1_000
    """Items of one list or mapping."""
    max_depth: int = 16
    """Nesting levels of lists and mappings. C++ receivers refuse 100 nested messages, and each
    level is three."""
    max_parts: int = 10_000
    """Items of one value, over all levels."""
    max_key_chars: int = 1_024

    def with_variables(self, environ: Mapping[str, str]) -> ValueLimits:
        """Return these limits, raised if OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT is higher.

        Smaller values of that variable are enforced by the SDK itself.
        """
        try:
            limit = int(environ.get("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", ""))
        except ValueError:
            return self
        return replace(self, max_chars=max(limit, self.max_chars))


VALUE_LIMITS = ValueLimits()
