"""What the tolerant classes use until a runtime with settings of its own has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.pipeline.input_limits.complaints import Complaints
from otel_distro.pipeline.input_limits.limits import VALUE_LIMITS
from otel_distro.pipeline.input_limits.values import Tamer

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.limits import ValueLimits

DEFAULT_TAMER = Tamer(VALUE_LIMITS, Complaints(VALUE_LIMITS))


def make_tamer(limits: ValueLimits) -> tuple[Tamer, Complaints]:
    """Return a tamer for *limits*, and where it counts."""
    complaints = Complaints(limits)
    return Tamer(limits, complaints), complaints
