"""Base class of wrappers around a connection's file."""

from __future__ import annotations

import io
from typing import Any


class FileInPlace(io.BufferedIOBase):
    """Wraps *inner*, the file below a response of `http.client`; subclasses read from it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def flush(self) -> None:
        """Flush the connection's file."""
        if not self._inner.closed:
            self._inner.flush()

    def close(self) -> None:
        """Close the connection's file."""
        self._inner.close()

    @property
    def closed(self) -> bool:
        """Whether the connection's file is closed."""
        closed: bool = self._inner.closed
        return closed

    def readable(self) -> bool:
        """Return True."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
