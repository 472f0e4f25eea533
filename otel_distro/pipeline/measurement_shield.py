"""Redacts and caches the attribute sets of measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.pipeline.sdk_versions import measurable
from otel_distro.pipeline.series_limit import SeriesLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.metrics._internal.measurement import Measurement

    from otel_redaction.shield import Shield


# Aggregations have no public API; a contract test pins these names.
SIGNAL = "metrics"


_MAX_CACHED = 4096


class MeasurementShield:
    """Redacts the attributes of measurements, caches the sets, and limits series.

    While *is_open* returns False nothing is measured, and readers get nothing to export.
    """

    def __init__(
        self,
        shield: Shield,
        is_open: Callable[[], bool] = lambda: True,
        context_attributes: Callable[[Context | None], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self.shield = shield
        self.is_open = is_open
        self._context_attributes = context_attributes
        self._contexts: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
        self._known: dict[tuple[tuple[str, Any], ...], AttributeSet] = {}
        self._series = SeriesLimit()

    def context_of(self, context: Context) -> Mapping[str, Any]:
        """Return the redacted attributes of *context* for an exemplar."""
        context_attributes = self._context_attributes(context)
        if not context_attributes:
            return context_attributes
        key = tuple(context_attributes.items())
        clean = self._contexts.get(key)
        if clean is None:
            if len(self._contexts) >= _MAX_CACHED:
                self._contexts.clear()
            clean = self._contexts[key] = self.shield.attributes(context_attributes, SIGNAL)
        return clean

    def redact(self, measurement: Measurement) -> None:
        """Redact the attributes of *measurement* in place: no other code has it yet."""
        if measurement.attributes:
            self.put(self.set_of(measurement.attributes), measurement)

    def put(self, known: AttributeSet, measurement: Measurement) -> None:
        """Set the redacted attributes of *measurement*, or those of the overflow series."""
        # The constructor has cleaned the attributes; the class has no setter.
        measurement.__dict__["attributes"] = self._series.within(
            measurement.instrument, known.clean, known.series
        )

    def set_of(self, attributes: Mapping[str, Any]) -> AttributeSet:
        """Return the cached entry of these *attributes* with their redacted form."""
        key = tuple(attributes.items())
        try:
            known = self._known.get(key)
        except TypeError:  # a mapping among the values cannot be a key
            known = None
            key = ()
        if known is None or not known.matches(attributes):
            clean = self.shield.attributes(attributes, SIGNAL)
            known = AttributeSet(attributes, clean)
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            if key and known.is_flat:
                self._known[key] = known
        return known


class AttributeSet:
    """One attribute set of measurements: its redacted form and its aggregations."""

    __slots__ = ("_types", "clean", "is_flat", "series", "ways")

    def __init__(self, raw: Mapping[str, Any], clean: dict[str, Any]) -> None:
        self.clean = clean = measurable(clean)
        self.ways: dict[Any, tuple[object, tuple[Any, ...]]] = {}
        """Instrument -> the readers' storages at that time, and the aggregations in them."""
        # 1, 1.0 and True are equal keys and different attributes.
        types = tuple(type(value) for value in raw.values())
        self._types = types if set(types) != {str} else None
        self.is_flat = not {tuple, dict}.intersection(types)
        try:
            # Counted after redaction: two people are one series.
            self.series: Hashable = frozenset(clean.items())
        except TypeError:
            self.series = repr(sorted(clean.items(), key=_first))

    def matches(self, attributes: Mapping[str, Any]) -> bool:
        """Whether *attributes*, which equal these, are also of the same types."""
        return self._types is None or self._types == tuple(map(type, attributes.values()))


def _first(item: tuple[str, Any]) -> str:
    return item[0]
