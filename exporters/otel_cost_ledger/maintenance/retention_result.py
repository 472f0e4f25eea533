"""Results of a run of retention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionResult:
    """Counts of one run of retention."""

    deleted_calls: int = 0
    archive: Path | None = None
    longest_lock_ms: float = 0.0
    """Longest time that other writers had to wait."""
    busy: bool = False
    """Whether another process was running retention, so that this one did nothing."""
