"""Marks code that exports telemetry, for instrumentation to skip.

Log records emitted by an export, such as those of its HTTP client at DEBUG, are not exported: each
export would emit more.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not thread-local: with gevent other code of the same thread runs while an export waits.
_exporting: Final = ContextVar("otel_distro_exporting", default=False)


@contextmanager
def exporting() -> Iterator[None]:
    """Mark the body as an export."""
    token = _exporting.set(True)
    try:
        yield
    finally:
        _exporting.reset(token)


def is_exporting() -> bool:
    """Whether the current code runs within an export."""
    return _exporting.get()
