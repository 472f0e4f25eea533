"""The running distribution: its parts wired together, closed at exit, renewed after a fork."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_budget.latency import LatencyBudgets
from otel_budget.processor import LatencyReporter
from otel_distro.api import context as contexts
from otel_distro.api import executor_context
from otel_distro.base import messages
from otel_distro.base.installation_key import installation_key
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.base.self_metrics import SelfMetrics
from otel_distro.bootstrap.background_imports import import_for_background
from otel_distro.bootstrap.boot_failure import refuse_all_calls, refuses_calls
from otel_distro.bootstrap.content import keeper, redactors_for
from otel_distro.bootstrap.instrumentation.asgi_events import leave_out_event_spans
from otel_distro.export.batching import BoundedLogRecordProcessor, BoundedSpanProcessor
from otel_distro.export.deliveries import Deliveries
from otel_distro.export.local import LocalDeliveries
from otel_distro.export.outages import Outages
from otel_distro.export.processors import exporters_of
from otel_distro.export.spooling import Spooling
from otel_distro.lifecycle import closing, uncaught
from otel_distro.lifecycle.exit_line import ExitLine
from otel_distro.lifecycle.imports import wait_for_imports
from otel_distro.lifecycle.leaving import ShutdownHooks
from otel_distro.lifecycle.metric_locks import renew_metric_locks
from otel_distro.pipeline import canary, context_propagation
from otel_distro.pipeline.accounting import open_requests
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.accounting.cost_metrics import CostMetrics
from otel_distro.pipeline.input_limits.default import make_cleaner
from otel_distro.pipeline.input_limits.install import tolerate_api
from otel_distro.pipeline.input_limits.propagation import tolerate_propagation
from otel_distro.pipeline.install import disarm, guard_providers, is_guarded
from otel_distro.pipeline.logs import setup as logs
from otel_distro.pipeline.made_later import guard_when_made
from otel_distro.pipeline.pipeline import Pipeline
from otel_distro.pipeline.redaction_tally import RedactionTally
from otel_distro.pipeline.wire.watching import WireWatch
from otel_distro.privacy.consent_gate import ConsentGate
from otel_distro.settings import audit as settings_audit
from otel_distro.settings import process_environment
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage
from otel_redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_distro.pipeline.accounting.accounts import CallSink, VerdictSink
    from otel_distro.pipeline.accounting.ledger_sink import LedgerSink
    from otel_distro.pipeline.accounting.wire_traffic import WireTraffic
    from otel_distro.pipeline.budgets.wiring import Budgets
    from otel_distro.reports.health.inside import HealthInside
    from otel_distro.settings import Settings
    from otel_pricing import PriceBook


_SOON_SECONDS = 0.2
"""How long local files may wait for a fuller batch, in seconds."""
_IMPORT_SECONDS = 1.0
"""Longest wait of a fork for imports on other threads, in seconds."""
_LATE_SECONDS = 0.25
"""Beyond the exit timeout, for the ledger alone: sooner than `ShutdownHooks` goes without us."""


class Runtime:
    """Everything that lives as long as the process; made once, after settings are read."""

    def __init__(self, settings: Settings, *, withhold: bool, endpoint: str) -> None:
        self.settings = settings
        import_for_background(settings)
        self.faults = InternalErrors()
        self.metrics = SelfMetrics(self.faults)
        redactor = Redactor(settings.policy)
        self._clean = redactor.text
        self.outages = Outages(redactor.text, endpoint)
        self.gate = ConsentGate(settings)
        self.tally = RedactionTally(
            settings.state_dir,
            self.metrics,
            lambda: self.gate.is_open() and settings.ledger is not None,
        )
        self._redactors = redactors_for(settings, redactor, self.tally, withhold=withhold)
        self.shield = self._redactors.exporting
        self.ledger = _ledger_sink(settings, redactor.text, self.gate)
        self.wire = WireWatch(settings, self.faults)
        self.budgets = _budgets(settings, self.faults)
        self.exit_line = ExitLine(settings) if settings.exit_line else None
        self._traffic = _traffic(settings)
        if self._traffic is not None and self.ledger is not None:
            self._traffic.kept = open_requests.OpenRequests(
                settings.state_dir / open_requests.FOLDER, self.gate.is_open
            )
        if self._traffic is not None and self.budgets is not None:
            self._traffic.on_admitted = self.budgets.note_admitted
        self.accounts = Accounts(
            load_prices=partial(_load_prices, settings),
            latency=LatencyBudgets(settings.latency_budgets),
            faults=self.faults,
            call_sinks=self._call_sinks(),
            wire=self._traffic,
            verdict_sinks=self._verdict_sinks(),
        )
        self.pipeline = Pipeline(
            self.shield,
            self.accounts,
            self.faults,
            gate=self.gate,
            context_attributes=partial(contexts.attributes, trusted_keys=settings.baggage),
            strip_content=self._redactors.strip_content,
        )
        self._deliveries = Deliveries(self.outages, settings.exit_timeout)
        self._spooling = Spooling(settings, self._deliveries, redactor.text, self.gate.is_open)
        self._exits = ShutdownHooks(self, settings.exit_timeout)
        self._cleaner, self.invalid_input = make_cleaner(settings.value_limits)
        self._pseudonym_key: bytes | None = None
        self._providers: tuple[Any, ...] = ()
        self._guard_ok = False
        self._health: HealthInside | None = None
        self._closed = False
        self._storing_calls = False
        self._forked = False

    def batch_spans(self, exporter: SpanExporter) -> SpanProcessor:
        """Return the batch processor for an exporter the environment selected."""
        return BoundedSpanProcessor(exporter, self.settings.span_limits, self._deliveries)

    def batch_log_records(self, exporter: LogRecordExporter) -> LogRecordProcessor:
        """Return the batch processor for an exporter the environment selected."""
        return BoundedLogRecordProcessor(exporter, self.settings.log_limits, self._deliveries)

    def attach(
        self, tracer_provider: object, logger_provider: object, meter_provider: object
    ) -> None:
        """Guard the providers, prove it with the canary, and hook into exit and fork.

        Raises GuardError; by then what could not be guarded exports nothing.
        """
        self._providers = (tracer_provider, logger_provider, meter_provider)
        self._begin_health(tracer_provider)  # before the guard: its failure must be seen
        guard_providers(
            tracer_provider,
            logger_provider,
            meter_provider,
            self.pipeline,
            self.shield,
            self.gate.is_open,
        )
        guard_when_made(self._guard)
        self._keep_locally(tracer_provider, logger_provider)
        self._prove()
        try:
            self.wire.install()
            if self._traffic is not None:
                self._traffic.install(tracer_provider)
        except Exception as error:  # telemetry must continue without it
            self.faults.record("wire", error)
        if self.budgets is not None:
            try:
                self.budgets.install(tracer_provider)
            except Exception as error:  # telemetry must continue without them
                _without_budgets(error, self.faults)
        tolerate_api(self._cleaner)
        context_propagation.install(
            self.settings.baggage,
            self.gate.is_open,
            own_hosts=self.settings.baggage_hosts,
            clean=self._clean,
        )
        tolerate_propagation(self._cleaner)
        executor_context.install()
        if self.settings.error_hooks:
            uncaught.install()
        if not self.settings.asgi_event_spans:
            leave_out_event_spans()
        self.gate.watch(self._consent_revoked)
        self.metrics.observe_guard(lambda: self._guard_ok)
        self.metrics.observe_deliveries(self._deliveries)
        self.metrics.observe_invalid_input(self.invalid_input)
        self._spooling.attach(exporters_of(*self._providers))
        self.outages.spool = self._spooling.place()
        self.outages.has_transports = bool(self._spooling.transports)
        self.outages.watch()
        self._exits.install()
        fork_hooks.register(
            Stage.RUNTIME,
            before=self._before_fork,
            after_in_parent=self.accounts.after_fork_in_parent,
            after_in_child=self._after_fork,
        )

    def _guard(self, provider: object) -> None:
        by_kind = (provider, provider, provider)  # each is guarded as what it is
        guard_providers(*by_kind, self.pipeline, self.shield, self.gate.is_open)

    def _begin_health(self, tracer_provider: object) -> None:
        from otel_distro.reports.health.inside import HealthInside

        try:
            self._health = HealthInside(self, _service_of(tracer_provider))
            self._health.start()
        except Exception as error:  # a health server must not stop telemetry
            self.faults.record("health", error)

    @property
    def deliveries(self) -> Deliveries:
        """Export counters."""
        return self._deliveries

    @property
    def guard_ok(self) -> bool:
        """Whether the guard is in place and the canary came out masked."""
        return self._guard_ok and all(is_guarded(provider) for provider in self._providers)

    def pseudonym_key(self) -> bytes | None:
        """Return the key under which users are known; None where it cannot be kept."""
        if self._pseudonym_key is None:
            self._pseudonym_key = installation_key(self.settings.state_dir)
        return self._pseudonym_key

    def _keep_locally(self, tracer_provider: Any, logger_provider: object) -> None:
        local = LocalDeliveries(self.outages, self.settings.exit_timeout)
        limits = replace(self.settings.log_limits, delay_seconds=_SOON_SECONDS)
        logs.install(
            self.settings,
            logger_provider,
            lambda exporter: BoundedLogRecordProcessor(exporter, limits, local),
        )
        kept_by = keeper(self.settings, self._redactors.with_messages, self.pseudonym_key)
        if kept_by is not None and hasattr(tracer_provider, "add_span_processor"):
            limits = replace(self.settings.span_limits, delay_seconds=_SOON_SECONDS)
            tracer_provider.add_span_processor(BoundedSpanProcessor(kept_by, limits, local))
        settings_audit.note(self.settings, _service_of(tracer_provider))

    def _consent_revoked(self) -> None:
        closing.drop_queued(self._providers, "consent_revoked")

    def _prove(self) -> None:
        leaked = canary.leaks(self.pipeline) if self.settings.redaction else ()
        self._guard_ok = not leaked
        if leaked:
            for provider in self._providers:
                disarm(provider)
            messages.warn(
                f"the guard let {len(leaked)} of its own test secrets through, so nothing is "
                "exported; run `otel-distro doctor`"
            )

    def flush(self, timeout: float) -> bool:
        """Settle and deliver all records so far within *timeout* seconds; return the success."""
        deadline = time.monotonic() + timeout
        done = self.accounts.flush(timeout)
        if self.ledger is not None:
            self.ledger.leave()
        return closing.flush(self._providers, deadline) and done

    def pending(self) -> bool:
        """Whether anything waits to be settled or delivered.

        The process that booted always has its last metrics to deliver; a forked child ends often
        and quickly, and is only held up for what it recorded itself.
        """
        if self._closed:
            return False
        return not self._forked or self.accounts.pending() or closing.pending(self._providers)

    def is_storing_calls(self) -> bool:
        """Whether closing has come to its last step: calls that have to reach the disk."""
        return self._storing_calls

    def close(self, timeout: float) -> None:
        """Deliver queued records within *timeout* seconds, once; never raises."""
        if self._closed:
            return
        self._closed = True
        deadline = time.monotonic() + timeout
        self.outages.begin_exit()
        try:
            self._spooling.begin_close()
            closing.begin(self._providers)
            self.wire.close()
            settled = self.accounts.flush(max(0.0, deadline - time.monotonic()))
            if not settled:
                self.accounts.stop_waiting()
            if self.exit_line is not None:
                self.exit_line.say(
                    self.budgets,
                    process_environment(),
                    may_store=self.gate.is_open(),
                    waiting=self.ledger.lag()[0] if self.ledger is not None else 0,
                )
            if self._health is not None:
                self._health.close()
            if self.budgets is not None:
                self.budgets.close()
            closing.finish(self._providers, deadline, self.outages, self._spooling)
            self.pipeline.open_spans.report_unended(lambda name: self.shield.name(name, "traces"))
            self._storing_calls = True
            self._leave_ledger(settled=settled)
        except Exception as error:  # nothing may stop a process from leaving
            self.faults.record("exit", error)
        self.outages.end_exit()
        self.tally.write()
        for provider in self._providers:
            closing.forget_atexit(provider)

    def _leave_ledger(self, *, settled: bool) -> None:
        # Spools keep telemetry; a call that is not queued for the ledger now would be lost.
        settled = settled or self.accounts.flush(_LATE_SECONDS)
        unpriced = [] if settled else self.accounts.take_unpriced("not priced before the exit")
        if self.ledger is not None:
            self.ledger.leave(unpriced)
        if self._traffic is not None and self._traffic.kept is not None:
            self._traffic.kept.close()

    def _before_fork(self) -> None:
        self.accounts.before_fork()
        wait_for_imports(_IMPORT_SECONDS)

    def _after_fork(self) -> None:
        renew_metric_locks(self._providers)
        messages.at_fork()
        self._exits.at_fork()
        self._closed = False
        self._storing_calls = False
        self._forked = True
        self.faults.at_fork()
        self.gate.at_fork()
        self.outages.at_fork()
        if self._traffic is not None and self._traffic.kept is not None:
            self._traffic.kept.abandon()
        self.accounts.at_fork()
        self.pipeline.open_spans.at_fork()
        self.invalid_input.at_fork()
        if self._health is not None:
            self._health.at_fork()
        self.wire.at_fork()
        if self.budgets is not None:
            self.budgets.at_fork()
        if self.exit_line is not None:
            self.exit_line.at_fork()
        self.tally.at_fork()
        self._deliveries.at_fork()
        self._spooling.at_fork()
        closing.at_fork(self._providers)

    def _call_sinks(self) -> Sequence[CallSink]:
        sinks: list[CallSink] = [CostMetrics()]
        if self.exit_line is not None:
            sinks.append(self.exit_line)
        if self.ledger is not None:
            sinks.insert(0, self.ledger)
        if self.budgets is not None:
            # Before the ledger: budget accounts start from the ledger's totals at that moment.
            sinks.insert(0, self.budgets)
        return sinks

    def _verdict_sinks(self) -> Sequence[VerdictSink]:
        sinks: list[VerdictSink] = [LatencyReporter()]
        if self.ledger is not None:
            sinks.insert(0, self.ledger)
        return sinks


def _ledger_sink(
    settings: Settings, clean: Callable[[str], str], gate: ConsentGate
) -> LedgerSink | None:
    if settings.ledger is None:
        return None
    from otel_distro.pipeline.accounting.ledger_sink import LedgerSink

    return LedgerSink(settings, clean, gate)


def _traffic(settings: Settings) -> WireTraffic | None:
    if not settings.wire:
        return None
    from otel_distro.pipeline.accounting.wire_traffic import WireTraffic

    return WireTraffic(partial(contexts.attributes, trusted_keys=settings.baggage))


def _service_of(tracer_provider: object) -> str:
    resource = getattr(tracer_provider, "resource", None)
    return str(resource.attributes.get("service.name", "")) if resource is not None else ""


def _budgets(settings: Settings, faults: InternalErrors) -> Budgets | None:
    if not settings.cost_budgets:
        return None
    try:
        from otel_distro.pipeline.budgets.wiring import Budgets

        return Budgets(settings, partial(_load_prices, settings), faults)
    except Exception as error:  # telemetry must continue without them
        _without_budgets(error, faults)
        return None


def _without_budgets(error: Exception, faults: InternalErrors) -> None:
    faults.record("budget", error)
    what = "no call is refused"
    if refuses_calls(process_environment()):
        what = refuse_all_calls().removeprefix("and ")
    messages.warn(
        f"cost budgets are not in force and {what}: {type(error).__name__}: {error}; "
        "run `otel-distro doctor`"
    )


def _load_prices(settings: Settings) -> PriceBook:
    from otel_pricing import PriceBook, read_price_file

    return PriceBook(read_price_file(settings.prices)) if settings.prices else PriceBook()
