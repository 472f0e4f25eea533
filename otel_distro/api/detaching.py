"""Detaching a context, also in another task than the one that attached it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api

if TYPE_CHECKING:
    from contextvars import ContextVar, Token

    from opentelemetry.context import Context


def detach(token: Token[Context]) -> bool:
    """Restore the context that was current before *token* was made; return whether it could be.

    An async generator that is dropped early is closed in a context of its own. There is nothing
    to restore there, where OpenTelemetry's own function logs an error with a traceback.
    """
    variable = getattr(token, "var", None)
    if variable is None:  # of a context implementation that is not Python's
        context_api.detach(token)
        return True
    return reset(variable, token)


def reset(variable: ContextVar[Any], token: Token[Any]) -> bool:
    """Give *variable* the value it had before *token* was made, in the same cases."""
    try:
        variable.reset(token)
    except (ValueError, RuntimeError):
        return False
    return True
