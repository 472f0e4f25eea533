"""Delivers in worker processes that are killed during exit, before exit hooks run.

Celery's workers request SIGKILL from the kernel for the end of the main process, which does not
wait for workers that exit after their maximum number of tasks. They announce their exit.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable


def before_workers_leave(deliver: Callable[[], None]) -> None:
    """Call *deliver* in each worker about to exit, once its library is imported."""

    def connect(signals: Any) -> None:
        with suppress(Exception):  # the app's import must not fail
            signals.worker_process_shutdown.connect(lambda **_: deliver(), weak=False)

    wrapt.register_post_import_hook(connect, "celery.signals")
