"""Scope values of a call: from the app, from trusted baggage keys and from the current span."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import SpanProcessor

from otel_budget.refusal import Refusal, Refused
from otel_distro.api.budget import current_scope
from otel_distro.api.context import local_baggage
from otel_distro.base import messages
from otel_distro.base.inherited_attributes import inherited
from otel_pricing.model import scope_keys
from otel_pricing.model.values import first_text, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from otel_budget.cost_budget import CostBudget
    from otel_wire.requests import ModelRequest

_KEYS = {
    "tenant": scope_keys.TENANT,
    "user": scope_keys.USER,
    "session": scope_keys.SESSION,
    "agent": scope_keys.AGENT,
}
_SCOPE_KEYS = frozenset(key for keys in _KEYS.values() for key in keys)
_CARRIED = "_otel_distro_carried"
_CAME_IN = "_otel_distro_came_in"
_MOST_REMEMBERED = 5_000
"""Number of spans whose untrusted baggage is remembered until their call is charged."""
WITHOUT = "(none)"
"""Scope value of calls without one that share an account."""
_OPEN_SCOPES = (*_KEYS, "api_key")
_API_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


class Scopes:
    """Reads scope values when a call is made; only baggage keys in *trusted* count."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted = frozenset(trusted)
        self._lock = threading.Lock()
        self._untrusted: dict[tuple[int, int], frozenset[tuple[str, str]]] = {}
        self.service = ""

    def __call__(
        self, request: ModelRequest, headers: Mapping[str, str]
    ) -> Mapping[str, str | None]:
        """Return the scope values of *request* in the current context."""
        span = trace.get_current_span()
        around = [
            self._own(span, known)
            for known in (getattr(span, "attributes", None), inherited(span))
            if known
        ]
        values: dict[str, str | None] = {
            name: next((v for known in around if (v := first_text(known, keys))), None)
            for name, keys in _KEYS.items()
        }
        values.update(self._context_scopes(None))
        values["service"] = self.service
        values["model"] = request.model
        values["provider"] = request.provider
        values["api_key"] = next((v for h in _API_KEY_HEADERS if (v := headers.get(h))), None)
        return values

    def attributes(self, context: Context | None) -> dict[str, str]:
        """Return the scope attributes of spans started in *context*."""
        return {_KEYS[name][0]: value for name, value in self._context_scopes(context).items()}

    def _own(self, span: Any, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return *attributes* of *span* without those copied from untrusted baggage.

        A processor that copies baggage to spans makes a client's values look like the app's. A
        value equal in both is the client's.
        """
        foreign = {**getattr(span, _CARRIED, {}), **self._foreign(None)}
        if not foreign:
            return attributes
        return {
            key: attributes[key]
            for keys in _KEYS.values()
            for key in keys
            if key in attributes and str(attributes[key]) != foreign.get(key)
        }

    def _foreign(self, context: Context | None) -> dict[str, str]:
        """Return the scope values in baggage that is neither trusted nor set in this process."""
        values = baggage.get_all(context)
        if not values:
            return {}
        here = local_baggage(context)
        return {
            key: str(values[key])
            for key in _SCOPE_KEYS & values.keys()
            if key not in self._trusted and here.get(key) != values[key]
        }

    def note_baggage(self, span: Any, context: Context | None) -> None:
        """Remember the baggage at the start of *span*: it may be gone when a call is made."""
        foreign = self._foreign(context)
        if not foreign:
            return
        setattr(span, _CARRIED, foreign)
        ids = span.get_span_context()
        with self._lock:
            self._untrusted[ids.trace_id, ids.span_id] = frozenset(
                (name, value)
                for name, keys in _KEYS.items()
                for key in keys
                if (value := text(foreign.get(key)))
            )
            if len(self._untrusted) > _MOST_REMEMBERED:
                del self._untrusted[next(iter(self._untrusted))]

    def trusted(
        self, values: Mapping[str, str | None], trace_id: int, span_id: int
    ) -> Mapping[str, str | None]:
        """Return the scope *values* of a finished span without those that a client sent.

        The gate's rule, for calls that are charged after their end.
        """
        foreign = self._untrusted.get((trace_id, span_id))
        if not foreign:
            return values
        return {name: None if (name, value) in foreign else value for name, value in values.items()}

    def at_fork(self) -> None:
        """Reset the lock after fork."""
        self._lock = threading.Lock()

    def _context_scopes(self, context: Context | None) -> dict[str, str]:
        scopes: dict[str, str] = {}
        if self._trusted:
            values = baggage.get_all(context)
            trusted = {key: values[key] for key in self._trusted & values.keys()}
            for name, keys in _KEYS.items():
                if value := first_text(trusted, keys):
                    scopes[name] = value
        here = local_baggage(context)
        if here:
            scopes.update((name, v) for name, keys in _KEYS.items() if (v := here.get(keys[0])))
        scopes.update((k, v) for k, v in current_scope(context).items() if k in _KEYS)
        return scopes


def note_origin(span: Any, parent_context: Context | None) -> None:
    """Mark *span* if its trace came from another process."""
    parent: Any = trace.get_current_span(parent_context)
    if parent.get_span_context().is_remote or getattr(parent, _CAME_IN, False):
        setattr(span, _CAME_IN, True)


def trace_from_elsewhere() -> int:
    """Return the id of the current trace if it came from another process; 0 otherwise."""
    span: Any = trace.get_current_span()
    span_context = span.get_span_context()
    return (
        int(span_context.trace_id)
        if span_context.is_remote or getattr(span, _CAME_IN, False)
        else 0
    )


class ScopeSpanProcessor(SpanProcessor):
    """Sets the scope attributes of spans, so that ledger and budgets agree on them."""

    takes_raw_spans = True
    """Scope keys must be exact; it exports nothing."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Set the scope attributes that *span* does not have."""
        self._scopes.note_baggage(span, parent_context)
        note_origin(span, parent_context)
        for key, value in self._scopes.attributes(parent_context).items():
            if key not in (span.attributes or {}):
                span.set_attribute(key, value)


def without_scope(
    values: Mapping[str, str | None], policy: str, budgets: Iterable[CostBudget]
) -> Mapping[str, str | None]:
    """Apply *policy* (`together`, `allow`, `refuse`) to the missing scope values of a call.

    Raises Refused if the policy is `refuse` and one of *budgets* is kept for each value of such a
    scope; otherwise warns once for each such budget.
    """
    if policy != "refuse":
        for budget in budgets:
            if _lacks_scope(budget, values):
                how = "share one account" if policy == "together" else "are not counted"
                messages.warn_once(
                    f"budget {budget.name!r} is kept for each {budget.scope}, and a call has none; "
                    f"such calls {how}. Name it around the call, for example by "
                    f"otel_distro.budget.scope({budget.scope}=...); threads started "
                    "by the program do not inherit it"
                )
    if policy == "together":
        return {
            name: WITHOUT if value is None and name in _OPEN_SCOPES else value
            for name, value in values.items()
        }
    if policy == "refuse":
        for budget in budgets:
            if _lacks_scope(budget, values):
                reason = (
                    f"budget {budget.name!r} is kept for each {budget.scope}, and this call has "
                    f"none; name it, for example by otel_distro.budget.scope({budget.scope}=...)"
                )
                raise Refused(Refusal(reason, values.get("model") or "", budget.name))
    return values


def _lacks_scope(budget: CostBudget, values: Mapping[str, str | None]) -> bool:
    return (
        budget.scope in _OPEN_SCOPES and budget.match is None and values.get(budget.scope) is None
    )
