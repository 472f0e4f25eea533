"""Entry points loaded by `opentelemetry-instrument`.

Kept light on purpose. Every Python process under the agent imports this module, even with telemetry
disabled, so the SDK is imported only if it is needed. This module sets OpenTelemetry's own
defaults; besides settings, only it may access `os.environ`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # untyped

from otel_distro.base.errors import OtelDistroError
from otel_distro.base.garbage_collection import paused_garbage_collection
from otel_distro.base.platforms import unsupported
from otel_distro.base.startup_phases import startup_timer
from otel_distro.bootstrap.boot_failure import keep_protection
from otel_distro.bootstrap.defaults import forget_exporter_defaults, is_disabled, set_defaults
from otel_distro.bootstrap.standard_variables import repair_and_report

if TYPE_CHECKING:
    from opentelemetry.util._importlib_metadata import EntryPoint


class OtelDistro(BaseDistro):  # type: ignore[misc]
    """Sets defaults before anything else is configured."""

    _instance = None

    def _configure(self, **_kwargs: Any) -> None:
        if not is_disabled(os.environ):
            repair_and_report(os.environ)  # before the SDK is imported
        set_defaults(os.environ)  # instrumentors and children read it from there

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Activate one instrumentor; a failure does not affect the others."""
        from otel_distro.bootstrap.instrumentation.instrumentors import load

        load(entry_point, **kwargs)


class OtelDistroConfigurator:
    """Sets up the SDK and the guard unless disabled."""

    def configure(self, **kwargs: Any) -> None:
        """Boot from the environment; never raises. In strict mode it ends the process instead."""
        if is_disabled(os.environ):
            return
        if problem := unsupported():
            keep_protection(os.environ, OtelDistroError(problem))
            return
        try:
            with paused_garbage_collection():
                with startup_timer("import of the SDK and the distribution"):
                    from otel_distro.bootstrap.boot import boot_from_environment

                boot_from_environment(**kwargs)
        except Exception as error:  # noqa: BLE001 - the app must run
            keep_protection(os.environ, error)
        finally:
            forget_exporter_defaults(os.environ)
        _ask_for_consent()


def _ask_for_consent() -> None:
    from otel_distro.base.current_runtime import running

    runtime = running()
    if runtime is not None and not runtime.gate.is_open():
        from otel_distro.privacy.consent_prompt import first_run

        first_run()
