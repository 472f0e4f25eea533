"""The OpenTelemetry distribution for Python programs that call language models."""

from otel_distro.configuration import configure
from otel_distro.errors import OtelDistroError, Problem, SettingsError

__all__ = ["OtelDistroError", "Problem", "SettingsError", "configure"]
