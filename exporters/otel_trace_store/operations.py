"""Rates, errors and durations by operation and by service, from the hourly sums."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_trace_store.histogram import percentile_us
from otel_trace_store.schema import HOUR_US, storable

if TYPE_CHECKING:
    from otel_trace_store.reader import StoreReader


@dataclass(slots=True)
class OperationSums:
    """Statistics of an operation, or of a service, in a window."""

    service: str
    name: str
    spans: int = 0
    errors: int = 0
    total_us: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def percentile_us(self, share: float) -> float | None:
        """Return the duration below which *share* of the spans lie; None without spans."""
        return percentile_us(self.buckets, share)

    @property
    def mean_us(self) -> float | None:
        """The mean duration; None without spans."""
        return self.total_us / self.spans if self.spans else None


def operation_sums(reader: StoreReader, since_us: int, until_us: int) -> list[OperationSums]:
    """Return sums by service and operation over the hours that overlap the window."""
    found: dict[tuple[str, str], OperationSums] = {}
    for segment in reader:
        for name, service, bucket, spans, errors, total in segment.connection.execute(
            "SELECT text, more, bucket, sum(spans), sum(errors), sum(total_us) "
            "FROM operation_hours JOIN names ON names.id = operation "
            "WHERE hour >= ? AND hour <= ? GROUP BY operation, bucket",
            (storable(since_us) // HOUR_US, storable(until_us) // HOUR_US),
        ):
            key = (service, name)
            sums = found.get(key)
            if sums is None:
                sums = found[key] = OperationSums(service, name)
            sums.spans += spans
            sums.errors += errors
            sums.total_us += total
            sums.buckets[bucket] += spans
    return sorted(found.values(), key=lambda one: (-one.spans, one.service, one.name))


def by_service(operations: list[OperationSums]) -> list[OperationSums]:
    """Return *operations* added up by service."""
    found: dict[str, OperationSums] = {}
    for operation in operations:
        sums = found.setdefault(operation.service, OperationSums(operation.service, ""))
        sums.spans += operation.spans
        sums.errors += operation.errors
        sums.total_us += operation.total_us
        sums.buckets.update(operation.buckets)
    return sorted(found.values(), key=lambda one: (-one.spans, one.service))


def spans_by_hour(reader: StoreReader, since_us: int, until_us: int) -> dict[int, tuple[int, int]]:
    """Return spans and errors by hour, in microseconds since the Unix epoch."""
    by_hour: dict[int, tuple[int, int]] = {}
    for segment in reader:
        for hour, spans, errors in segment.connection.execute(
            "SELECT hour, sum(spans), sum(errors) FROM operation_hours "
            "WHERE hour >= ? AND hour <= ? GROUP BY hour",
            (storable(since_us) // HOUR_US, storable(until_us) // HOUR_US),
        ):
            known = by_hour.get(hour * HOUR_US, (0, 0))
            by_hour[hour * HOUR_US] = (known[0] + spans, known[1] + errors)
    return dict(sorted(by_hour.items()))
