"""Meters and instruments whose methods accept any value and never raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics
from opentelemetry.metrics._internal.instrument import NoOpGauge
from opentelemetry.sdk.metrics import Meter, MeterProvider
from opentelemetry.sdk.metrics._internal import instrument as sdk

from otel_distro.pipeline.input_limits import invalid_input as kinds
from otel_distro.pipeline.input_limits.default import DEFAULT_CLEANER

if TYPE_CHECKING:
    from collections.abc import Callable


_MEASURING: Final = {
    sdk._Counter: "add",  # instruments of the SDK
    sdk._UpDownCounter: "add",
    sdk._Histogram: "record",
    sdk._Gauge: "set",
}


def tolerant(instrument: Any) -> Any:
    """Return *instrument*, made tolerant if it is one of the SDK's synchronous ones.

    Its method is replaced on the instance: the SDK looks aggregations up by the exact class.
    """
    name = _MEASURING.get(type(instrument))
    if name is not None and name not in vars(instrument):
        setattr(instrument, name, _tolerating(getattr(instrument, name)))
    return instrument


def _tolerating(take: Callable[..., None]) -> Callable[..., None]:
    def measure(amount: Any, attributes: Any = None, context: Any = None) -> None:
        """Measure *amount* if it is a finite number."""
        cleaner = TolerantMeter.cleaner
        try:
            number = cleaner.number(amount)
            if number is not None:
                take(number, cleaner.attributes(attributes), context)
        except Exception:  # telemetry never raises into the app
            cleaner.note(kinds.REFUSED, "measurement")

    return measure


class TolerantMeter(Meter):
    """A meter that returns an instrument for any arguments."""

    cleaner = DEFAULT_CLEANER

    def create_counter(self, *args: Any, **named: Any) -> Any:
        """Create a counter."""
        return self._make(super().create_counter, metrics.NoOpCounter, args, named)

    def create_up_down_counter(self, *args: Any, **named: Any) -> Any:
        """Create an up-down counter."""
        return self._make(super().create_up_down_counter, metrics.NoOpUpDownCounter, args, named)

    def create_histogram(self, *args: Any, **named: Any) -> Any:
        """Create a histogram."""
        return self._make(super().create_histogram, metrics.NoOpHistogram, args, named)

    def create_gauge(self, *args: Any, **named: Any) -> Any:
        """Create a gauge."""
        return self._make(
            super().create_gauge,
            NoOpGauge,
            args,
            named,
        )

    def create_observable_counter(self, *args: Any, **named: Any) -> Any:
        """Create an observable counter."""
        return self._make(
            super().create_observable_counter, metrics.NoOpObservableCounter, args, named
        )

    def create_observable_up_down_counter(self, *args: Any, **named: Any) -> Any:
        """Create an observable up-down counter."""
        return self._make(
            super().create_observable_up_down_counter,
            metrics.NoOpObservableUpDownCounter,
            args,
            named,
        )

    def create_observable_gauge(self, *args: Any, **named: Any) -> Any:
        """Create an observable gauge."""
        return self._make(super().create_observable_gauge, metrics.NoOpObservableGauge, args, named)

    def _make(
        self, create: Callable[..., Any], instead: Callable[[str], Any], args: Any, named: Any
    ) -> Any:
        try:
            return tolerant(create(*args, **named))
        except Exception:  # an invalid name must not end the program
            requested = args[0] if args else named.get("name", "")
            name = self.cleaner.text(requested)
            self.cleaner.note(kinds.REFUSED, f"instrument {name}")
            return instead(name)


class TolerantMeterProvider(MeterProvider):
    """A meter provider of tolerant meters."""

    def get_meter(self, *args: Any, **named: Any) -> Any:
        """Return a meter."""
        meter = super().get_meter(*args, **named)
        if type(meter) is Meter:
            meter.__class__ = TolerantMeter
        return meter


def tolerate_meters(provider: MeterProvider) -> None:
    """Make the current and later objects of *provider* tolerant."""
    if type(provider) is MeterProvider:
        provider.__class__ = TolerantMeterProvider
    for meter in provider._meters.values():  # there is no public list
        for instrument in meter._instrument_id_instrument.values():
            tolerant(instrument)
        if type(meter) is Meter:
            meter.__class__ = TolerantMeter
