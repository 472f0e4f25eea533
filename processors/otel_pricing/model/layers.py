"""Layers of instrumentations, from the wire to frameworks, by the name of the scope."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from otel_pricing.model.instrumentations import INSTRUMENTATIONS, WIRE_SCOPE, Layer, has_word

FRAMEWORK, GATEWAY, CLIENT, WIRE = 2, 1, 0, -1


def _words(layer_name: Layer) -> tuple[str, ...]:
    return tuple(w for row in INSTRUMENTATIONS if row.layer == layer_name for w in row.words)


_FRAMEWORKS: Final = _words("framework")
_GATEWAYS: Final = _words("gateway")


@lru_cache(maxsize=1024)
def layer(scope: str) -> int:
    """Return the layer of an instrumentation scope; larger is farther from the provider."""
    if scope == WIRE_SCOPE:
        return WIRE
    if is_framework(scope):
        return FRAMEWORK
    return GATEWAY if has_word(_GATEWAYS, scope) else CLIENT


@lru_cache(maxsize=1024)
def is_framework(name: str) -> bool:
    """Return whether a scope or a system is named after a library that uses providers' clients."""
    return has_word(_FRAMEWORKS, name)
