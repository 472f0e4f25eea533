"""Private names of the SDK that differ between supported versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping


def _of_items(attributes: Mapping[str, Any]) -> Hashable:
    return frozenset(attributes.items())


def _series_key() -> Callable[[Mapping[str, Any]], Any]:
    """Return the SDK's function that maps attributes to the key of their series.

    Versions before 1.45 have none: the key is the set of the items.
    """
    from opentelemetry.sdk.metrics._internal import _view_instrument_match as module

    return getattr(module, "_hash_attributes", _of_items)


series_key = _series_key()
"""Key under which the SDK keeps the aggregation of a set of attributes."""


def measurable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return *attributes* in a form the SDK can aggregate: before 1.45 lists have no key."""
    if series_key is not _of_items:
        return attributes
    return {k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}
