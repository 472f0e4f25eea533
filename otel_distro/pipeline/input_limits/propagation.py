"""Tolerant propagation: a failing propagator affects neither the request nor the others."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import baggage, propagate
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import (
    CarrierT,
    DefaultGetter,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from otel_distro.pipeline.input_limits import invalid_input as kinds

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.values import ValueCleaner


_MAX_HEADERS: Final = 1_000


class _BoundedGetter(DefaultGetter):
    """Reads a mapping as the default getter does, up to the size that headers can have.

    Upstream converts any header value to a list, even an endless iterator.
    """

    def get(self, carrier: Any, key: str) -> list[str] | None:
        value = carrier.get(key)
        if type(value) is str:
            return [value]
        if value is None:
            return None
        try:
            return list(islice(iter(value), _MAX_HEADERS))
        except TypeError:
            return [value]

    def keys(self, carrier: Any) -> list[str]:
        return list(islice(iter(carrier.keys()), _MAX_HEADERS))


_BOUNDED_GETTER: Final[Getter[Any]] = _BoundedGetter()


class TolerantPropagator(TextMapPropagator):
    """Delegates to *inner*, and contains its errors."""

    def __init__(self, inner: TextMapPropagator, cleaner: ValueCleaner) -> None:
        self.inner = inner
        self._cleaner = cleaner

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context in *carrier*, or *context* if it is invalid."""
        if getter is default_getter:
            getter = _BOUNDED_GETTER
        try:
            return self.inner.extract(carrier, context, getter)
        except Exception:  # headers come from outside
            self._cleaner.note(kinds.REFUSED, "extract")
            return context if context is not None else Context()

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write headers; baggage that cannot be written as it is becomes text."""
        try:
            self.inner.inject(carrier, context, setter)
        except Exception:  # the app's request must go out
            self._cleaner.note(kinds.REFUSED, "inject")
            with suppress(Exception):  # then without these headers
                self.inner.inject(carrier, self._with_plain_baggage(context), setter)

    def _with_plain_baggage(self, context: Context | None) -> Context:
        plain = baggage.clear(context)
        for key, value in baggage.get_all(context).items():
            plain = baggage.set_baggage(self._cleaner.text(key), self._cleaner.text(value), plain)
        return plain

    @property
    def fields(self) -> set[str]:
        """Return the headers that *inner* writes."""
        return self.inner.fields


def tolerate_propagation(cleaner: ValueCleaner) -> None:
    """Make the global propagator tolerant, or each part of a composite one."""
    current = propagate.get_global_textmap()
    if isinstance(current, TolerantPropagator):
        return
    if type(current) is CompositePropagator:
        parts = current._propagators  # there is no public list
        current._propagators = [
            part if isinstance(part, TolerantPropagator) else TolerantPropagator(part, cleaner)
            for part in parts
        ]
    propagate.set_global_textmap(TolerantPropagator(current, cleaner))
