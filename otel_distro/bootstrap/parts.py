"""Creates the parts of the distribution from the settings and connects them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from otel_budget.latency import LatencyBudgets
from otel_budget.processor import LatencyReporter
from otel_distro.api import context as contexts
from otel_distro.base import messages
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.base.self_metrics import SelfMetrics
from otel_distro.bootstrap.boot_failure import refuse_all_calls, refuses_calls
from otel_distro.bootstrap.content import Redactors, redactors_for
from otel_distro.export.delivery_reports import Deliveries
from otel_distro.export.outages import Outages
from otel_distro.export.spooling import Spooling
from otel_distro.lifecycle.exit_line import ExitLine
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.accounting.claimed_results import ClaimedResults
from otel_distro.pipeline.accounting.cost_metrics import CostMetrics
from otel_distro.pipeline.accounting.open_requests import FOLDER, OpenRequests
from otel_distro.pipeline.pipeline import Pipeline
from otel_distro.pipeline.redaction_tally import RedactionTally
from otel_distro.pipeline.wire.client_hooks import WireWatch
from otel_distro.privacy.consent_gate import ConsentGate
from otel_distro.settings import process_environment
from otel_distro.settings.prices import load_prices
from otel_redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.pipeline.accounting.ledger_sink import LedgerSink
    from otel_distro.pipeline.accounting.sinks import CallSink, VerdictSink
    from otel_distro.pipeline.accounting.wire_traffic import WireTraffic
    from otel_distro.pipeline.budgets.wiring import Budgets
    from otel_distro.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a process; None for those disabled by the settings."""

    clean: Callable[[str], str]
    """Redacts one of our own texts."""
    internal_errors: InternalErrors
    metrics: SelfMetrics
    gate: ConsentGate
    tally: RedactionTally
    redactors: Redactors
    outages: Outages
    deliveries: Deliveries
    spooling: Spooling
    ledger: LedgerSink | None
    budgets: Budgets | None
    wire: WireWatch
    traffic: WireTraffic | None
    exit_line: ExitLine | None
    accounts: Accounts
    pipeline: Pipeline


def make_parts(settings: Settings, *, withhold: bool, endpoint: str) -> Parts:
    """Return the parts for *settings*; *withhold* keeps all content from exporters.

    *endpoint* is the telemetry endpoint, for messages.
    """
    internal_errors = InternalErrors()
    metrics = SelfMetrics(internal_errors)
    redactor = Redactor(settings.policy)
    outages = Outages(redactor.text, endpoint)
    gate = ConsentGate(settings)
    tally = RedactionTally(
        settings.state_dir, metrics, lambda: gate.is_open() and settings.ledger is not None
    )
    redactors = redactors_for(settings, redactor, tally, withhold=withhold)
    ledger = _ledger_sink(settings, redactor.text, gate)
    wire = WireWatch(settings, internal_errors)
    budgets = _budgets(settings, internal_errors)
    exit_line = ExitLine(settings) if settings.exit_line else None
    traffic = _traffic(settings)
    if traffic is not None and ledger is not None:
        traffic.kept = OpenRequests(settings.state_dir / FOLDER, gate.is_open)
    if traffic is not None:
        traffic.claims = ClaimedResults(settings.state_dir, settings.ledger, gate.is_open)
    if traffic is not None and budgets is not None:
        traffic.on_admitted = budgets.note_admitted
    accounts = Accounts(
        load_prices=partial(load_prices, settings),
        latency=LatencyBudgets(settings.latency_budgets),
        internal_errors=internal_errors,
        call_sinks=_call_sinks(budgets, ledger, exit_line),
        wire=traffic,
        verdict_sinks=_verdict_sinks(ledger),
    )
    pipeline = Pipeline(
        redactors.exporting,
        accounts,
        internal_errors,
        gate=gate,
        context_attributes=partial(contexts.attributes, trusted_keys=settings.baggage),
        strip_content=redactors.strip_content,
    )
    deliveries = Deliveries(outages, settings.exit_timeout)
    return Parts(
        clean=redactor.text,
        internal_errors=internal_errors,
        metrics=metrics,
        gate=gate,
        tally=tally,
        redactors=redactors,
        outages=outages,
        deliveries=deliveries,
        spooling=Spooling(settings, deliveries, redactor.text, gate.is_open),
        ledger=ledger,
        budgets=budgets,
        wire=wire,
        traffic=traffic,
        exit_line=exit_line,
        accounts=accounts,
        pipeline=pipeline,
    )


def without_budgets(error: Exception, internal_errors: InternalErrors) -> None:
    """Report that budgets are not in force; refuse all calls if the settings require it."""
    internal_errors.record("budget", error)
    what = "no call is refused"
    if refuses_calls(process_environment()):
        what = refuse_all_calls().removeprefix("and ")
    messages.warn(
        f"cost budgets are not in force and {what}: {type(error).__name__}: {error}; "
        "run `otel-distro doctor`"
    )


def _call_sinks(
    budgets: Budgets | None, ledger: LedgerSink | None, exit_line: ExitLine | None
) -> list[CallSink]:
    # Before the ledger: budget accounts start from the ledger's totals at that time.
    sinks: list[CallSink] = [] if budgets is None else [budgets]
    if ledger is not None:
        sinks.append(ledger)
    sinks.append(CostMetrics())
    if exit_line is not None:
        sinks.append(exit_line)
    return sinks


def _verdict_sinks(ledger: LedgerSink | None) -> list[VerdictSink]:
    reporter = LatencyReporter()
    return [reporter] if ledger is None else [ledger, reporter]


def _ledger_sink(
    settings: Settings, clean: Callable[[str], str], gate: ConsentGate
) -> LedgerSink | None:
    if settings.ledger is None:
        return None
    from otel_distro.pipeline.accounting.ledger_sink import sink_for

    return sink_for(settings, clean, gate)


def _traffic(settings: Settings) -> WireTraffic | None:
    if not settings.wire:
        return None
    from otel_distro.pipeline.accounting.wire_traffic import WireTraffic

    return WireTraffic(partial(contexts.attributes, trusted_keys=settings.baggage))


def _budgets(settings: Settings, internal_errors: InternalErrors) -> Budgets | None:
    if not settings.cost_budgets:
        return None
    try:
        from otel_distro.pipeline.budgets.wiring import Budgets

        return Budgets(settings, partial(load_prices, settings), internal_errors)
    except Exception as error:  # telemetry must continue without them
        without_budgets(error, internal_errors)
        return None
