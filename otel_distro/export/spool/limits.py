"""Limits of the spool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """Limits of one folder of the spool."""

    max_bytes: int = 64 * 2**20
    """For each signal an app sends to one endpoint; beyond it the oldest is dropped first."""

    def with_megabytes(self, megabytes: float | None) -> SpoolLimits:
        """Return these limits with another size, if one is given."""
        return self if megabytes is None else SpoolLimits(int(megabytes * 2**20))


DEFAULT_SPOOL_LIMITS = SpoolLimits()
