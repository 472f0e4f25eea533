"""Attributes inherited from enclosing spans: session, user, tenant, agent, feature flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

from otel_pricing.model import scope_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

_INHERITED: Final = "_otel_distro_inherited"
_KEYS: Final = frozenset(
    (
        *scope_keys.TENANT,
        *scope_keys.USER,
        *scope_keys.SESSION,
        *scope_keys.AGENT,
        scope_keys.FLAG_KEY,
        *scope_keys.FLAG_VARIANT,
    )
)
_NOTHING: Final[Mapping[str, Any]] = {}


def inherit(span: Any, context: Context | None) -> None:
    """Store with *span* the attributes inherited from *context* at its start.

    Stores values, not spans: these may have ended when the attributes are read, and a chain of
    current spans must not be kept alive.
    """
    parent: Any = trace.get_current_span(context)
    known = getattr(parent, "attributes", None)
    if known is None:
        return
    # The SDK's mapping runs Python code for each key; its storage is a dictionary.
    known = getattr(known, "_dict", known)
    around = getattr(parent, _INHERITED, _NOTHING)
    if _KEYS.isdisjoint(known):
        if around:
            setattr(span, _INHERITED, around)
        return
    setattr(span, _INHERITED, {**around, **{key: known[key] for key in _KEYS if key in known}})


def inherited(span: Any) -> Mapping[str, Any]:
    """Return the attributes that *span* inherited at its start; empty without any."""
    found: Mapping[str, Any] = getattr(span, _INHERITED, _NOTHING)
    return found
