"""Starts the distribution from its settings, on each of three paths.

* environment: `opentelemetry-instrument`, providers created by the SDK's configurator
* declarative: the same with OTEL_CONFIG_FILE, our settings in `distribution.otel_distro`
* in code: `otel_distro.configure()`

The app runs despite any error. If protection is in doubt, content is withheld.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_distro import settings
from otel_distro.base import messages
from otel_distro.base.current_runtime import running, set_running
from otel_distro.base.errors import OtelDistroError, Problem, SettingsError
from otel_distro.base.startup_phases import startup_timer
from otel_distro.bootstrap.boot_failure import keep_protection, what_failed
from otel_distro.bootstrap.content import capture
from otel_distro.bootstrap.resource_attributes import distro_attributes, name_the_distro
from otel_distro.bootstrap.runtime import Runtime
from otel_distro.bootstrap.service_name import default_service_name
from otel_distro.bootstrap.standard_variables import end_process
from otel_distro.export.exporter_names import drop_unknown_exporters
from otel_distro.export.otlp.credentials import hide_malformed_headers, warn_of_plaintext
from otel_distro.export.otlp.light_transport import exporter_arguments
from otel_distro.export.otlp.variables import otlp_endpoint
from otel_distro.export.spool.endpoints import without_credentials
from otel_distro.pipeline.logs import setup as logs
from otel_distro.pipeline.sdk_counters import install_sdk_counters
from otel_distro.settings.shown import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.configuration.models import OpenTelemetryConfiguration

    from otel_distro.settings import Loaded

    Section = Mapping[str, Any] | None


def boot_from_environment(section: Section = None, **configurator_args: Any) -> None:
    """Set everything up from the variables; *section* replaces that of a file. Never raises."""
    environ = settings.process_environment()
    if running() is not None:
        return
    try:
        config_file = environ.get("OTEL_CONFIG_FILE", "").strip()
        if config_file:
            _boot_declarative(environ, config_file, section, configurator_args)
        else:
            _boot_environment(settings.load(environ, section), environ, configurator_args)
    except SystemExit:
        raise
    except Exception as error:  # the app must run
        keep_protection(environ, error)


def _boot_environment(
    loaded: Loaded, environ: Mapping[str, str], configurator_args: dict[str, Any]
) -> None:
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    for complaint in drop_unknown_exporters(settings.writable_environment()):
        _refuse_if_strict(loaded.settings.strict, without_secrets(complaint))
        messages.warn(without_secrets(complaint))
    with startup_timer("parts of the distribution"):
        runtime = start(loaded, environ)
        install_sdk_counters()
    configurator: Any = _OTelSDKConfigurator
    failure: Exception | None = None
    try:
        with startup_timer("providers and exporters"):
            configurator_args.setdefault("exporter_args_map", exporter_arguments(environ))
            configurator()._configure(  # noqa: SLF001 - required of every distribution
                export_span_processor=runtime.batch_spans,
                export_log_record_processor=runtime.batch_log_records,
                resource_attributes={
                    **distro_attributes(),
                    **default_service_name(environ, sys.orig_argv),
                },
                **configurator_args,
            )
    except Exception as error:  # the providers made so far must be guarded
        failure = error
    _attach(runtime, failure)


def _boot_declarative(
    environ: Mapping[str, str],
    config_file: str,
    section: Section,
    configurator_args: dict[str, Any],
) -> None:
    try:
        config = _read_config_file(config_file)
    except Exception as error:  # a file may be wrong in any way
        _boot_without_file(environ, _reason(error), section, configurator_args)
        return
    if config.disabled:
        return
    from opentelemetry.configuration import configure_sdk
    from opentelemetry.configuration.instrumentation import configure_instrumentation

    if section is None:
        section = dict(getattr(config, "distribution", None) or {}).get("otel_distro") or {}
    runtime = start(settings.load(environ, section), environ)
    install_sdk_counters()
    # Instrumentors run after the guard is installed.
    instrumentation, config.instrumentation_development = config.instrumentation_development, None
    failure: Exception | None = None
    try:
        name_the_distro(config)
        configure_sdk(config)
    except Exception as error:  # the providers made so far must be guarded
        failure = error
    _attach(runtime, failure)
    configure_instrumentation(instrumentation)


def config_file_problem(config_file: str) -> str | None:
    """Return why the declarative file *config_file* cannot be used; None if it can."""
    try:
        _read_config_file(config_file)
    except Exception as error:  # a file may be wrong in any way
        return _reason(error)
    return None


def _read_config_file(config_file: str) -> OpenTelemetryConfiguration:
    try:
        from opentelemetry.configuration import load_config_file
    except ImportError as error:
        raise OtelDistroError(
            "opentelemetry-configuration is not installed; run: pip install 'otel-distro[config]'"
        ) from error
    return load_config_file(config_file)


def _boot_without_file(
    environ: Mapping[str, str], reason: str, section: Section, configurator_args: dict[str, Any]
) -> None:
    """Set up guard, budgets and ledger from the variables, because OTEL_CONFIG_FILE is unusable.

    Content is withheld: the file may have redaction rules. Only exporters named by a variable are
    used: the file may name other endpoints.
    """
    loaded = settings.load(environ, section)
    problem = Problem("OTEL_CONFIG_FILE", f"{reason}; its settings and exporters are not in force")
    loaded = replace(loaded, problems=(*loaded.problems, problem))
    writable = settings.writable_environment()
    named = writable.pop("OTEL_CONFIG_FILE")
    try:
        _boot_environment(loaded, environ, configurator_args)
    finally:
        writable["OTEL_CONFIG_FILE"] = named  # child programs report it too


def _attach(runtime: Runtime, failure: Exception | None) -> None:
    """Guard the global providers; after a *failure*, create those for accounting first."""
    strict = runtime.settings.strict
    if failure is not None:
        _refuse_if_strict(strict, what_failed(failure))
        _make_tracer_provider()
    with startup_timer("guard, its proof, spooled telemetry"):
        attach_to_globals(runtime)
    if failure is not None:
        messages.warn(
            f"{what_failed(failure)}; the app runs, redaction, budgets and ledger are in force, "
            "exported telemetry may be missing"
        )


def _make_tracer_provider() -> None:
    """Create a tracer provider without exporters if there is none, for ledger and budgets."""
    from opentelemetry import trace

    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import DEFAULT_ON

    try:
        resource = Resource.create(distro_attributes())
    except Exception:  # for any error of a detector
        resource = Resource(distro_attributes())
    provider = TracerProvider(sampler=DEFAULT_ON, resource=resource)
    trace.set_tracer_provider(provider)


def start(loaded: Loaded, environ: Mapping[str, str]) -> Runtime:
    """Create the runtime from *loaded* settings and report every problem in them."""
    if loaded.problems:
        message = str(SettingsError(loaded.problems))
        _refuse_if_strict(loaded.settings.strict, message)
        effect = (
            "until this is fixed, ids, timing and cost are exported, but no content"
            if loaded.withholds
            else "defaults are used instead"
        )
        messages.warn(f"{message}\n  the app runs; {effect}")
    hide_malformed_headers()
    warn_of_plaintext(environ)
    capture(loaded.settings, settings.writable_environment())
    logs.prepare(loaded.settings, settings.writable_environment())
    runtime = Runtime(
        loaded.settings, withhold=loaded.withholds, endpoint=_place(otlp_endpoint(environ))
    )
    set_running(runtime)
    return runtime


def attach_to_globals(runtime: Runtime) -> None:
    """Guard the global providers, or report why that failed."""
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.metrics import get_meter_provider
    from opentelemetry.trace import get_tracer_provider

    try:
        runtime.attach(get_tracer_provider(), get_logger_provider(), get_meter_provider())
    except OtelDistroError as error:
        _refuse_if_strict(runtime.settings.strict, str(error))
        messages.warn(str(error))
    if not runtime.guard_ok:
        _refuse_if_strict(runtime.settings.strict, "the guard is not installed")


def _refuse_if_strict(strict: bool, message: str) -> None:  # noqa: FBT001
    if strict:
        end_process(message)


def _place(endpoint: str) -> str:
    """Return scheme, host and port of *endpoint*; never its user, password or query."""
    scheme, has_scheme, rest = without_credentials(endpoint).rpartition("://")
    return scheme + has_scheme + rest.partition("/")[0]


def _reason(error: BaseException) -> str:
    """Return why a file could not be read, without its content."""
    if isinstance(error, OtelDistroError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"cannot read the file: {error.strerror}"
    return f"not a usable configuration file ({type(error).__name__})"
