"""Suppresses the ASGI middleware's spans for single messages of a request.

Upstream creates a span for every `receive` and `send`: three for the smallest request, and one for
each chunk of a streamed response. They add nothing to the request's own span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable

_MIDDLEWARE = "opentelemetry.instrumentation.asgi"


def exclude_event_spans() -> None:
    """Exclude them in the ASGI middleware unless the app selects its own."""
    wrapt.register_post_import_hook(_wrap, _MIDDLEWARE)


def _wrap(module: Any) -> None:
    if not isinstance(module.OpenTelemetryMiddleware.__init__, wrapt.ObjectProxy):
        wrapt.wrap_function_wrapper(module, "OpenTelemetryMiddleware.__init__", _init)


def _init(original: Callable[..., None], _self: Any, arguments: Any, named: Any) -> None:
    if named.get("exclude_spans") is None:
        named = {**named, "exclude_spans": ["receive", "send"]}
    original(*arguments, **named)
