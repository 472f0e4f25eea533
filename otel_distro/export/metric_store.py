"""`OTEL_METRICS_EXPORTER=sqlite`: metrics stored locally, for `otel-distro metrics`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
)

from otel_distro.base import messages
from otel_distro.base.current_runtime import running
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
    from opentelemetry.sdk.metrics.export import MetricsData

    from otel_distro.settings import Settings
    from otel_trace_store.limits import StoreLimits
    from otel_trace_store.metric_folder import MetricFolder

_MOST_BYTES: Final = 4 * 2**20
"""Limit of buffered exports while the disk cannot be written."""
_LONGEST_WAIT_S: Final = 2.0


class SqliteMetricExporter(MetricExporter):
    """Stores the points of each export in *folder*; None means `metrics` in the state folder.

    Counters and histograms are stored as deltas, so that the points of several processes of a
    service add up. Failed writes are buffered in memory, up to a limit, for the next export. Points
    arrive redacted, as for every exporter.
    """

    def __init__(self, folder: Path | None = None, limits: StoreLimits | None = None) -> None:
        delta = AggregationTemporality.DELTA
        super().__init__(
            preferred_temporality={Counter: delta, ObservableCounter: delta, Histogram: delta}
        )
        self._place = folder
        self._limits = limits
        self._folder: MetricFolder | None = None
        self._lock = threading.Lock()
        self._waiting: list[ResourceMetrics] = []
        self._is_shut_down = False
        fork_hooks.watch(Stage.ACCOUNTS, self)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Store *metrics_data*; FAILURE if it is buffered or was dropped. Never raises."""
        if self._is_shut_down:
            return MetricExportResult.FAILURE
        try:
            from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

            with self._lock:
                self._waiting.extend(encode_metrics(metrics_data).resource_metrics)
                stored = self._store(min(timeout_millis / 1000, _LONGEST_WAIT_S))
        except Exception as error:  # an exporter must not raise into the SDK
            messages.warn_once(f"metrics could not be stored: {type(error).__name__}")
            stored = False
        return MetricExportResult.SUCCESS if stored else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Store buffered exports; return whether all are stored."""
        with self._lock:
            return self._store(min(timeout_millis / 1000, _LONGEST_WAIT_S))

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Store buffered exports a last time."""
        if not self._is_shut_down:
            self.force_flush(timeout_millis)
            self._is_shut_down = True

    def _store(self, wait_seconds: float) -> bool:
        from otel_trace_store.errors import TraceStoreError

        if not self._waiting:
            return True
        try:
            self._open().append(self._waiting, wait_seconds)
        except TraceStoreError as error:
            self._drop_oldest()
            messages.warn_once(f"{error}; metrics wait in memory")
            return False
        self._waiting = []
        return True

    def _open(self) -> MetricFolder:
        if self._folder is None:
            from otel_trace_store.limits import METRICS_FOLDER
            from otel_trace_store.metric_folder import MetricFolder

            place, limits = self._place, self._limits
            if place is None or limits is None:
                settings = _settings()
                place = place or settings.state_dir / METRICS_FOLDER
                limits = limits or metric_limits(settings)
            self._folder = MetricFolder(place, limits, warn=messages.warn)
        return self._folder

    def _drop_oldest(self) -> None:
        size = sum(group.ByteSize() for group in self._waiting)
        while size > _MOST_BYTES and self._waiting:
            size -= self._waiting.pop(0).ByteSize()
            messages.warn_once("metrics are dropped: they could not be written for too long")

    def before_fork(self) -> None:
        """Do nothing: the folder handles its own files."""

    def after_fork_in_parent(self) -> None:
        """Do nothing: the store continues."""

    def after_fork_in_child(self) -> None:
        """Reset after fork: buffered exports belong to the parent."""
        self._lock = threading.Lock()
        self._waiting = []


def metric_limits(settings: Settings) -> StoreLimits:
    """Return the retention: as long as traces, at most a quarter of a gigabyte."""
    from otel_trace_store.limits import METRIC_LIMITS, StoreLimits

    most = min(METRIC_LIMITS.max_bytes, int(settings.store_mb * 2**20))
    return StoreLimits(settings.store_days, most)


def _settings() -> Settings:
    runtime = running()
    if runtime is not None:
        return runtime.settings
    from otel_distro.settings import load, process_environment

    return load(process_environment()).settings
