"""Shuts down providers in bounded time: our processors, the SDK's and others."""

from __future__ import annotations

import atexit
import threading
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider

from otel_distro.export.exporter_discovery import processors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_distro.export.export_queue import ExportQueue
    from otel_distro.export.outages import Outages
    from otel_distro.export.spooling import Spooling


_GRACE = 0.3
"""Seconds for the rest after a failed delivery during shutdown without a spool."""
_FOR_QUEUES = 0.6
"""Share of the time for spans and log records; the rest is for the metrics that count them."""
_HURRY_AFTER = 0.4
_SLICE = 0.01


def begin(providers: Iterable[Any]) -> None:
    """Start delivery of the queues at once; spans and log records of open calls may follow."""
    for queue in _queues(providers):
        queue.flush_soon()


def finish(providers: Iterable[Any], deadline: float, outages: Outages, spooling: Spooling) -> None:
    """Close everything by *deadline*, in seconds of `time.monotonic()`; sooner on failures."""
    began = time.monotonic()
    queues = list(_queues(providers))
    for queue in queues:
        queue.begin_close()
    _wait_for_queues(queues, began, deadline, outages, spooling)
    enough = began + (deadline - began) * _FOR_QUEUES
    for processor in processors(providers):
        _close_processor(processor, min(enough, time.monotonic()), deadline)
    spooling.stop_unreachable()
    # Metrics come last: they report the delivery of everything else.
    closers = [
        _close_metrics(provider, deadline, outages)
        for provider in providers
        if isinstance(provider, MeterProvider)
    ]
    closing = time.monotonic()
    while time.monotonic() < deadline and not all(done.is_set() for done in closers):
        if _is_hopeless(closing, outages, spooling) or spooling.is_stuck("metrics"):
            break
        time.sleep(_SLICE)
    spooling.save_metrics()
    spooling.end_close(deadline)


def _wait_for_queues(
    queues: list[ExportQueue[Any]],
    began: float,
    deadline: float,
    outages: Outages,
    spooling: Spooling,
) -> None:
    enough = began + (deadline - began) * _FOR_QUEUES
    while time.monotonic() < enough and not all(queue.idle for queue in queues):
        if _is_hopeless(began, outages, spooling):
            return
        for queue in queues:
            queue.abandon_if_stuck()
            if time.monotonic() > began + (deadline - began) * _HURRY_AFTER:
                queue.spill_pending()
        time.sleep(_SLICE)


def _is_hopeless(began: float, outages: Outages, spooling: Spooling) -> bool:
    """Whether waiting is useless; with a spool, failed records go to disk at once instead."""
    spooling.stop_unreachable()
    if spooling.is_spooling or outages.last_failure <= began:
        return False
    return time.monotonic() > outages.last_failure + _GRACE


def flush(providers: Iterable[Any], deadline: float) -> bool:
    """Deliver all records queued so far; return whether it succeeded by *deadline*.

    *deadline* is in seconds of `time.monotonic()`.
    """
    done = True
    for provider in providers:
        force_flush = getattr(provider, "force_flush", None)
        if force_flush is not None:
            remaining = max(1, int((deadline - time.monotonic()) * 1000))
            try:
                done = force_flush(remaining) is not False and done
            except Exception:  # the SDK raises when a reader times out
                done = False
    return done


def pending(providers: Iterable[Any]) -> bool:
    """Whether any queue, ours or the SDK's, holds records."""
    return any(_queued(processor) for processor in processors(providers))


def drop_queued(providers: Iterable[Any], reason: str) -> None:
    """Drop queued records, also in the SDK's queues: they may no longer be sent."""
    providers = tuple(providers)
    for queue in _queues(providers):
        queue.drop_all(reason)
    for processor in processors(providers):
        batch = getattr(processor, "_batch_processor", None)
        waiting = getattr(batch, "_queue", None)
        if waiting is not None:
            waiting.clear()


def at_fork(providers: Iterable[Any]) -> None:
    """Reset our queues after fork; the SDK resets its own."""
    for queue in _queues(providers):
        queue.at_fork()


def forget_atexit(provider: Any) -> None:
    """Unregister the provider's exit hook, which would wait up to 30 s."""
    for name in ("_atexit_handler", "_at_exit_handler"):
        handler = getattr(provider, name, None)
        if handler is not None:
            atexit.unregister(handler)


def _close_metrics(provider: MeterProvider, deadline: float, outages: Outages) -> threading.Event:
    """Start the last export of metrics; return an event that is set at its end."""
    done = threading.Event()

    def close() -> None:
        timeout = deadline - time.monotonic()
        try:
            provider.shutdown(timeout_millis=max(1.0, timeout * 1000))
        except Exception:  # the SDK raises if a reader is not done in time
            outages.lost("metric exports", 1)
        done.set()

    try:
        threading.Thread(target=close, name="otel_distro-metrics", daemon=True).start()
    except RuntimeError:  # from Python 3.12 on, no thread can start while the interpreter exits
        close()
    return done


def _close_processor(processor: Any, for_queues: float, deadline: float) -> None:
    remaining = max(0.0, deadline - time.monotonic())
    queue = getattr(processor, "queue", None)
    batch = getattr(processor, "_batch_processor", None)
    try:
        if queue is not None:
            queue.end_close(for_queues)
        elif batch is not None:
            batch.shutdown(timeout_millis=int(remaining * 1000))
        else:
            processor.shutdown()
    except Exception:  # nothing may block the exit
        pass


def _queued(processor: Any) -> bool:
    queue = getattr(processor, "queue", None)
    if queue is not None:
        return bool(queue.pending)
    batch = getattr(processor, "_batch_processor", None)
    return bool(getattr(batch, "_queue", ()))


def _queues(providers: Iterable[Any]) -> Iterator[ExportQueue[Any]]:
    for processor in processors(providers):
        queue = getattr(processor, "queue", None)
        if queue is not None:
            yield queue
