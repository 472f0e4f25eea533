"""Guards SDK providers that libraries create for themselves, at creation.

`logfire.configure()` and `phoenix.otel.register()` set up private providers and exporters,
independent of the global one. Unguarded, these would export prompts unredacted.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from otel_distro.base import messages
from otel_distro.pipeline.install import GuardError, disarm

if TYPE_CHECKING:
    from collections.abc import Callable

SDK_PROVIDERS: Final = (TracerProvider, LoggerProvider, MeterProvider)
_ADDING: Final = ("add_span_processor", "add_log_record_processor", "add_metric_reader")
_DEPTH: Final = 3

_guard: Callable[[Any], None] | None = None


def guard_when_made(guard: Callable[[Any], None]) -> None:
    """Call *guard* with every SDK provider created from now on.

    A provider for which it raises GuardError never exports. A second call replaces *guard*.
    """
    global _guard
    first, _guard = _guard is None, guard
    if first:
        for kind in SDK_PROVIDERS:
            _wrap_init(kind)


def sdk_provider_behind(provider: object, depth: int = _DEPTH) -> Any:
    """Return the SDK provider that *provider* is or delegates to; None without one.

    Some libraries wrap it (logfire's proxies, for example).
    """
    if isinstance(provider, SDK_PROVIDERS):
        return provider
    if not depth:
        return None
    for inner in list(getattr(provider, "__dict__", {}).values()):
        if isinstance(inner, SDK_PROVIDERS) or type(inner).__name__.endswith("Provider"):
            inner_provider = sdk_provider_behind(inner, depth - 1)
            if inner_provider is not None:
                return inner_provider
    return None


def _wrap_init(kind: Any) -> None:
    original = kind.__init__

    @wraps(original)
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        _guard_now(self)

    kind.__init__ = init


def _guard_now(provider: Any) -> None:
    if _guard is None:
        return
    try:
        _guard(provider)
    except Exception as error:  # fails closed, and never in the app
        if not isinstance(error, GuardError):
            disarm(provider)
        _keep_empty(provider)
        messages.warn(
            f"a {type(provider).__module__}.{type(provider).__qualname__} was made that cannot be "
            f"guarded, so nothing is exported from it: {error}"
        )


def _keep_empty(provider: Any) -> None:
    for name in _ADDING:
        if hasattr(provider, name):
            setattr(provider, name, lambda *_arguments, **_named: None)
