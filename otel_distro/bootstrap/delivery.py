"""Delivery of the queued telemetry of a process: flush, exit, fork."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_distro.bootstrap.component import NO_PROVIDERS
from otel_distro.export.exporter_discovery import exporters_of
from otel_distro.lifecycle import provider_shutdown
from otel_distro.lifecycle.inherited_deltas import drop_inherited_deltas
from otel_distro.lifecycle.metric_locks import renew_metric_locks
from otel_distro.pipeline.accounting.late_calls import NOT_PRICED

if TYPE_CHECKING:
    from otel_distro.bootstrap.component import Providers
    from otel_distro.bootstrap.parts import Parts

_LATE_SECONDS = 0.25
"""Additional seconds for the ledger after the exit timeout; less than the grace of
`ShutdownHooks`."""


class ProviderDelivery:
    """The queues and exporters of the providers, and the spool behind them."""

    def __init__(self, parts: Parts) -> None:
        self._outages = parts.outages
        self._spooling = parts.spooling
        self._providers = NO_PROVIDERS

    def start(self, providers: Providers) -> None:
        """Deliver the telemetry of *providers*; put the spool behind their exporters."""
        self._providers = providers
        # Before the first request, so that its failure is reported with the folder.
        self._outages.spool = self._spooling.place()
        self._spooling.attach(exporters_of(*providers))
        self._outages.has_transports = bool(self._spooling.transports)

    def flush(self, deadline: float) -> bool:
        """Deliver all records so far; return whether it succeeded by *deadline*."""
        return provider_shutdown.flush(self._providers, deadline)

    def pending(self) -> bool:
        """Whether any queue holds records."""
        return provider_shutdown.pending(self._providers)

    def drop(self, reason: str) -> None:
        """Drop all queued records: they may no longer be sent."""
        provider_shutdown.drop_queued(self._providers, reason)

    def begin_shutdown(self) -> None:
        """Start the last delivery in all queues at once."""
        self._spooling.begin_close()
        provider_shutdown.begin(self._providers)

    def shutdown(self, deadline: float) -> None:
        """Close everything by *deadline*, in seconds of `time.monotonic()`."""
        provider_shutdown.finish(self._providers, deadline, self._outages, self._spooling)

    def forget_exit_hooks(self) -> None:
        """Unregister the providers' exit hooks, which would wait up to 30 s."""
        for provider in self._providers:
            provider_shutdown.forget_atexit(provider)

    def renew_metric_locks(self) -> None:
        """Reset the SDK's metric locks after fork, before anything is counted."""
        renew_metric_locks(self._providers)
        drop_inherited_deltas(self._providers)

    def at_fork(self) -> None:
        """Reset spool and queues after fork."""
        self._spooling.at_fork()
        provider_shutdown.at_fork(self._providers)


class CallDelivery:
    """Settles model calls while exporters close, and stores them in the ledger afterwards."""

    def __init__(self, parts: Parts) -> None:
        self._wire = parts.wire
        self._accounts = parts.accounts
        self._ledger = parts.ledger
        self._open_requests = parts.traffic.kept if parts.traffic is not None else None
        self._settled = True
        self.is_storing = False
        """Whether the last step, writing calls to disk, has begun."""

    def flush(self, timeout: float) -> bool:
        """Settle all calls so far within *timeout* seconds; return the success."""
        done = self._accounts.flush(timeout)
        if self._ledger is not None:
            self._ledger.leave()
        return done

    def settle(self, deadline: float) -> None:
        """Account for all calls, including those of open requests, which end here."""
        self._wire.close()
        self._settled = self._accounts.flush(max(0.0, deadline - time.monotonic()))
        if not self._settled:
            self._accounts.stop_waiting()

    def store(self) -> None:
        """Write every call, unpriced if it was not priced in time."""
        self.is_storing = True
        # The spool keeps telemetry; a call not queued for the ledger now would be lost.
        settled = self._settled or self._accounts.flush(_LATE_SECONDS)
        unpriced = [] if settled else self._accounts.take_unpriced(NOT_PRICED)
        is_safe = self._ledger is not None and self._ledger.leave(unpriced)
        if self._open_requests is not None:
            self._open_requests.close(remove=is_safe)

    def at_fork(self) -> None:
        """Drop the parent's calls after fork."""
        self.is_storing = False
        if self._open_requests is not None:
            self._open_requests.abandon()
        self._accounts.at_fork()
