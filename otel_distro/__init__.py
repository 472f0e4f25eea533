"""The OpenTelemetry distribution for Python programs that call language models."""

from otel_distro.budget import BudgetExceeded
from otel_distro.configuration import configure
from otel_distro.errors import OtelDistroError, Problem, SettingsError

__all__ = ["BudgetExceeded", "OtelDistroError", "Problem", "SettingsError", "configure"]
