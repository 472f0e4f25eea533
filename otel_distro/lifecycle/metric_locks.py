"""Reset of the SDK's metric locks after fork.

The SDK renews the locks of spans and log records at a fork and not those it holds while it adds to
a metric, collects or exports one. The thread that held one in the parent is not in the child, which
would never return, on the app's own thread.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = ("_lock", "_instrument_registration_lock", "_instrument_ids_lock", "_export_lock")


def renew_metric_locks(providers: Iterable[Any]) -> None:
    """Give everything below the meter providers among *providers* new, free locks."""
    _renew_psutil()
    for provider in providers:
        consumer = getattr(provider, "_measurement_consumer", None)
        if consumer is not None:
            for holder in _holders(provider, consumer):
                _renew(holder)


def _renew_psutil() -> None:
    # Held while network and disk counters are read, which a collection does.
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
    """Yield *aggregation*, its reservoir of exemplars, and the one that this wraps."""
    holder = aggregation
    while holder is not None:
        yield holder
        holder = getattr(holder, "_reservoir", None)


def _renew(holder: Any) -> None:
    for name in _NAMES:
        held = getattr(holder, name, None)
        if held is not None:
            plain = isinstance(held, type(threading.Lock()))
            setattr(holder, name, threading.Lock() if plain else threading.RLock())
