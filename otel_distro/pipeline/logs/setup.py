"""Set-up of log outputs behind the guard, and of log levels."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider

from otel_distro.pipeline.logs.unreached import export_unreached

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk._logs.export import LogRecordExporter

    from otel_distro.settings import Settings

_PROFILES = {
    "dev": (logging.DEBUG, SeverityNumber.DEBUG),
    "test": (logging.WARNING, SeverityNumber.WARN),
    "prod": (logging.INFO, SeverityNumber.INFO),
}
"""Profile -> minimum level of loggers without a level, and of lines on the console."""

_NOISY = ("asyncio", "urllib3", "httpcore", "httpx", "openai._base_client", "opentelemetry")
"""Verbose loggers, whose DEBUG and INFO are off in `dev`."""

_CODE = "OTEL_PYTHON_LOG_CODE_ATTRIBUTES"


def prepare(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """Add the code location to records, if any output uses it."""
    if (settings.profile or settings.log_file) and not environ.get(_CODE, "").strip():
        environ[_CODE] = "true"


def install(
    settings: Settings,
    logger_provider: object,
    batch: Callable[[LogRecordExporter], LogRecordProcessor],
    clean: Callable[[str], str],
) -> None:
    """Add the configured outputs to *logger_provider*; the app's handlers are never touched.

    *clean* redacts text that is printed.
    """
    set_levels(settings)
    if not isinstance(logger_provider, LoggerProvider):
        return
    export_unreached(clean, has_console=settings.profile is not None)
    if settings.profile is not None:
        from otel_distro.pipeline.logs.outputs import ConsoleOutput

        level, least = _PROFILES[settings.profile]
        root = logging.getLogger()
        if root.level == logging.WARNING:  # Python's default; otherwise the app has set it
            root.setLevel(level)
        logger_provider.add_log_record_processor(ConsoleOutput(settings.profile, least))
    if settings.log_file is not None:
        from otel_distro.pipeline.logs.outputs import FileOutput
        from otel_distro.pipeline.logs.rotation import RotatingFile

        file = RotatingFile(
            settings.log_file.absolute(),
            megabytes=settings.log_file_mb,
            backups=settings.log_file_backups,
        )
        logger_provider.add_log_record_processor(batch(FileOutput(file)))


def set_levels(settings: Settings) -> None:
    """Set the minimum severity of loggers; lower ones do not even create a record."""
    chosen = dict(settings.log_levels)
    if settings.profile == "dev":
        chosen = dict.fromkeys(_NOISY, logging.WARNING) | chosen
    for name, level in chosen.items():
        logger = logging.getLogger(name)
        if level is not None and (name in dict(settings.log_levels) or logger.level == 0):
            logger.setLevel(level)


def listen(logger_provider: Any) -> None:
    """Enable the standard library's loggers if no agent does; once."""
    from opentelemetry.instrumentation.logging import LoggingInstrumentor

    instrumentor = LoggingInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(logger_provider=logger_provider)
