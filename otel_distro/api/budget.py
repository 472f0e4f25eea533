"""Public API of budgets: their state, and costs that programs report.

from otel_distro import BudgetExceeded, budget

with budget.scope(tenant="acme"):                 # scope of the calls inside
if budget.remaining("per tenant", tenant="acme").share < 0.2:
model = "gpt-4o-mini"                     # pick a cheaper one before the wall

with budget.typed_errors():                       # BudgetExceeded instead of the client's error
client.chat.completions.create(...)
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import context

from otel_distro.api.detaching import detach, reset
from otel_distro.api.scoped_values import ScopedValues
from otel_distro.base.errors import OtelDistroError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.context import Context

    from otel_budget.accounts.account import Crossing
    from otel_budget.refusal import Refusal

__all__ = ["BudgetExceeded", "Remaining", "on_threshold", "remaining", "scope", "typed_errors"]


class BudgetExceeded(OtelDistroError):  # the name users look for
    """A model call was not sent, because a budget has no room for it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.budget = refusal.budget
        self.model = refusal.model
        self.limit = refusal.limit
        self.spent = refusal.spent
        """Exact decimal strings, in US dollars for a budget in USD."""
        self.resets_at = refusal.resets_at
        """When the window ends, ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """State of a budget. Amounts are whole numbers of its unit: nano-US-dollars for money."""

    limit: int | None
    """None without a budget in force: there is no limit."""
    spent: int
    reserved: int
    """Reserved for calls in progress."""

    @property
    def left(self) -> int | None:
        """The remaining amount; never negative, None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.spent - self.reserved)

    @property
    def share(self) -> float:
        """The remaining part of the limit, from 0 to 1; 1 without a limit."""
        if self.limit is None or self.left is None:
            return 1.0
        return self.left / self.limit if self.limit else 0.0


_UNLIMITED = Remaining(None, 0, 0)
_SCOPE = context.create_key("otel_distro.budget_scope")
_refusals: ContextVar[list[Refusal] | None] = ContextVar("otel_distro_refusals", default=None)
_callbacks: list[Callable[[Crossing], None]] = []


@contextmanager
def scope(**values: str) -> Iterator[None]:
    """Set the scope of the model calls inside: tenant, user, session, agent.

    Spans started inside also get the values. Scopes nest; the innermost value of a key wins.
    """
    entered = ScopedValues(_scope(), values)
    token = context.attach(context.set_value(_SCOPE, entered))
    try:
        yield
    finally:
        if not detach(token):
            entered.end()


def current_scope(of: Context | None = None) -> Mapping[str, str]:
    """Return the values of `scope` in the context *of*, by default the current one."""
    found = _scope(of)
    return found.live() if found is not None else {}


def _scope(of: Context | None = None) -> ScopedValues | None:
    found = context.get_value(_SCOPE, of)
    return found if isinstance(found, ScopedValues) else None


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise BudgetExceeded instead of the client's error for a refused call."""
    met: list[Refusal] = []
    token = _refusals.set(met)
    try:
        yield
    except Exception as error:
        if met:
            raise BudgetExceeded(met[-1]) from error
        raise
    finally:
        reset(_refusals, token)


def note_refusal(refusal: Refusal) -> None:
    """Remember *refusal* for the `typed_errors` around the call, if there is one."""
    met = _refusals.get()
    if met is not None:
        met.append(refusal)


def remaining(name: str = "day", **scope_values: str) -> Remaining:
    """Return the state of the budget *name* for these scope values.

    Without any budget in force (plain `python`, OTEL_SDK_DISABLED, no budget in the settings) the
    limit is None and the share 1. Raises OtelDistroError if other budgets are in force and none has
    this name, or if budgets cannot be read.
    """
    from otel_budget.accounts.schema import BudgetFileError
    from otel_distro.base.current_runtime import running

    runtime = running()
    if runtime is None or not runtime.settings.cost_budgets:
        return _UNLIMITED
    budgets = runtime.budgets
    if budgets is None:
        raise OtelDistroError("budgets are set but could not be set up; run `otel-distro doctor`")
    try:
        stands: Remaining = budgets.remaining(name, scope_values)
    except BudgetFileError as error:
        raise OtelDistroError(str(error)) from error
    return stands


def on_threshold(callback: Callable[[Crossing], None]) -> None:
    """Call *callback* when spending of this process passes a threshold of a budget.

    It runs on the detecting thread, so it should be quick; its exceptions are ignored.
    """
    _callbacks.append(callback)


def tell_callbacks(crossing: Crossing) -> None:
    """Call every registered function; their exceptions are collected and raised at the end."""
    errors: list[Exception] = []
    for callback in _callbacks:
        try:
            callback(crossing)
        except Exception as error:  # the app's own code, on our thread
            errors.append(error)
    if errors:
        raise errors[0]
