"""`otel_distro.configure()`: the same guard for programs that set OpenTelemetry up in code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from otel_distro.base.errors import OtelDistroError, SettingsError
from otel_distro.bootstrap.defaults import is_disabled, set_defaults
from otel_distro.bootstrap.sdk_values import drop_unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_distro.bootstrap.runtime import Runtime
    from otel_distro.settings import Loaded


def configure(
    *,
    tracer_provider: Any = None,
    logger_provider: Any = None,
    meter_provider: Any = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Guard the OpenTelemetry SDK of this process; a second call changes nothing.

    Without arguments the global providers are guarded where the program has set them, and made
    from the OTEL_* variables where it has not. *config* has the keys of the configuration file.
    Only what goes through a guarded provider is protected: pass providers that are not global.

    Raises SettingsError for settings that cannot be used, and OtelDistroError when a provider is
    not that of the OpenTelemetry SDK and so cannot be guarded.
    """
    # Asked before anything is loaded, settings included: off costs nothing.
    if is_disabled(os.environ):  # noqa: TID251
        return
    from otel_distro import settings
    from otel_distro.base.current_runtime import running

    if running() is not None:
        return
    environ = settings.process_environment()
    loaded = settings.load(environ, config)
    if loaded.problems:
        raise SettingsError(loaded.problems)
    providers = (tracer_provider, logger_provider, meter_provider)
    if any(provider is not None for provider in providers) or _program_has_providers():
        _attach(loaded, environ, providers)
        return
    from otel_distro.bootstrap.boot import boot_from_environment

    unusable = list(drop_unusable(settings.writable_environment()))
    set_defaults(settings.writable_environment())
    boot_from_environment(unusable=unusable)
    _listen(loaded)


def _listen(loaded: Loaded) -> None:
    """Have standard loggers heard where their records are to be shown or written."""
    if loaded.settings.profile is None and loaded.settings.log_file is None:
        return
    from opentelemetry._logs import get_logger_provider

    from otel_distro.pipeline.logs.setup import listen

    listen(get_logger_provider())


def _program_has_providers() -> bool:
    from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

    return not isinstance(get_tracer_provider(), ProxyTracerProvider)


def _attach(loaded: Loaded, environ: Mapping[str, str], providers: tuple[Any, Any, Any]) -> None:
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.metrics import get_meter_provider
    from opentelemetry.trace import get_tracer_provider

    from otel_distro.base.current_runtime import set_running
    from otel_distro.bootstrap.boot import start

    given = [
        provider if provider is not None else get()
        for provider, get in zip(
            providers, (get_tracer_provider, get_logger_provider, get_meter_provider), strict=True
        )
    ]
    _refuse_foreign(given[0])
    runtime: Runtime = start(loaded, environ)
    try:
        runtime.attach(*given)
    except OtelDistroError:
        set_running(None)
        raise
    _listen(loaded)


def _refuse_foreign(tracer_provider: Any) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider

    if isinstance(tracer_provider, TracerProvider | ProxyTracerProvider | NoOpTracerProvider):
        return
    raise OtelDistroError(
        f"cannot guard {type(tracer_provider).__module__}.{type(tracer_provider).__qualname__}: "
        "expected opentelemetry.sdk.trace.TracerProvider. Call otel_distro.configure() before "
        "the library that sets this provider, or pass tracer_provider="
    )
