"""What the distribution measures about itself: redactions, failures, deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from otel_distro import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_distro.faults import Faults


class SelfMetrics:
    """Counters of the guard, made on the global meter provider; also the `Shield`'s observer."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        meter = get_meter(names.METER_NAME)
        self._redactions = meter.create_counter(
            names.REDACTIONS, unit="{value}", description="Values redacted before export"
        )
        self._failures = meter.create_counter(
            names.REDACTION_FAILURES,
            unit="{record}",
            description="Records whose content was withheld because redaction failed",
        )
        self._dropped = meter.create_counter(
            names.EXPORT_DROPPED, unit="{record}", description="Records that were not delivered"
        )
        self.redaction_failures = 0

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        """Count matches by kind on one record of *signal*."""
        for kind, count in tally.items():
            self._redactions.add(count, {names.KIND: kind, names.SIGNAL: signal})

    def failed(self, signal: str, error: BaseException) -> None:
        """Count a record whose content was withheld."""
        self.redaction_failures += 1
        self._failures.add(1, {names.SIGNAL: signal, names.ERROR_TYPE: type(error).__name__})
        self._faults.record("redaction", error)

    def dropped(self, signal: str, count: int, reason: str) -> None:
        """Count records that were not delivered."""
        self._dropped.add(count, {names.SIGNAL: signal, names.REASON: reason})

    @staticmethod
    def observe_guard(is_ok: Callable[[], bool]) -> None:
        """Publish whether the guard is in place."""

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return (Observation(int(is_ok())),)

        get_meter(names.METER_NAME).create_observable_gauge(
            names.GUARD_OK, callbacks=[observe], description="1 while the guard is in place"
        )
