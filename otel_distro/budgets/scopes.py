"""Who a call is made for: what the app says, baggage it trusts by name, and the current span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import SpanProcessor

from otel_distro.budget import current_scope
from otel_distro.contexts import said_here
from otel_pricing import scope_keys
from otel_pricing.values import first_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from otel_budget.endpoints import ModelRequest

_KEYS = {
    "tenant": scope_keys.TENANT,
    "user": scope_keys.USER,
    "session": scope_keys.SESSION,
    "agent": scope_keys.AGENT,
}
_API_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


class Scopes:
    """Reads scope values where a call is made; only baggage keys in *trusted* count."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted = frozenset(trusted)
        self.service = ""

    def __call__(
        self, request: ModelRequest, headers: Mapping[str, str]
    ) -> Mapping[str, str | None]:
        """Return the scope values of *request*, made here and now."""
        attributes: Any = getattr(trace.get_current_span(), "attributes", None) or {}
        values: dict[str, str | None] = {
            name: first_text(attributes, keys) for name, keys in _KEYS.items()
        }
        values.update(self._said(None))
        values["service"] = self.service
        values["model"] = request.model
        values["provider"] = request.provider
        values["api_key"] = next((v for h in _API_KEY_HEADERS if (v := headers.get(h))), None)
        return values

    def attributes(self, context: Context | None) -> dict[str, str]:
        """Return the attributes that say who spans begun in *context* are for."""
        return {_KEYS[name][0]: value for name, value in self._said(context).items()}

    def _said(self, context: Context | None) -> dict[str, str]:
        said: dict[str, str] = {}
        if self._trusted:
            carried = baggage.get_all(context)
            trusted = {key: carried[key] for key in self._trusted & carried.keys()}
            for name, keys in _KEYS.items():
                if value := first_text(trusted, keys):
                    said[name] = value
        here = said_here(context)
        if here:
            said.update((name, v) for name, keys in _KEYS.items() if (v := here.get(keys[0])))
        said.update((k, v) for k, v in current_scope().items() if k in _KEYS)
        return said


class ScopeSpanProcessor(SpanProcessor):
    """Writes who a span is for on it, so that ledger and budgets agree on it afterwards."""

    takes_raw_spans = True
    """Keys of scopes must be exact; it exports nothing."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Set what is said and the span does not say itself."""
        for key, value in self._scopes.attributes(parent_context).items():
            if key not in (span.attributes or {}):
                span.set_attribute(key, value)
