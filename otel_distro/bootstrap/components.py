"""The components of the distribution, in order of start, shutdown and fork."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_distro.api import executor_context
from otel_distro.base import messages
from otel_distro.bootstrap.component import Component, Providers
from otel_distro.bootstrap.content import keeper
from otel_distro.bootstrap.instrumentation.asgi_events import exclude_event_spans
from otel_distro.bootstrap.parts import without_budgets
from otel_distro.export.batching import BoundedLogRecordProcessor, BoundedSpanProcessor
from otel_distro.export.local_deliveries import LocalDeliveries
from otel_distro.lifecycle import uncaught_exceptions
from otel_distro.pipeline import context_propagation
from otel_distro.pipeline.input_limits.default import make_cleaner
from otel_distro.pipeline.input_limits.install import tolerate_api
from otel_distro.pipeline.input_limits.propagation import tolerate_propagation
from otel_distro.pipeline.logs import setup as logs
from otel_distro.reports.health.inside import HealthInside
from otel_distro.settings import audit as settings_audit
from otel_distro.settings import process_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.bootstrap.delivery import CallDelivery, ProviderDelivery
    from otel_distro.bootstrap.parts import Parts
    from otel_distro.bootstrap.protection import Protection
    from otel_distro.bootstrap.runtime import Runtime
    from otel_distro.settings import Settings

_SOON_SECONDS = 0.2
"""Maximum wait of local files for a larger batch, in seconds."""


def list_components(
    runtime: Runtime,
    parts: Parts,
    protection: Protection,
    delivery: ProviderDelivery,
    calls: CallDelivery,
) -> tuple[Component, ...]:
    """Return the components of *runtime* in order of dependency."""
    settings = runtime.settings
    cleaner, invalid_input = make_cleaner(settings.value_limits)
    stores = _LocalStores(settings, parts, runtime.pseudonym_key)

    def guard_propagation() -> None:
        context_propagation.install(
            settings.baggage,
            parts.gate.is_open,
            own_hosts=settings.baggage_hosts,
            clean=parts.clean,
        )
        tolerate_propagation(cleaner)

    def observe_ourselves() -> None:
        parts.metrics.observe_guard(lambda: protection.is_proven)
        parts.metrics.observe_deliveries(parts.deliveries)
        parts.metrics.observe_invalid_input(invalid_input)

    return (
        Component("metric locks", after_fork=delivery.renew_metric_locks),
        Component("messages", after_fork=messages.at_fork),
        Component("internal errors", after_fork=parts.internal_errors.at_fork),
        Component(
            "outages",
            start=lambda _: parts.outages.watch(),
            shutdown=lambda _: parts.outages.begin_exit(),
            after_fork=parts.outages.at_fork,
        ),
        Component("queues", shutdown=lambda _: delivery.begin_shutdown()),
        Component("calls", shutdown=calls.settle, after_fork=calls.at_fork),
        Component("open spans", after_fork=parts.pipeline.open_spans.at_fork),
        Component("invalid input", after_fork=invalid_input.at_fork),
        *_exit_line(parts),
        _health(runtime),  # before the guard: its failure must be seen
        Component("guard", start=protection.start, essential=True),
        Component("local stores", start=stores.start),
        Component(
            "proof", start=lambda _: protection.prove(redacts=settings.redaction), essential=True
        ),
        *_wire(parts),
        *_budgets(parts),
        Component("input limits", start=lambda _: tolerate_api(cleaner)),
        Component("propagation", start=lambda _: guard_propagation(), essential=True),
        Component("executors", start=lambda _: executor_context.install()),
        Component("instrumentations", start=lambda _: _adjust_instrumentations(settings)),
        Component(
            "consent",
            start=lambda _: parts.gate.watch(lambda: delivery.drop("consent_revoked")),
            after_fork=parts.gate.at_fork,
        ),
        Component("self metrics", start=lambda _: observe_ourselves()),
        Component("counts of deliveries", after_fork=parts.deliveries.at_fork),
        Component(
            "delivery",
            start=delivery.start,
            shutdown=delivery.shutdown,
            after_fork=delivery.at_fork,
        ),
        Component("unended spans", shutdown=lambda _: _report_unended(parts)),
        Component("ledger", shutdown=lambda _: calls.store()),
        Component("outages at exit", shutdown=lambda _: parts.outages.end_exit()),
        Component(
            "redaction tally",
            shutdown=lambda _: parts.tally.write(),
            after_fork=parts.tally.at_fork,
        ),
        Component("exit hooks of providers", shutdown=lambda _: delivery.forget_exit_hooks()),
    )


def _exit_line(parts: Parts) -> tuple[Component, ...]:
    line, ledger = parts.exit_line, parts.ledger
    if line is None:
        return ()

    def write(_deadline: float) -> None:
        line.write(
            parts.budgets,
            process_environment(),
            may_store=parts.gate.is_open(),
            waiting=ledger.lag()[0] if ledger is not None else 0,
        )

    return (Component("exit line", shutdown=write, after_fork=line.at_fork),)


def _health(runtime: Runtime) -> Component:
    health = HealthInside(runtime)
    return Component(
        "health",
        start=lambda providers: health.start(providers.service),
        shutdown=lambda _: health.close(),
        after_fork=health.at_fork,
    )


def _wire(parts: Parts) -> tuple[Component, ...]:
    wire, traffic = parts.wire, parts.traffic
    if traffic is None:
        return ()
    return (
        Component("wire", start=lambda _: wire.install(traffic.take)),
        Component("wire spans", start=lambda providers: traffic.install(providers.tracer)),
    )


def _budgets(parts: Parts) -> tuple[Component, ...]:
    budgets = parts.budgets
    if budgets is None:
        return ()

    def start(providers: Providers) -> None:
        try:
            budgets.install(providers.tracer)
        except Exception as error:  # telemetry must continue without them
            without_budgets(error, parts.internal_errors)

    return (
        Component(
            "budgets",
            start=start,
            shutdown=lambda _: budgets.close(),
            after_fork=budgets.at_fork,
        ),
    )


class _LocalStores:
    """Log file, message store and audit log."""

    def __init__(
        self, settings: Settings, parts: Parts, pseudonym_key: Callable[[], bytes | None]
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._pseudonym_key = pseudonym_key

    def start(self, providers: Providers) -> None:
        settings = self._settings
        local = LocalDeliveries(self._parts.outages, settings.exit_timeout)
        limits = replace(settings.log_limits, delay_seconds=_SOON_SECONDS)
        logs.install(
            settings,
            providers.logger,
            lambda exporter: BoundedLogRecordProcessor(exporter, limits, local),
            self._parts.clean,
        )
        tracer_provider: Any = providers.tracer
        kept_by = keeper(settings, self._parts.redactors.with_messages, self._pseudonym_key)
        if kept_by is not None and hasattr(tracer_provider, "add_span_processor"):
            limits = replace(settings.span_limits, delay_seconds=_SOON_SECONDS)
            tracer_provider.add_span_processor(BoundedSpanProcessor(kept_by, limits, local))
        settings_audit.note(settings, providers.service)


def _adjust_instrumentations(settings: Settings) -> None:
    if settings.error_hooks:
        uncaught_exceptions.install()
    if not settings.asgi_event_spans:
        exclude_event_spans()


def _report_unended(parts: Parts) -> None:
    shield = parts.redactors.exporting
    parts.pipeline.open_spans.report_unended(lambda name: shield.name(name, "traces"))
