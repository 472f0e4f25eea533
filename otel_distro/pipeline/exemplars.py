"""Context of exemplars: session, user, tenant and feature flag of the measured work.

An exemplar's additional attributes create no further series.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Protocol

# A view's reservoirs have no public API; a contract test pins these names.
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.util.types import Attributes


class _Reservoir(Protocol):
    def offer(
        self, value: float, time_unix_nano: int, attributes: Attributes, context: Context
    ) -> None: ...

    def collect(self, point_attributes: Attributes) -> list[Exemplar]: ...


class ContextReservoir:
    """An exemplar reservoir whose exemplars carry the attributes of their context."""

    def __init__(
        self, reservoir: _Reservoir, attributes_of: Callable[[Context], Mapping[str, Any]]
    ) -> None:
        self._reservoir = reservoir
        self._attributes_of = attributes_of

    def offer(
        self, value: float, time_unix_nano: int, attributes: Attributes, context: Context
    ) -> None:
        """Offer a measurement with the attributes of *context*; its own take precedence."""
        merged = {**self._attributes_of(context), **(attributes or {})}
        self._reservoir.offer(value, time_unix_nano, merged, context)

    def collect(self, point_attributes: Attributes) -> list[Exemplar]:
        """Return the exemplars since the last collection."""
        return self._reservoir.collect(point_attributes)


def view_with_context(view: Any, attributes_of: Callable[[Context], Mapping[str, Any]]) -> Any:
    """Return a copy of *view* whose exemplars carry the attributes of their context.

    The SDK's default view is shared by all providers of the process, so it is not modified.
    """
    factory = view._exemplar_reservoir_factory

    def with_context(aggregation: type) -> Callable[..., ContextReservoir]:
        build = factory(aggregation)
        return lambda **how: ContextReservoir(build(**how), attributes_of)

    changed = copy(view)
    changed._exemplar_reservoir_factory = with_context
    changed._has_context = True
    return changed
