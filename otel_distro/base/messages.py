"""Messages of this distribution on stderr.

They bypass `logging`, whose configuration in the app could repeat, export or silence them.
"""

from __future__ import annotations

import sys
import threading

_PREFIX = "otel_distro: "
_said: set[str] = set()
_lock = threading.RLock()  # a signal handler may print while the main thread does


def warn(message: str) -> None:
    """Print *message* to stderr, without terminal control characters.

    A stderr that is closed or broken is ignored.
    """
    if not message.isprintable():
        message = "".join(c if c == "\n" or c.isprintable() else "\ufffd" for c in message)
    stream = sys.stderr  # the app may have replaced it
    try:
        stream.write(f"{_PREFIX}{message}\n")
        stream.flush()
    except (AttributeError, OSError, ValueError, RuntimeError):
        pass


def warn_once(message: str) -> None:
    """Print *message* to stderr unless this process has already printed it."""
    with _lock:
        if message in _said:
            return
        _said.add(message)
    warn(message)


def at_fork() -> None:
    """Reset after fork."""
    global _lock  # noqa: PLW0603 - a lock held by another thread at fork is never released
    _lock = threading.RLock()
