"""Wrapping of client library methods, once and recognisably."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "_otel_wire"


def patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replace the method *name* of the class *owner* by `make(method)`, unless it is replaced.

    A plain function rather than a proxy: it costs other requests a fifth of a microsecond.
    """
    method = vars(owner)[name]
    if is_patched(method):
        return
    replacement = wraps(method)(make(method))
    setattr(replacement, _MARK, True)
    setattr(owner, name, replacement)


def is_patched(method: Any) -> bool:
    """Return whether *method*, or one that it wraps, is a wrapper of this module."""
    for _ in range(20):
        if getattr(method, _MARK, False):
            return True
        method = getattr(method, "__wrapped__", None)
        if method is None:
            return False
    return False
