"""The running distribution: starts, flushes, shuts down and forks its components."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_distro.base.installation_key import installation_key
from otel_distro.bootstrap.background_imports import import_for_background
from otel_distro.bootstrap.component import Providers
from otel_distro.bootstrap.components import list_components
from otel_distro.bootstrap.delivery import CallDelivery, ProviderDelivery
from otel_distro.bootstrap.parts import make_parts
from otel_distro.bootstrap.protection import Protection
from otel_distro.export.batching import BoundedLogRecordProcessor, BoundedSpanProcessor
from otel_distro.lifecycle.running_imports import wait_for_imports
from otel_distro.lifecycle.shutdown_hooks import ShutdownHooks
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_distro.export.delivery_reports import Deliveries
    from otel_distro.settings import Settings

_IMPORT_SECONDS = 1.0
"""Longest wait of a fork for imports on other threads, in seconds."""


class Runtime:
    """The process-wide state; created once, after settings are read."""

    def __init__(self, settings: Settings, *, withhold: bool, endpoint: str) -> None:
        self.settings = settings
        import_for_background(settings)
        parts = make_parts(settings, withhold=withhold, endpoint=endpoint)
        self.internal_errors = parts.internal_errors
        self.gate = parts.gate
        self.shield = parts.redactors.exporting
        self.ledger = parts.ledger
        self.budgets = parts.budgets
        self.pipeline = parts.pipeline
        self.deliveries: Deliveries = parts.deliveries
        self._accounts = parts.accounts
        self._protection = Protection(parts.pipeline, self.shield, parts.gate.is_open)
        self._delivery = ProviderDelivery(parts)
        self._calls = CallDelivery(parts)
        self._exits = ShutdownHooks(self, settings.exit_timeout)
        self._pseudonym_key: bytes | None = None
        self._closed = False
        self._forked = False
        self.components = list_components(
            self, parts, self._protection, self._delivery, self._calls
        )

    def batch_spans(self, exporter: SpanExporter) -> SpanProcessor:
        """Return the batch processor for an exporter selected by the environment."""
        return BoundedSpanProcessor(exporter, self.settings.span_limits, self.deliveries)

    def batch_log_records(self, exporter: LogRecordExporter) -> LogRecordProcessor:
        """Return the batch processor for an exporter selected by the environment."""
        return BoundedLogRecordProcessor(exporter, self.settings.log_limits, self.deliveries)

    @property
    def guard_ok(self) -> bool:
        """Whether the guard is installed and the canary was masked."""
        return self._protection.is_in_place

    def pseudonym_key(self) -> bytes | None:
        """Return the key of user pseudonyms; None if it cannot be stored."""
        if self._pseudonym_key is None:
            self._pseudonym_key = installation_key(self.settings.state_dir)
        return self._pseudonym_key

    def attach(
        self, tracer_provider: object, logger_provider: object, meter_provider: object
    ) -> None:
        """Start all components with the providers, and hook into exit and fork.

        Raises GuardError; unguarded providers export nothing by then.
        """
        providers = Providers(tracer_provider, logger_provider, meter_provider)
        for component in self.components:
            try:
                component.start(providers)
            except Exception as error:
                if component.essential:
                    raise
                self.internal_errors.record(component.name, error)
        self._exits.install()
        fork_hooks.register(
            Stage.RUNTIME,
            before=self._before_fork,
            after_in_parent=self._accounts.after_fork_in_parent,
            after_in_child=self._after_fork,
        )

    def flush(self, timeout: float) -> bool:
        """Settle and deliver all records so far within *timeout* seconds; return the success."""
        deadline = time.monotonic() + timeout
        settled = self._calls.flush(timeout)
        return self._delivery.flush(deadline) and settled

    def pending(self) -> bool:
        """Whether any record is waiting to be settled or delivered.

        The process that booted always has its last metrics to deliver; forked children end often
        and quickly, and wait only for their own records.
        """
        if self._closed:
            return False
        return not self._forked or self._accounts.pending() or self._delivery.pending()

    def is_storing_calls(self) -> bool:
        """Whether closing has reached its last step, writing calls to disk."""
        return self._calls.is_storing

    def close(self, timeout: float) -> None:
        """Shut down all components within *timeout* seconds, once; never raises."""
        if self._closed:
            return
        self._closed = True
        deadline = time.monotonic() + timeout
        for component in self.components:
            try:
                component.shutdown(deadline)
            except Exception as error:  # nothing may block the exit
                self.internal_errors.record("exit", error)

    def _before_fork(self) -> None:
        self._accounts.before_fork()
        wait_for_imports(_IMPORT_SECONDS)

    def _after_fork(self) -> None:
        self._exits.at_fork()
        self._closed = False
        self._forked = True
        for component in self.components:
            try:
                component.after_fork()
            except Exception as error:  # the others must not inherit locks that are held
                self.internal_errors.record(component.name, error)
