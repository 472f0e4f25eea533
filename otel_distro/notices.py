"""The few lines this distribution says on stderr, and how often it may say them.

They go to a logger of our own that does not propagate, so that the OpenTelemetry log handler on
the root logger never exports them and no format of the app's applies to them.
"""

from __future__ import annotations

import logging
import sys
import threading

_PREFIX = "otel_distro: "
_said: set[str] = set()
_lock = threading.RLock()  # a signal handler may speak while the main thread does


class _StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to whatever stderr is now, and gives up silently when that is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_PREFIX + "%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        if self.stream is not None:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Stay silent: a broken stderr must not become the app's problem."""


def _logger() -> logging.Logger:
    logger = logging.getLogger("otel_distro")
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        logger.addHandler(_StderrHandler())
        logger.propagate = False
        logger.setLevel(logging.INFO)
    return logger


def say(message: str) -> None:
    """Say *message* on stderr, with nothing in it that could steer the reader's terminal."""
    if not message.isprintable():
        message = "".join(c if c == "\n" or c.isprintable() else "\ufffd" for c in message)
    _logger().warning("%s", message)


def say_once(message: str) -> None:
    """Say *message* on stderr unless this process has already said it."""
    with _lock:
        if message in _said:
            return
        _said.add(message)
    say(message)


def at_fork() -> None:
    """Prepare this module for use in a forked child."""
    global _lock  # noqa: PLW0603 - a lock held by another thread at fork stays held for ever
    _lock = threading.RLock()
