"""Worker processes that are killed on their way out, so that hooks at exit come too late for them.

Celery's workers ask the kernel for SIGKILL when the main process ends, and it does not wait for
workers that are leaving because they did their share of tasks. They announce that they leave.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable


def before_workers_leave(deliver: Callable[[], None]) -> None:
    """Call *deliver* in each worker that is about to leave, where its library is imported."""

    def connect(signals: Any) -> None:
        with suppress(Exception):  # the app must be able to import its library
            signals.worker_process_shutdown.connect(lambda **_: deliver(), weak=False)

    wrapt.register_post_import_hook(connect, "celery.signals")
