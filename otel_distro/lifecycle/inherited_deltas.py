"""Drops measurements that a forked child would export twice.

A child inherits its parent's measurements since the last export. A delta reader would export them
in both processes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import AggregationTemporality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Aggregations have no public API; a test with a real fork pins these names.
# ruff: noqa: SLF001
_DELTA = AggregationTemporality.DELTA


def drop_inherited_deltas(providers: Iterable[Any]) -> None:
    """Reset unexported deltas in a child, after its locks were reset."""
    now = time.time_ns()
    for provider in providers:
        consumer = getattr(provider, "_measurement_consumer", None)
        if consumer is not None:
            for aggregation in _delta_aggregations(consumer):
                aggregation.collect(_DELTA, now)


def _delta_aggregations(consumer: Any) -> Iterator[Any]:
    for reader, storage in list(consumer._reader_storages.items()):
        for instrument, matches in list(storage._instrument_view_instrument_matches.items()):
            if reader._instrument_class_temporality.get(type(instrument)) is not _DELTA:
                continue
            for match in matches:
                for aggregation in list(match._attributes_aggregation.values()):
                    if getattr(aggregation, "_instrument_aggregation_temporality", None) is _DELTA:
                        yield aggregation
