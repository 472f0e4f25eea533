"""From settings to a running distribution, on each of the three paths there are.

* environment: `opentelemetry-instrument`, providers made by the SDK's configurator
* declarative: the same with OTEL_CONFIG_FILE, our settings in `distribution.otel_distro`
* in code: `otel_distro.configure()`

Whatever goes wrong, the app runs. Where protection is in doubt, content is withheld.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from otel_distro import settings
from otel_distro.base import messages as notices
from otel_distro.base.attributes import DISTRO_NAME
from otel_distro.base.current_runtime import running, set_running
from otel_distro.base.errors import OtelDistroError, Problem, SettingsError
from otel_distro.base.startup_phases import phase
from otel_distro.bootstrap.boot_failure import close_everything, make_missing_provider
from otel_distro.bootstrap.content import capture
from otel_distro.bootstrap.runtime import Runtime
from otel_distro.export.exporters import drop_unknown_exporters
from otel_distro.export.otlp.credentials import keep_headers_unprinted, warn_of_plaintext
from otel_distro.export.otlp.light_transport import exporter_arguments
from otel_distro.export.otlp.variables import otlp_endpoint
from otel_distro.export.spool.endpoints import without_credentials
from otel_distro.pipeline.logs import setup as logs
from otel_distro.pipeline.sdk_counters import count_cheaply
from otel_distro.settings.environment_variables import OTEL_DISTRO_STRICT
from otel_distro.settings.parsers import TRUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.configuration.models import OpenTelemetryConfiguration

    from otel_distro.settings import Loaded

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: the exit code of a process that refuses to run as configured."""


def boot_from_environment(*, unusable: Iterable[str] = (), **configurator_args: Any) -> None:
    """Set everything up under `opentelemetry-instrument`; never raises.

    *unusable* says what was wrong with OpenTelemetry's own variables and has been left out.
    """
    environ = settings.process_environment()
    if running() is not None:
        return
    for complaint in unusable:
        _refuse_if_strict(_is_strict(environ), complaint)
        notices.say(complaint)
    try:
        config_file = environ.get("OTEL_CONFIG_FILE", "").strip()
        if config_file:
            _boot_declarative(environ, config_file)
        else:
            _boot_environment(environ, configurator_args)
    except SystemExit:
        raise
    except Exception as error:  # noqa: BLE001 - the app must run
        _go_on_protected(environ, error)


def _go_on_protected(environ: Mapping[str, str], error: Exception) -> None:
    """Have guard, budgets and ledger in place although set-up ended with *error*.

    What was to be protected may be known in part only, so content is withheld. Where not even
    this succeeds, nothing is exported, and no model is called under budgets that refuse.
    """
    _refuse_if_strict(_is_strict(environ), _what(error))
    notices.say(f"{_what(error)}; the app runs, telemetry may be missing")
    if running() is not None:
        return
    try:
        problem = Problem("set-up", "failed, so that it is unknown what was meant", withholds=True)
        runtime = start(replace(settings.load(environ), problems=(problem,)), environ, tell=False)
        make_missing_provider()
        attach_to_globals(runtime)
    except SystemExit:
        raise
    except Exception as second:  # noqa: BLE001 - the app must run
        notices.say(f"{_what(second)}; nothing is exported, and budgets that refuse let no call by")
        close_everything(environ)


def _is_strict(environ: Mapping[str, str]) -> bool:
    runtime = running()
    if runtime is not None:
        return runtime.settings.strict
    try:
        return settings.load(environ).settings.strict
    except Exception:  # noqa: BLE001 - settings are what failed
        return environ.get(OTEL_DISTRO_STRICT, "").strip().lower() in TRUE


def _boot_environment(environ: Mapping[str, str], configurator_args: dict[str, Any]) -> None:
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    for complaint in drop_unknown_exporters(settings.writable_environment()):
        notices.say(complaint)
    with phase("settings and rules of redaction"):
        loaded = settings.load(environ)
    with phase("parts of the distribution"):
        runtime = start(loaded, environ)
        count_cheaply()
    failure: Exception | None = None
    try:
        configurator: Any = _OTelSDKConfigurator
        with phase("providers and exporters"):
            configurator_args.setdefault("exporter_args_map", exporter_arguments(environ))
            configurator()._configure(  # noqa: SLF001 - every distribution has to
                export_span_processor=runtime.batch_spans,
                export_log_record_processor=runtime.batch_log_records,
                resource_attributes=_distro_attributes(),
                **configurator_args,
            )
    except Exception as error:  # noqa: BLE001 - what was made so far still has to be guarded
        failure = error
        make_missing_provider()  # the ledger and budgets need spans, not exporters
    with phase("guard, its proof, what waits on disk"):
        attach_to_globals(runtime)
    if failure is not None:
        _refuse_if_strict(runtime.settings.strict, _what(failure))
        raise failure


def _boot_declarative(environ: Mapping[str, str], config_file: str) -> None:
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file
        from opentelemetry.configuration.instrumentation import configure_instrumentation
    except ImportError as error:
        raise OtelDistroError(
            "OTEL_CONFIG_FILE is set but opentelemetry-configuration is not installed; "
            "run: pip install 'otel-distro[config]'"
        ) from error
    config = load_config_file(config_file)
    if config.disabled:
        return
    section = dict(getattr(config, "distribution", None) or {}).get("otel_distro") or {}
    runtime = start(settings.load(environ, section), environ)
    count_cheaply()
    # Instrumentors run after the guard is in place, not before.
    instrumentation, config.instrumentation_development = config.instrumentation_development, None
    _name_the_distro(config)
    try:
        configure_sdk(config)
    except Exception:
        make_missing_provider()
        raise
    finally:
        attach_to_globals(runtime)
    configure_instrumentation(instrumentation)


def start(loaded: Loaded, environ: Mapping[str, str], *, tell: bool = True) -> Runtime:
    """Make the runtime from *loaded* settings and tell of every problem met in them.

    Without *tell* the problems have been told of before.
    """
    if loaded.problems and tell:
        message = str(SettingsError(loaded.problems))
        _refuse_if_strict(loaded.settings.strict, message)
        effect = (
            "no content is exported until this is mended; ids, timing and cost are"
            if loaded.withholds
            else "defaults are used in their place"
        )
        notices.say(f"{message}\n  the app runs; {effect}")
    keep_headers_unprinted()
    warn_of_plaintext(environ)
    capture(loaded.settings, settings.writable_environment())
    logs.prepare(loaded.settings, settings.writable_environment())
    runtime = Runtime(
        loaded.settings, withhold=loaded.withholds, endpoint=_place(otlp_endpoint(environ))
    )
    set_running(runtime)
    return runtime


def attach_to_globals(runtime: Runtime) -> None:
    """Guard the global providers, or say why that was not possible."""
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.metrics import get_meter_provider
    from opentelemetry.trace import get_tracer_provider

    try:
        runtime.attach(get_tracer_provider(), get_logger_provider(), get_meter_provider())
    except OtelDistroError as error:
        _refuse_if_strict(runtime.settings.strict, str(error))
        notices.say(str(error))
    if not runtime.guard_ok:
        _refuse_if_strict(runtime.settings.strict, "the guard is not in place")


def _refuse_if_strict(strict: bool, message: str) -> None:  # noqa: FBT001
    if strict:
        _refuse(message)


def _refuse(message: str) -> NoReturn:
    # An exception raised here would be swallowed by the agent or shown as a crash of Python
    # itself, so the process ends at once, with one message.
    notices.say(f"{message}\n  OTEL_DISTRO_STRICT is set, so the app was not started")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CONFIG)


def _distro_attributes() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "telemetry.distro.name": DISTRO_NAME,
        "telemetry.distro.version": version("otel-distro"),
    }


def _name_the_distro(config: OpenTelemetryConfiguration) -> None:
    """Add to the resource of a declarative file what the environment path says there.

    Without an instance the metrics of two processes of one service are one series, and each
    overwrites the other's.
    """
    from opentelemetry.configuration.models import AttributeNameValue
    from opentelemetry.configuration.models import Resource as ConfiguredResource
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource

    if config.resource is None:
        config.resource = ConfiguredResource()
    said = list(config.resource.attributes or ())
    named = {attribute.name for attribute in said}
    instance = str(Resource.create().attributes.get(SERVICE_INSTANCE_ID, ""))
    ours = {**_distro_attributes(), SERVICE_INSTANCE_ID: instance}
    said += [AttributeNameValue(n, value) for n, value in ours.items() if value and n not in named]
    config.resource.attributes = said


def _place(endpoint: str) -> str:
    """Return scheme, host and port of *endpoint*; never its user, password or query."""
    scheme, has_scheme, rest = without_credentials(endpoint).rpartition("://")
    return scheme + has_scheme + rest.partition("/")[0]


def _what(error: BaseException) -> str:
    if isinstance(error, OtelDistroError):
        return str(error)
    return f"OpenTelemetry could not be set up: {type(error).__name__}: {error}"
