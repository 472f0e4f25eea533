"""Creates the parts of the embedded collector and closes them in order."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.privacy import person_name
from otel_distro.base import messages
from otel_distro.base.installation_key import installation_key
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.base.self_metrics import SelfMetrics
from otel_distro.bootstrap.content import redactors_for
from otel_distro.pipeline.accounting.ledger_sink import sink_for
from otel_distro.pipeline.redaction_tally import RedactionTally
from otel_distro.privacy.consent_gate import ConsentGate
from otel_distro.server.agent_calls import AgentCalls
from otel_distro.server.forwarding import Forwarder
from otel_distro.server.ingest import Ingest
from otel_distro.server.limits import DEFAULT_LIMITS, ReceiverLimits
from otel_distro.server.message_redaction import MessageRedactor
from otel_distro.server.received_calls import ReceivedCalls
from otel_distro.settings.prices import load_prices
from otel_redaction import Redactor
from otel_trace_store.limits import FOLDER, StoreLimits
from otel_trace_store.writer import TraceStoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_distro.pipeline.accounting.sinks import CallSink
    from otel_distro.settings import Settings

_CLOSE_SECONDS: Final = 5.0


def store_folder(settings: Settings) -> Path:
    """Return the folder of the trace store."""
    return settings.state_dir / FOLDER


class Collector:
    """Redacts, prices, stores and forwards received telemetry; opened once, closed once.

    Raises TraceStoreError if the store cannot be written and ForwardError for a bad URL.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        withhold: bool = False,
        limits: ReceiverLimits = DEFAULT_LIMITS,
    ) -> None:
        self.settings = settings
        self.internal_errors = InternalErrors()
        self.gate = ConsentGate(settings)
        redactor = Redactor(settings.policy)
        self._tally = RedactionTally(
            settings.state_dir,
            SelfMetrics(self.internal_errors),
            lambda: self.gate.is_open() and settings.ledger is not None,
        )
        shield = redactors_for(settings, redactor, self._tally, withhold=withhold).exporting
        self._store = TraceStoreWriter(
            store_folder(settings),
            StoreLimits(settings.store_days, int(settings.store_mb * 2**20)),
            say=messages.warn,
        )
        ledger = sink_for(settings, redactor.text, self.gate)
        self._ledger = ledger
        self.calls = ReceivedCalls(
            partial(load_prices, settings),
            self.internal_errors,
            ledger=ledger,
            others=_budgets(settings, self.internal_errors),
        )
        self.forwarder: Forwarder | None = None
        try:
            if settings.forward is not None:
                self.forwarder = Forwarder(
                    settings.forward, settings, redactor.text, self.gate.is_open
                )
        except BaseException:
            self._store.close()
            raise
        self.gate.watch(lambda: None)
        self.ingest = Ingest(
            self._store,
            MessageRedactor(
                shield,
                limits,
                without_messages=settings.content is not None,
                person=_person(settings),
            ),
            self.calls,
            AgentCalls(self.calls, self.internal_errors),
            limits,
            self.internal_errors,
            forward=self.forwarder,
            is_open=self.gate.is_open,
        )

    def close(self) -> None:
        """Store and forward everything queued, then close the files; never raises."""
        try:
            self.ingest.close(_CLOSE_SECONDS)
            if self.forwarder is not None:
                self.forwarder.close(self.settings.exit_timeout)
            if self._ledger is not None:
                self._ledger.leave()
            self._tally.write()
        except Exception as error:  # nothing may block the exit
            self.internal_errors.record("exit", error)
        with suppress(Exception):
            self._store.close()


def _person(settings: Settings) -> Callable[[str], str] | None:
    """Return the function from a user id to its pseudonym in the ledger; None without a key."""
    key = installation_key(settings.state_dir)
    if key is None:
        return None
    return lru_cache(maxsize=4096)(partial(person_name, key))


def _budgets(settings: Settings, internal_errors: InternalErrors) -> list[CallSink]:
    """Return the sink that charges received calls to the cost budgets of this host."""
    if not settings.cost_budgets:
        return []
    try:
        from otel_distro.pipeline.budgets.wiring import Budgets

        return [Budgets(settings, partial(load_prices, settings), internal_errors)]
    except Exception as error:  # telemetry continues without budgets
        internal_errors.record("budget", error)
        messages.warn(f"received calls are not charged to budgets: {type(error).__name__}: {error}")
        return []
