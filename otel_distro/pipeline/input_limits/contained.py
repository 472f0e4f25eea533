"""Exceptions of callbacks that do not reach the application."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Final

_CONTAINED: Final = (Exception, GeneratorExit, CancelledError)


def is_contained(error: BaseException) -> bool:
    """Return whether *error* can only come from a callback itself.

    KeyboardInterrupt, SystemExit and subclasses of BaseException in libraries (the timeouts of
    gevent, the end of a greenlet) may be meant for the application that runs the callback; a
    cancelled task and a closed generator never are.
    """
    return isinstance(error, _CONTAINED) or type(error) is BaseException
