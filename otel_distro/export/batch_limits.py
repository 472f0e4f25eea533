"""Limits of export queues: bytes by our setting, counts by OTEL_B*."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Limits of one export queue."""

    max_queue_bytes: int = 64 * MEGABYTE
    """About 20,000 spans with ten attributes each. Above a quarter of it, threads that add records
    yield to the worker; at the limit the oldest record is dropped."""
    max_queue_size: int | None = None
    """In records; None unless set by the user."""
    max_batch_size: int = 512
    max_batch_bytes: int = 4 * MEGABYTE
    """In memory; encoded it is smaller, and gRPC servers accept 4 MB."""
    delay_seconds: float = 1.0
    """Upstream waits five for spans; a kill -9 loses the records in memory."""

    def with_variables(self, environ: Mapping[str, str], prefix: str) -> BatchLimits:
        """Return these limits overridden by OTEL_<prefix>_*; invalid values are ignored."""
        size = _positive(environ.get(f"OTEL_{prefix}_MAX_QUEUE_SIZE"))
        batch = _positive(environ.get(f"OTEL_{prefix}_MAX_EXPORT_BATCH_SIZE"))
        delay_ms = _positive(environ.get(f"OTEL_{prefix}_SCHEDULE_DELAY"))
        batch = batch or self.max_batch_size
        return replace(
            self,
            max_queue_size=size,
            max_batch_size=batch if size is None else min(batch, size),
            delay_seconds=delay_ms / 1000 if delay_ms else self.delay_seconds,
        )

    def with_queue_megabytes(self, megabytes: float | None) -> BatchLimits:
        """Return these limits with another size of the queue."""
        if megabytes is None:
            return self
        return replace(self, max_queue_bytes=max(1, int(megabytes * MEGABYTE)))


def _positive(text: str | None) -> int | None:
    try:
        number = int(text or "")
    except ValueError:
        return None
    return number if number > 0 else None


DEFAULT_LIMITS: Final = BatchLimits()
