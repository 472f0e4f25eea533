"""Metric points that the processes of a host write themselves, without `otel-distro serve`.

The files are segments like those of the trace store, in a separate folder: the server locks its
folder for as long as it runs, while here processes share the lock in turn. A process has the folder
open only during a write, so that a fork inherits no connection and a killed process leaves no lock.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_host import fork_hooks
from otel_host.descriptors import keep_forever
from otel_host.fork_hooks import Stage
from otel_trace_store.arrivals import Arrivals
from otel_trace_store.errors import StoreInUseError, TraceStoreError
from otel_trace_store.limits import METRIC_LIMITS, StoreLimits
from otel_trace_store.writer import TraceStoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

_LOOK_SECONDS: Final = 0.02
_LONGEST_FORK_WAIT_S: Final = 2.0


class MetricFolder:
    """Writes points to the segments in *folder*; safe for several threads and processes."""

    def __init__(
        self,
        folder: Path,
        limits: StoreLimits = METRIC_LIMITS,
        *,
        warn: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self.folder = folder
        self._limits = limits
        self._warn = warn
        self._lock = threading.Lock()
        self._writer: TraceStoreWriter | None = None
        self._is_inherited_open = False
        self._is_held_for_fork = False
        fork_hooks.watch(Stage.DATABASES, self)

    def append(self, metrics: list[ResourceMetrics], wait_seconds: float = 2.0) -> int:
        """Store *metrics* in one transaction; return the number of new points.

        Waits *wait_seconds* for other processes. Raises TraceStoreError, and then stores nothing.
        """
        with self._lock:
            if self._is_inherited_open:
                raise TraceStoreError(
                    f"this process was forked while {self.folder} was being written, so SQLite's "
                    "locks cannot be trusted here"
                )
            try:
                self._writer = self._open(time.monotonic() + wait_seconds)
                return self._writer.write(Arrivals(metrics=metrics)).points
            except (OSError, sqlite3.Error) as error:
                raise TraceStoreError(f"cannot write to {self.folder}: {error}") from error
            finally:
                writer, self._writer = self._writer, None
                if writer is not None:
                    writer.close()

    def _open(self, deadline: float) -> TraceStoreWriter:
        while True:
            try:
                return TraceStoreWriter(self.folder, self._limits, say=self._warn)
            except StoreInUseError:
                if time.monotonic() > deadline:
                    raise TraceStoreError(
                        f"other processes write to {self.folder} for too long"
                    ) from None
            time.sleep(_LOOK_SECONDS)

    def before_fork(self) -> None:
        """Wait for the current write to finish, in bounded time."""
        self._is_held_for_fork = self._lock.acquire(timeout=_LONGEST_FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Continue."""
        if self._is_held_for_fork:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Reset after fork; an inherited connection is neither used nor closed."""
        self._lock = threading.Lock()
        writer, self._writer = self._writer, None
        if writer is not None:
            self._is_inherited_open = True
            keep_forever(writer)
            with suppress(OSError):
                # The parent's lock would last as long as the inherited descriptor.
                os.close(writer.lock_descriptor)
