"""Who a span is for, as the spans around it say: session, user, tenant, agent, feature flag."""

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
    """Remember with *span* what the spans around it say, when it begins in *context*.

    Values and not the spans: these may have ended by the time somebody asks, and a chain of spans
    that each stay current must not be kept.
    """
    parent: Any = trace.get_current_span(context)
    known = getattr(parent, "attributes", None)
    if known is None:
        return
    # The SDK's own mapping walks through Python code for each key; its storage is a dictionary.
    known = getattr(known, "_dict", known)
    around = getattr(parent, _INHERITED, _NOTHING)
    if _KEYS.isdisjoint(known):
        if around:
            setattr(span, _INHERITED, around)
        return
    setattr(span, _INHERITED, {**around, **{key: known[key] for key in _KEYS if key in known}})


def inherited(span: Any) -> Mapping[str, Any]:
    """Return what the spans around *span* said when it began; empty without any."""
    found: Mapping[str, Any] = getattr(span, _INHERITED, _NOTHING)
    return found
