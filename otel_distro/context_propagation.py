"""What of our contexts travels in headers: only keys that are allowed to, and nothing unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from otel_distro.contexts import without

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context


class AllowedPropagator(TextMapPropagator):
    """Asks *inner* for everything, and leaves out of headers what must not be in them.

    Session, tenant and user would otherwise be told to every host that the program calls, model
    providers among them. While *is_open* says no, no header is written at all.
    """

    def __init__(
        self, inner: TextMapPropagator, travelling: tuple[str, ...], is_open: Callable[[], bool]
    ) -> None:
        self._inner = inner
        self._travelling = frozenset(travelling)
        self._is_open = is_open

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return what *inner* finds; whom to believe is decided where it is used."""
        return self._inner.extract(carrier, context, getter)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write headers, without our keys that may not travel."""
        if self._is_open():
            self._inner.inject(carrier, without(context, self._travelling), setter)

    @property
    def fields(self) -> set[str]:
        """Return the headers that *inner* writes."""
        return self._inner.fields


def install(travelling: tuple[str, ...], is_open: Callable[[], bool]) -> None:
    """Put the filter around the global propagator, once."""
    current = propagate.get_global_textmap()
    if isinstance(current, AllowedPropagator):
        current = current._inner  # noqa: SLF001 - our own class
    propagate.set_global_textmap(AllowedPropagator(current, travelling, is_open))
