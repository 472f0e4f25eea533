"""Reset of the SDK's metric locks after fork.

At a fork the SDK resets the locks of spans and log records, but not those held while it adds to a
metric, collects or exports one. The thread that held one does not exist in the child, which would
deadlock on the app's thread.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = ("_lock", "_instrument_registration_lock", "_instrument_ids_lock", "_export_lock")


def renew_metric_locks(providers: Iterable[Any]) -> None:
    """Replace all locks below the meter providers among *providers*."""
    _renew_psutil()
    for provider in providers:
        consumer = getattr(provider, "_measurement_consumer", None)
        if consumer is not None:
            for holder in _holders(provider, consumer):
                _renew(holder)


def _renew_psutil() -> None:
    # Held while a collection reads network and disk counters.
    numbers = getattr(sys.modules.get("psutil._common"), "_wn", None)
    if numbers is not None:
        numbers.lock = threading.Lock()


def _holders(provider: Any, consumer: Any) -> Iterator[Any]:
    """Yield each object that has locks; a contract test compares this with the SDK."""
    yield from list(provider._meters.values())
    yield consumer
    for reader, storage in list(consumer._reader_storages.items()):
        yield reader
        yield storage
        for matches in list(storage._instrument_view_instrument_matches.values()):
            for match in matches:
                yield match
                series = match._attributes_aggregation.values()
                for aggregation in [match._aggregation, *series]:
                    yield from _with_reservoirs(aggregation)


def _with_reservoirs(aggregation: Any) -> Iterator[Any]:
    """Yield *aggregation*, its exemplar reservoir, and the reservoir that this wraps."""
    holder = aggregation
    while holder is not None:
        yield holder
        holder = getattr(holder, "_reservoir", None)


def _renew(holder: Any) -> None:
    for name in _NAMES:
        lock = getattr(holder, name, None)
        if lock is not None:
            plain = isinstance(lock, type(threading.Lock()))
            setattr(holder, name, threading.Lock() if plain else threading.RLock())
