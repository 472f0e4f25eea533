"""Detaches a context, also in another task than the attaching one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api

if TYPE_CHECKING:
    from contextvars import ContextVar, Token

    from opentelemetry.context import Context


def detach(token: Token[Context]) -> bool:
    """Restore the context from before *token* was created; return the success.

    An async generator that is dropped early is closed in a different context. There is nothing to
    restore there, but OpenTelemetry's function would log an error with a traceback.
    """
    variable = getattr(token, "var", None)
    if variable is None:  # from a context implementation other than Python's
        context_api.detach(token)
        return True
    return reset(variable, token)


def reset(variable: ContextVar[Any], token: Token[Any]) -> bool:
    """Reset *variable* to its value before *token*, in the same cases."""
    try:
        variable.reset(token)
    except (ValueError, RuntimeError):
        return False
    return True
