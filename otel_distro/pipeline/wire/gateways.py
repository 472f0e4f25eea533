"""Continues the caller's trace in gateways that have no instrumentation.

A client sends the trace context of a model call to its gateway. If nothing in the gateway reads it,
the gateway's request to the provider would be a separate call: reserved by budgets twice, and not
recognised as a duplicate. Applications of the frameworks below read it for requests to model
endpoints; nothing else about them changes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from opentelemetry.context import Context

    from otel_distro.base.internal_errors import InternalErrors

_PROPAGATOR: Final = TraceContextTextMapPropagator()


def hook_gateways(internal_errors: InternalErrors) -> None:
    """Make applications continue the traces of model calls, once their framework is imported."""
    for module, owner, method, make in _APPLICATIONS:
        wrapt.register_post_import_hook(_patching(owner, method, make, internal_errors), module)


def _patching(
    owner: str, method: str, make: Any, internal_errors: InternalErrors
) -> Callable[[Any], None]:
    def put(module: Any) -> None:
        try:
            from otel_wire.patching import patch

            patch(getattr(module, owner), method, lambda call: make(call, internal_errors))
        except Exception as error:  # the app's import must not fail
            internal_errors.record("wire", error)

    return put


def _asgi(call: Callable[..., Any], internal_errors: InternalErrors) -> Callable[..., Any]:
    """Return *call* of an ASGI application: Starlette, FastAPI, LiteLLM's proxy, Quart, Django."""

    async def called(self: Any, scope: Any, receive: Any, send: Any) -> None:
        with _current(_of_asgi, internal_errors, self, scope):
            await call(self, scope, receive, send)

    return called


def _of_asgi(app: Any, scope: Any) -> Context | None:
    if scope.get("type") != "http":
        return None
    parents = [value for name, value in scope.get("headers", ()) if name == b"traceparent"]
    texts = [parent.decode("latin-1") for parent in parents]
    return _caller(app, scope.get("method", ""), scope.get("path", ""), texts)


def _wsgi(call: Callable[..., Any], internal_errors: InternalErrors) -> Callable[..., Any]:
    """Return *call* of a WSGI application: Flask, Django."""

    def called(self: Any, environ: Any, start_response: Any) -> Any:
        with _current(_of_wsgi, internal_errors, self, environ) as caller:
            response = call(self, environ, start_response)
        # A stream may call the model while the server reads it, after the instrumentation's span.
        if caller is None:
            with _current(_of_wsgi, internal_errors, None, environ) as caller:
                pass
        return response if caller is None else _Streamed(response, caller)

    return called


def _of_wsgi(app: Any, environ: Any) -> Context | None:
    parent = environ.get("HTTP_TRACEPARENT")
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    return _caller(app, environ.get("REQUEST_METHOD", ""), path, [parent] if parent else [])


class _Streamed:
    """The response of a WSGI application, iterated in the caller's trace."""

    def __init__(self, response: Any, caller: Context) -> None:
        self._response, self._caller = response, caller

    def __iter__(self) -> Iterator[Any]:
        pieces = iter(self._response)
        while True:
            token = context.attach(self._caller)
            try:
                piece = next(pieces)
            except StopIteration:
                return
            finally:
                context.detach(token)
            yield piece

    def close(self) -> None:
        """Close the response."""
        if close := getattr(self._response, "close", None):
            close()


def _aiohttp(call: Callable[..., Any], internal_errors: InternalErrors) -> Callable[..., Any]:
    async def called(self: Any, request: Any) -> Any:
        with _current(_of_aiohttp, internal_errors, self, request):
            return await call(self, request)

    return called


def _of_aiohttp(app: Any, request: Any) -> Context | None:
    return _caller(app, request.method, request.path, request.headers.getall("traceparent", ()))


@contextmanager
def _current(
    read: Callable[[Any, Any], Context | None],
    internal_errors: InternalErrors,
    app: Any,
    request: Any,
) -> Generator[Context | None]:
    """Activate the caller's span in the block; yield its context, or None without one."""
    caller = None
    try:
        caller = read(app, request)
    except Exception as error:  # our errors must not reach the app
        internal_errors.record("wire", error)
    if caller is None:
        yield None
        return
    token = context.attach(caller)
    try:
        yield caller
    finally:
        context.detach(token)


def _caller(app: Any, method: str, path: str, parents: Sequence[str]) -> Context | None:
    """Return the caller's context for a model endpoint; None if *app* is not to read it."""
    from otel_wire.endpoints import may_call_model

    if method != "POST" or len(parents) != 1 or not may_call_model("POST", path):
        return None
    if _is_instrumented(app) or trace.get_current_span().get_span_context().is_valid:
        return None
    return _PROPAGATOR.extract({"traceparent": parents[0]})


def _is_instrumented(app: Any) -> bool:
    """Whether an instrumentation inside the application reads the header itself.

    Its span must be a server span; under a current span it would be internal.
    """
    if getattr(app, "_is_instrumented_by_opentelemetry", False):
        return True
    if any(each.__module__.startswith("opentelemetry.") for each in type(app).__mro__):
        return True
    if any("OpenTelemetry" in str(each) for each in getattr(app, "user_middleware", ())):
        return True
    return type(app).__module__.startswith("django.") and _django_is_instrumented()


def _django_is_instrumented() -> bool:
    from importlib import import_module

    middleware = import_module("django.conf").settings.MIDDLEWARE
    return any("opentelemetry" in str(each) for each in middleware)


_APPLICATIONS: Final = (
    ("starlette.applications", "Starlette", "__call__", _asgi),
    ("quart.app", "Quart", "__call__", _asgi),
    ("django.core.handlers.asgi", "ASGIHandler", "__call__", _asgi),
    ("django.core.handlers.wsgi", "WSGIHandler", "__call__", _wsgi),
    ("flask.app", "Flask", "wsgi_app", _wsgi),
    ("aiohttp.web_app", "Application", "_handle", _aiohttp),
)
"""Module, class and method of each framework's application, and its wrapper."""
