"""A method with the gate around it, recognisable as such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    _FunctionWrapper = wrapt.FunctionWrapper[..., Any]
else:
    # Generic for type checkers only before wrapt 2.
    _FunctionWrapper = wrapt.FunctionWrapper


class Gated(_FunctionWrapper):
    """Wraps a method of an HTTP client, once."""
