"""Drops what a forked child would count a second time.

A child inherits what its parent has measured since the last export. A reader that exports
differences would export it in both.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import AggregationTemporality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# There is no public way to an aggregation; a test with a real fork pins these names.
# ruff: noqa: SLF001
_DELTA = AggregationTemporality.DELTA


def drop_inherited_deltas(providers: Iterable[Any]) -> None:
    """Reset what readers of differences have not exported; in a child, once locks are free."""
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
