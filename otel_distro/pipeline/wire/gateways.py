"""Gateways without an instrumentation of their own: the trace of a caller goes on in them.

A client tells a gateway of one's own which trace a model call belongs to. Where nothing in the
gateway reads that, its request to the seller would be a call of its own: held by budgets beside
the client's, and not recognised as the same. Applications of Starlette, and so of FastAPI and the
LiteLLM proxy, read it for requests to model endpoints; nothing else about them changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.base.internal_errors import InternalErrors

_MODULE: Final = "starlette.applications"
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def hook_gateways(faults: InternalErrors) -> None:
    """Have applications of Starlette continue the traces of model calls, once it is imported."""

    def put(module: Any) -> None:
        try:
            from otel_wire.patching import patch

            patch(module.Starlette, "__call__", lambda call: _continuing(call, faults))
        except Exception as error:  # the app must be able to import its library
            faults.record("wire", error)

    wrapt.register_post_import_hook(put, _MODULE)


def _continuing(call: Callable[..., Any], faults: InternalErrors) -> Callable[..., Any]:
    async def called(self: Any, scope: Any, receive: Any, send: Any) -> None:
        token = None
        try:
            token = _attach(self, scope)
        except Exception as error:  # the app must not see our errors
            faults.record("wire", error)
        if token is None:
            await call(self, scope, receive, send)
            return
        try:
            await call(self, scope, receive, send)
        finally:
            context.detach(token)

    return called


def _attach(app: Any, scope: Any) -> Any:
    """Make the caller's span the current one; return how to undo that, None if nothing was done."""
    if scope.get("type") != "http" or scope.get("method") != "POST":
        return None
    from otel_wire.endpoints import may_call_model

    if not may_call_model("POST", scope.get("path", "")):
        return None
    parents = [value for name, value in scope.get("headers", ()) if name == b"traceparent"]
    if len(parents) != 1 or _is_instrumented(app):
        return None
    if trace.get_current_span().get_span_context().is_valid:
        return None
    carrier = {"traceparent": parents[0].decode("latin-1")}
    return context.attach(_PROPAGATOR.extract(carrier))


def _is_instrumented(app: Any) -> bool:
    """Whether an instrumentation reads the header itself, inside the application."""
    if getattr(app, "_is_instrumented_by_opentelemetry", False):
        return True
    return any("OpenTelemetry" in str(each) for each in getattr(app, "user_middleware", ()))
