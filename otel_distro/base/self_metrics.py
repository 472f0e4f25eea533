"""Metrics of the distribution itself: redactions, failures, deliveries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from otel_distro.base import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.export.delivery_reports import Deliveries
    from otel_distro.pipeline.input_limits.invalid_input import InvalidInputCounter


class SelfMetrics:
    """Counters of the guard on the global meter provider; also the `Shield`'s observer."""

    def __init__(self, internal_errors: InternalErrors) -> None:
        self._internal_errors = internal_errors
        meter = get_meter(names.METER_NAME)
        self._redactions = meter.create_counter(
            names.REDACTIONS, unit="{value}", description="Values redacted before export"
        )
        self._failures = meter.create_counter(
            names.REDACTION_FAILURES,
            unit="{record}",
            description="Records whose content was withheld because redaction failed",
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
        self._internal_errors.record("redaction", error)

    @staticmethod
    def observe_guard(is_ok: Callable[[], bool]) -> None:
        """Publish whether the guard is installed."""

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return (Observation(int(is_ok())),)

        get_meter(names.METER_NAME).create_observable_gauge(
            names.GUARD_OK, callbacks=[observe], description="1 while the guard is in place"
        )

    @staticmethod
    def observe_invalid_input(invalid_input: InvalidInputCounter) -> None:
        """Publish the number of values changed before export, by reason."""

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            for kind, count in invalid_input.counts.copy().items():
                yield Observation(count, {names.REASON: kind})

        get_meter(names.METER_NAME).create_observable_counter(
            names.VALUES_CHANGED,
            callbacks=[observe],
            unit="{value}",
            description="Values that were cut or replaced",
        )

    @staticmethod
    def observe_deliveries(deliveries: Deliveries) -> None:
        """Publish the export counters: emitted, delivered, spooled, dropped, waiting."""
        meter = get_meter(names.METER_NAME)
        for name, description, column in (
            (names.EXPORT_EMITTED, "Records handed to an exporter's queue", "emitted"),
            (names.EXPORT_DELIVERED, "Records that were delivered", "delivered"),
            (names.EXPORT_SPOOLED, "Records written to disk to be sent later", "spooled"),
        ):
            meter.create_observable_counter(
                name,
                callbacks=[partial(_observe_column, deliveries, column)],
                unit="{record}",
                description=description,
            )
        meter.create_observable_counter(
            names.EXPORT_DROPPED,
            callbacks=[partial(_observe_dropped, deliveries)],
            unit="{record}",
            description="Records that were not delivered",
        )
        meter.create_observable_up_down_counter(
            names.EXPORT_WAITING,
            callbacks=[partial(_observe_column, deliveries, "waiting")],
            unit="{record}",
            description="Records in memory that wait for delivery",
        )
        meter.create_observable_counter(
            names.SPOOL_RESENT,
            callbacks=[partial(_observe_resent, deliveries)],
            unit="{record}",
            description="Records delivered from disk, also those of earlier processes",
        )
        meter.create_observable_counter(
            names.SPOOL_DROPPED,
            callbacks=[partial(_observe_spool_dropped, deliveries)],
            unit="{record}",
            description="Records that waited on disk and will not arrive",
        )


def _observe_column(
    deliveries: Deliveries, column: str, _options: CallbackOptions
) -> Iterable[Observation]:
    for signal, tally in deliveries.tallies().items():
        yield Observation(getattr(tally, column), {names.SIGNAL: signal})


def _observe_dropped(deliveries: Deliveries, _options: CallbackOptions) -> Iterable[Observation]:
    for signal, tally in deliveries.tallies().items():
        for reason, count in tally.dropped.items():
            yield Observation(count, {names.SIGNAL: signal, names.REASON: reason})


def _observe_resent(deliveries: Deliveries, _options: CallbackOptions) -> Iterable[Observation]:
    for signal, count in deliveries.resent_counts().items():
        yield Observation(count, {names.SIGNAL: signal})


def _observe_spool_dropped(
    deliveries: Deliveries, _options: CallbackOptions
) -> Iterable[Observation]:
    for (signal, reason), count in deliveries.spool_lost_counts().items():
        yield Observation(count, {names.SIGNAL: signal, names.REASON: reason})
