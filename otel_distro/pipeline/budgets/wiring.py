"""Connects cost budgets to the gate in HTTP clients and to accounting.

Calls that pass the gate are reserved and settled there. All other calls in the ledger (through
clients without a gate, or under budgets that only warn) are charged when they are priced.
"""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from otel_budget.accounts.schema import BudgetFileError
from otel_budget.cost_budget import Action
from otel_budget.gate import Gate, Listener
from otel_budget.refusal import Refusal, Refused
from otel_budget.reservations.open_calls import OpenCalls
from otel_distro.api.budget import Remaining, note_refusal, tell_callbacks
from otel_distro.base import messages
from otel_distro.base.errors import OtelDistroError
from otel_distro.base.installation_key import installation_key
from otel_distro.pipeline.budgets.admitted_calls import Covered, GatedCalls
from otel_distro.pipeline.budgets.budget_reports import BudgetReporter
from otel_distro.pipeline.budgets.call_charges import CallCharges
from otel_distro.pipeline.budgets.scopes import (
    Scopes,
    ScopeSpanProcessor,
    trace_from_elsewhere,
    without_scope,
)
from otel_distro.pipeline.budgets.shared_accounts import open_accounts
from otel_distro.pipeline.wire.client_hooks import hook_clients
from otel_pricing import Price, Rate
from otel_wire.hosts import is_own_host
from otel_wire.observer import observer, trace_of_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.accounts.account import Crossing
    from otel_budget.admitted_call import AdmittedCall
    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.settings import Settings
    from otel_pricing import PriceBook, PricedCall
    from otel_wire.requests import ModelRequest


class Budgets:
    """The cost budgets of this process; a `CallSink` of the accounts."""

    def __init__(
        self,
        settings: Settings,
        load_prices: Callable[[], PriceBook],
        internal_errors: InternalErrors,
    ) -> None:
        self._settings = settings
        self._internal_errors = internal_errors
        self._reporter: BudgetReporter | None = None
        self._key: bytes | None = None
        self._scopes = Scopes(settings.budget_baggage)
        self.all = settings.cost_budgets
        self.accounts = open_accounts(settings, internal_errors)
        self.gated = GatedCalls()
        self._open_calls = OpenCalls(settings.state_dir)
        self._charges = CallCharges(
            self.all,
            self.accounts,
            self.gated,
            self.hide,
            self._crossed,
            together=settings.budget_without_scope == "together",
            trusted=self._scopes.trusted,
        )
        hard = tuple(budget for budget in self.all if budget.action is Action.REFUSE)
        self.gate = Gate(
            hard,
            self.accounts,
            load_prices,
            unknown_model=self._unknown_model,
            scope_values=self._scope_values,
            hide=self.hide,
            refuse_on_fault=settings.budget_on_fault == "refuse",
            listener=Listener(
                crossed=self._crossed,
                refused=self._refused,
                failed=self._failed,
                passed=self._passed,
                is_covered=self._is_covered,
            ),
        )
        self._hard = {budget.name for budget in hard}

    def install(self, tracer_provider: Any) -> None:
        """Put the gate into HTTP clients, each when it is imported, if a budget refuses calls."""
        resource = getattr(tracer_provider, "resource", None)
        if resource is not None:
            self._scopes.service = str(resource.attributes.get("service.name", ""))
            tracer_provider.add_span_processor(ScopeSpanProcessor(self._scopes))
        if not self._hard:
            return
        observer.admission = self.gate
        observer.on_fault = self._failed
        hook_clients(self._internal_errors)

    def _passed(self, admitted: AdmittedCall) -> None:
        self.gated.add(admitted)
        if is_own_host(admitted.host):
            trace_id = trace.get_current_span().get_span_context().trace_id
            trace_id = trace_id or trace_of_request.get()
            slot = self._open_calls.begin(trace_id)
            if slot is not None:
                admitted.on_ended = partial(self._open_calls.end, slot)

    def _is_covered(self, request: ModelRequest) -> bool:
        trace_id = trace_from_elsewhere()
        if not trace_id or not self._open_calls.covers(trace_id):
            return False
        self.gated.add(Covered(request, time.time_ns()))
        return True

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, BudgetFileError):
            self._internal_errors.record("books", error, f"budgets cannot be updated now: {error}")
        else:
            self._internal_errors.record("budget", error)

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Charge calls that the gate has not charged, and correct the charges of revised ones."""
        try:
            if self._hard:
                self.accounts.finish_late()  # to know which attempts cost nothing
            self._charges.take(new, revised)
        except BudgetFileError as error:
            self._failed(error)

    def note_admitted(self, key: tuple[int, int], admitted: AdmittedCall) -> None:
        """Remember that the call with *key* in the ledger is *admitted*."""
        self._charges.note_admitted(key, admitted)

    def flush(self) -> None:
        """Write charges that could not be written before."""
        try:
            self._charges.write()
        except BudgetFileError as error:
            self._failed(error)

    def at_fork(self) -> None:
        """Reset after fork."""
        self.accounts.at_fork()
        self.gated.at_fork()
        self._open_calls.at_fork()
        self._charges.at_fork()
        self._scopes.at_fork()

    def close(self) -> None:
        """Mark this process as ended."""
        self.accounts.close()
        self._open_calls.close()

    def hide(self, scope: str, value: str) -> str:
        """Return the ledger's pseudonym of a user or a session."""
        from otel_cost_ledger.model.privacy import pseudonym

        if self._key is None:
            self._key = installation_key(self._settings.state_dir) or secrets.token_bytes(32)
        named = f"key {value}" if scope == "api_key" else value
        return pseudonym(self._key, "session" if scope == "session" else "user", named)

    def _scope_values(
        self, request: ModelRequest, headers: Mapping[str, str]
    ) -> Mapping[str, str | None]:
        values = self._scopes(request, headers)
        policy = self._settings.budget_without_scope
        return without_scope(values, policy, self.gate.budgets.values())

    def _unknown_model(self, model: str) -> Price | None:
        policy = self._settings.budget_unknown_model
        if policy == "deny":
            reason = (
                f"no price is known for the model {model!r}, and budgets are set to refuse such "
                "calls; declare one in the file of OTEL_DISTRO_PRICES"
            )
            raise Refused(Refusal(reason, model))
        if not isinstance(policy, str):
            return Price(input=Rate(policy), output=Rate(policy), source="assumed by the settings")
        messages.warn_once(
            f"no price is known for the model {model!r}, so budgets in USD do not count its "
            "calls; declare one in the file of OTEL_DISTRO_PRICES"
        )
        return None

    def _tell(self) -> BudgetReporter:
        # Created late, to use the providers that the process ends up with.
        if self._reporter is None:
            self._reporter = BudgetReporter({budget.name: budget for budget in self.all})
        return self._reporter

    def remaining(self, name: str, scope_values: Mapping[str, str]) -> Remaining:
        """Return the status of the budget *name*; raises OtelDistroError if there is none."""
        budget = next((budget for budget in self.all if budget.name == name), None)
        if budget is None:
            known = ", ".join(repr(budget.name) for budget in self.all)
            raise OtelDistroError(f"there is no budget called {name!r}; there is {known}")
        account = budget.account(scope_values, time.time_ns(), self.hide)
        if account is None:
            raise OtelDistroError(f"budget {name!r} needs a value for its scope {budget.scope}")
        state = self.accounts.state(account)
        return Remaining(account.limit, state.spent, state.reserved)

    def _refused(self, refusal: Refusal) -> None:
        note_refusal(refusal)
        self._tell().refused(refusal)

    def _crossed(self, crossings: Sequence[Crossing]) -> None:
        # One call may pass several thresholds of an account; the last implies the others.
        highest = {crossing.account: crossing.percent for crossing in crossings}
        for crossing in crossings:
            last = highest[crossing.account] == crossing.percent
            self._tell().crossed(crossing, on_stderr=last)
            try:
                tell_callbacks(crossing)
            except Exception as error:  # the app's own code
                self._internal_errors.record("budget callback", error)
