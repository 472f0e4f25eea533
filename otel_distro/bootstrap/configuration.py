"""`otel_distro.configure()`: the guard for programs that set up OpenTelemetry in code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from otel_distro.base.errors import OtelDistroError, SettingsError
from otel_distro.base.platforms import unsupported
from otel_distro.bootstrap.boot_failure import keep_protection
from otel_distro.bootstrap.defaults import forget_exporter_defaults, is_disabled, set_defaults

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
    instrument: bool = True,
) -> None:
    """Guard the OpenTelemetry SDK of this process; a second call changes nothing.

    Without arguments the global providers are guarded if the program has set them, and otherwise
    created from the OTEL_* variables. *config* has the keys of the configuration file. SDK
    providers created later are guarded at creation; pass earlier ones that are not global. A global
    provider that is not the SDK's is reported on stderr, and under `strict` ends the process with
    code 78.

    Model clients with an installed instrumentation are instrumented on import. A client without one
    is reported on import, unless its requests are observed. *instrument* False leaves that to the
    program, as does a name in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS. Other libraries are left to
    the program.

    Raises SettingsError for invalid settings, and OtelDistroError if *tracer_provider* is not a
    provider of the OpenTelemetry SDK.
    """
    # Checked before loading anything, settings included: disabled costs nothing.
    if is_disabled(os.environ):
        return
    if problem := unsupported():
        keep_protection(os.environ, OtelDistroError(problem))
        return
    from otel_distro.bootstrap.standard_variables import repair_and_report

    repair_and_report(os.environ)  # before the SDK is imported
    from otel_distro import settings
    from otel_distro.base import messages
    from otel_distro.base.current_runtime import running

    environ = settings.process_environment()
    if (runtime := running()) is not None:
        if config is not None and settings.load(environ, config).settings != runtime.settings:
            messages.warn_once(
                "configure(config=...) has no effect, because telemetry is already set up; "
                "set the OTEL_DISTRO_* variables, or start the program with plain `python`"
            )
        return
    loaded = settings.load(environ, config)
    if loaded.problems:
        raise SettingsError(loaded.problems)
    providers = (tracer_provider, logger_provider, meter_provider)
    if any(provider is not None for provider in providers) or _program_has_providers():
        _attach(loaded, environ, providers)
        if instrument:
            _instrument(environ, providers, observed=loaded.settings.wire)
        return
    from otel_distro.bootstrap.boot import boot_from_environment

    set_defaults(settings.writable_environment())
    try:
        boot_from_environment(config)
    finally:
        forget_exporter_defaults(settings.writable_environment())
    _listen(loaded)
    if instrument:
        _instrument(environ, providers, observed=loaded.settings.wire)


def _instrument(
    environ: Mapping[str, str], providers: tuple[Any, Any, Any], *, observed: bool
) -> None:
    """Instrument model clients with the providers that the program passed, else the global ones."""
    from otel_distro.base import messages
    from otel_distro.bootstrap.instrumentation.of_clients import instrument_model_clients

    names = ("tracer_provider", "logger_provider", "meter_provider")
    given = {n: each for n, each in zip(names, providers, strict=True) if each is not None}
    try:
        instrument_model_clients(environ, observed=observed, **given)
    except Exception as error:  # the app must run
        messages.warn(f"model clients could not be instrumented: {type(error).__name__}")


def _listen(loaded: Loaded) -> None:
    """Enable standard loggers if their records are printed or written."""
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

    gets = (get_tracer_provider, get_logger_provider, get_meter_provider)
    given = [
        _unwrapped(provider if provider is not None else get())
        for provider, get in zip(providers, gets, strict=True)
    ]
    if providers[0] is not None:
        _refuse_foreign(given[0])
    runtime: Runtime = start(loaded, environ)
    if providers[0] is None:
        _report_foreign(given[0], strict=loaded.settings.strict)
    try:
        runtime.attach(*given)
    except OtelDistroError:
        set_running(None)
        raise
    _listen(loaded)


def _unwrapped(provider: Any) -> Any:
    """Return the SDK provider that *provider* delegates to, else *provider* itself."""
    from otel_distro.pipeline.later_providers import sdk_provider_behind

    return sdk_provider_behind(provider) or provider


def _is_foreign(tracer_provider: Any) -> bool:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider

    return not isinstance(
        tracer_provider, TracerProvider | ProxyTracerProvider | NoOpTracerProvider
    )


def _refuse_foreign(tracer_provider: Any) -> None:
    if _is_foreign(tracer_provider):
        raise OtelDistroError(
            f"cannot guard {_name(tracer_provider)}: "
            "expected opentelemetry.sdk.trace.TracerProvider"
        )


def _report_foreign(tracer_provider: Any, *, strict: bool) -> None:
    """Report a global provider that is not the SDK's; the app did not pass it, so do not raise."""
    if not _is_foreign(tracer_provider):
        return
    from otel_distro.base import messages
    from otel_distro.bootstrap.standard_variables import end_process

    message = (
        f"the global tracer provider is {_name(tracer_provider)}, not the SDK's, so its spans are "
        "NOT redacted, priced or counted for budgets; call otel_distro.configure() before the "
        "library that sets it"
    )
    if strict:
        end_process(message)
    messages.warn(message)


def _name(provider: Any) -> str:
    return f"{type(provider).__module__}.{type(provider).__qualname__}"
