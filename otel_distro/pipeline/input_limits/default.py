"""Default value cleaner, in use until a runtime with its own settings starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.pipeline.input_limits.invalid_input import InvalidInputCounter
from otel_distro.pipeline.input_limits.limits import VALUE_LIMITS
from otel_distro.pipeline.input_limits.values import ValueCleaner

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.limits import ValueLimits

DEFAULT_CLEANER = ValueCleaner(VALUE_LIMITS, InvalidInputCounter(VALUE_LIMITS))


def make_cleaner(limits: ValueLimits) -> tuple[ValueCleaner, InvalidInputCounter]:
    """Return a cleaner for *limits*, and its counter."""
    invalid_input = InvalidInputCounter(limits)
    return ValueCleaner(limits, invalid_input), invalid_input
