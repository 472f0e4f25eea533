"""Filters propagation headers: nothing personal is sent to third-party hosts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import baggage, propagate, trace
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceState

from otel_distro.api.context import without
from otel_distro.base.baggage_keys import KEYS
from otel_distro.pipeline.destinations import Destination, destination_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

_SAMPLING: Final = re.compile(r"(?:th|rv):[0-9a-f]{1,14}(?:;(?:th|rv):[0-9a-f]{1,14})*")
"""OpenTelemetry's own entry of the trace state, `ot`: a threshold and a random value."""


class AllowedPropagator(TextMapPropagator):
    """Delegates to *inner*, and removes entries that must not leave from its headers.

    A model endpoint, and a host on the Internet that is not one of *own_hosts*, get neither baggage
    nor trace state, except that the latter gets our keys in *travelling*. The app's own hosts get
    both unchanged. For an unknown host, an entry that *clean* (redaction) would change is removed.
    While *is_open* returns false, no header is written.
    """

    def __init__(
        self,
        inner: TextMapPropagator,
        travelling: tuple[str, ...],
        is_open: Callable[[], bool],
        *,
        own_hosts: tuple[str, ...] = (),
        clean: Callable[[str], str] = str,
    ) -> None:
        self._inner = inner
        self._travelling = frozenset(travelling)
        self._is_open = is_open
        self._own_hosts = own_hosts
        self._is_clean = lru_cache(maxsize=1024)(lambda text: clean(text) == text)

    def around(self, inner: TextMapPropagator) -> AllowedPropagator:
        """Return the same rules around another propagator."""
        other = AllowedPropagator(
            inner, tuple(self._travelling), self._is_open, own_hosts=self._own_hosts
        )
        other._is_clean = self._is_clean
        return other

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context that *inner* extracts; its readers decide which keys to trust."""
        return self._inner.extract(carrier, context, getter)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write headers, without entries that may not be sent to this host."""
        if not self._is_open():
            return
        try:
            allowed = self._allowed(without(context, self._travelling), carrier)
        except Exception:  # fails closed: neither baggage nor trace state
            allowed = _without_state(baggage.clear(context), lambda _key, _value: False)
        self._inner.inject(carrier, allowed, setter)

    def _allowed(self, context: Context, carrier: Any) -> Context:
        entries = baggage.get_all(context)
        state = trace.get_current_span(context).get_span_context().trace_state
        if not entries and not state:
            return context
        destination = destination_of(context, carrier, self._own_hosts)
        if destination is Destination.OWN:
            return context
        for key, value in entries.items():
            if not self._may_propagate(key, value, destination):
                context = baggage.remove_baggage(key, context)
        if not state:
            return context
        return _without_state(
            context,
            lambda key, value: (
                destination is not Destination.MODEL
                and (
                    (key == "ot" and _SAMPLING.fullmatch(value) is not None)
                    or (destination is Destination.UNKNOWN and self._are_clean(key, value))
                )
            ),
        )

    def _may_propagate(self, key: str, value: object, destination: Destination) -> bool:
        if destination is Destination.MODEL:
            return False
        if key in KEYS:  # the remaining keys are allowed to propagate
            return True
        return destination is Destination.UNKNOWN and self._are_clean(key, str(value))

    def _are_clean(self, key: str, value: str) -> bool:
        # Together, because a name may classify its value.
        return all(self._is_clean(text) for text in (key, value, f"{key}={value}"))

    @property
    def fields(self) -> set[str]:
        """Return the headers that *inner* writes."""
        return self._inner.fields


def _without_state(context: Context, keeps: Callable[[str, str], bool]) -> Context:
    """Return *context* with those entries of its span's trace state that *keeps* allows."""
    now = trace.get_current_span(context).get_span_context()
    if not now.trace_state:
        return context
    state = TraceState([(k, v) for k, v in now.trace_state.items() if keeps(k, v)])
    bare = SpanContext(now.trace_id, now.span_id, now.is_remote, now.trace_flags, state)
    return trace.set_span_in_context(NonRecordingSpan(bare), context)


def install(
    travelling: tuple[str, ...],
    is_open: Callable[[], bool],
    *,
    own_hosts: tuple[str, ...] = (),
    clean: Callable[[str], str] = str,
) -> None:
    """Put the filter around the global propagator, and around one that is set later."""
    current = propagate.get_global_textmap()
    if isinstance(current, AllowedPropagator):
        current = current._inner  # our own class
    filtered = AllowedPropagator(current, travelling, is_open, own_hosts=own_hosts, clean=clean)
    propagate.set_global_textmap(filtered)
    _filter_later_ones(filtered)


def _filter_later_ones(filtered: AllowedPropagator) -> None:
    module: Any = propagate
    original = getattr(
        module.set_global_textmap, "_otel_distro_original", module.set_global_textmap
    )

    def set_global_textmap(http_text_format: TextMapPropagator) -> None:
        known = _is_filtered(http_text_format)
        original(http_text_format if known else filtered.around(http_text_format))

    set_global_textmap.__doc__ = original.__doc__
    vars(set_global_textmap)["_otel_distro_original"] = original
    module.set_global_textmap = set_global_textmap


def _is_filtered(propagator: TextMapPropagator) -> bool:
    if isinstance(propagator, AllowedPropagator):
        return True
    inner = getattr(propagator, "inner", None)  # the tolerant propagator around it
    return isinstance(inner, AllowedPropagator)
