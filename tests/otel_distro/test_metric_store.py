"""`OTEL_METRICS_EXPORTER=sqlite`: metrics of the app are stored on this machine."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from otel_distro.cli import main
from otel_distro.export import metric_store
from otel_distro.export.metric_store import SqliteMetricExporter, metric_limits
from otel_distro.lifecycle.inherited_deltas import drop_inherited_deltas
from otel_distro.settings import load
from otel_trace_store import StoreLimits, StoreReader, TraceStoreError, TraceStoreWriter
from otel_trace_store.metric_folder import MetricFolder
from otel_trace_store.metric_list import list_metrics, read_metric
from otel_trace_store.segments import segment_files
from support.otlp_messages import counter
from support.process import clean_environment

from .conftest import EMAIL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "metrics"


@pytest.fixture
def provider(folder: Path) -> Iterator[Callable[[], MeterProvider]]:
    """Makes meter providers that store their metrics in *folder*, as processes of a service do."""
    made = []

    def make() -> MeterProvider:
        reader = PeriodicExportingMetricReader(
            SqliteMetricExporter(folder, StoreLimits()), float("inf")
        )
        one = MeterProvider(
            [reader], resource=Resource({"service.name": "shop"}), shutdown_on_exit=False
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.shutdown()


def values(folder: Path, name: str) -> list[float | None]:
    with StoreReader(folder) as reader:
        return [point.value for one in read_metric(reader, name) for point in one.points]


def stored(metrics: list[Any], exporter: SqliteMetricExporter, wait_ms: float) -> bool:
    """Export *metrics* as the SDK would; return whether they were stored."""
    reader = InMemoryMetricReader(exporter._preferred_temporality)
    with_reader = MeterProvider([reader], shutdown_on_exit=False)
    for name, value in metrics:
        with_reader.get_meter("app").create_counter(name).add(value)
    data = reader.get_metrics_data()
    assert data is not None
    return exporter.export(data, timeout_millis=wait_ms) is MetricExportResult.SUCCESS


def test_counters_of_several_processes_add_up(
    provider: Callable[[], MeterProvider], folder: Path
) -> None:
    """Each point is a difference, so a series may have several writers."""
    for orders in (2, 3):
        one = provider()
        one.get_meter("app").create_counter("orders").add(orders)
        one.get_meter("app").create_histogram("took").record(0.5)
        one.force_flush()
        one.get_meter("app").create_counter("orders").add(1)
        one.force_flush()

    with StoreReader(folder) as reader:
        (orders_of_all,) = read_metric(reader, "orders")
        (took,) = read_metric(reader, "took")
    assert sum(point.value or 0 for point in orders_of_all.points) == 7
    assert sum(point.more["count"] for point in took.points) == 2


def test_an_up_down_counter_is_stored_as_it_stands(
    provider: Callable[[], MeterProvider], folder: Path
) -> None:
    """The current value is not a difference."""
    one = provider()
    opened = one.get_meter("app").create_up_down_counter("open")
    for change in (3, -1):
        opened.add(change)
        one.force_flush()

    assert values(folder, "open") == [3, 2]


def test_files_are_private(provider: Callable[[], MeterProvider], folder: Path) -> None:
    one = provider()
    one.get_meter("app").create_counter("orders").add(1)
    one.force_flush()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_while_the_folder_cannot_be_written_points_wait_in_memory(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One warning; the next export stores both, and nothing raises."""
    exporter = SqliteMetricExporter(folder, StoreLimits())
    other = TraceStoreWriter(folder)
    assert not stored([("orders", 2)], exporter, wait_ms=30)
    other.close()
    assert stored([("returns", 1)], exporter, wait_ms=1000)

    assert (values(folder, "orders"), values(folder, "returns")) == ([2], [1])


def test_waiting_records_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is dropped first."""
    folder.write_text("a file where the folder should be")
    monkeypatch.setattr(metric_store, "_MOST_BYTES", 2_000)
    exporter = SqliteMetricExporter(folder, StoreLimits())
    for number in range(30):
        assert not stored([(f"orders_{number}", 1)], exporter, wait_ms=1)

    assert sum(group.ByteSize() for group in exporter._waiting) <= 2_000
    assert "orders_29" in str(exporter._waiting[-1])
    folder.unlink()
    assert exporter.force_flush()
    assert values(folder, "orders_29") == [1]


def test_age_and_size_are_those_of_the_settings(tmp_path: Path) -> None:
    """`OTEL_DISTRO_STORE_DAYS` and `OTEL_DISTRO_STORE_MB`, at most a quarter of a gigabyte."""
    environ = {"HOME": str(tmp_path), "OTEL_DISTRO_STORE_DAYS": "2", "OTEL_DISTRO_STORE_MB": "64"}
    assert metric_limits(load(environ).settings) == StoreLimits(2, 64 * 2**20)
    assert metric_limits(load({"HOME": str(tmp_path)}).settings).max_bytes == 2**28


def test_the_oldest_files_are_deleted_when_all_are_too_large(folder: Path) -> None:
    limits = StoreLimits(max_bytes=8 * 40_000)
    points = MetricFolder(folder, limits)
    for number in range(12):
        points.append([counter(f"orders.{number}", 1)])

    assert 1 < len(segment_files(folder)) < 12
    with StoreReader(folder) as reader:
        names = {row.name for row in list_metrics(reader)}
    assert "orders.11" in names
    assert "orders.0" not in names


def test_a_child_forked_during_a_write_leaves_the_files_alone(folder: Path) -> None:
    """SQLite's locks are unreliable there; the parent releases its lock after the write."""
    points = MetricFolder(folder)
    points._writer = TraceStoreWriter(folder)  # as while another thread is in `append`
    child = os.fork()
    if child == 0:
        try:
            points.append([counter("orders", 1)])
        except TraceStoreError:
            signal.pause()
        os._exit(1)
    try:
        points._writer.close()
        points._writer = None
        assert points.append([counter("orders", 1)], wait_seconds=10) == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_child_does_not_count_measurements_of_its_parent() -> None:
    """Differences not exported before the fork belong to the parent."""
    reader = InMemoryMetricReader(SqliteMetricExporter()._preferred_temporality)
    one = MeterProvider([reader], shutdown_on_exit=False)
    orders = one.get_meter("app").create_counter("orders")
    took = one.get_meter("app").create_histogram("took")
    opened = one.get_meter("app").create_up_down_counter("open")
    orders.add(5)
    took.record(1)
    opened.add(4)

    drop_inherited_deltas([one, object()])
    orders.add(1)
    opened.add(1)

    data = reader.get_metrics_data()
    assert data is not None
    points: dict[str, Any] = {
        metric.name: list(metric.data.data_points)
        for group in data.resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
    }
    assert [point.value for point in points["orders"]] == [1]
    assert [point.value for point in points["open"]] == [5]
    assert not points.get("took")


def test_the_command_and_the_page_read_both_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Received metrics, and those stored by programs."""
    from starlette.testclient import TestClient

    from otel_distro.ui.app import Site, make_app
    from otel_distro.ui.security import Access
    from otel_trace_store import Arrivals

    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path))
    MetricFolder(tmp_path / "metrics").append([counter("own.orders", 1)])
    received = TraceStoreWriter(tmp_path / "traces")
    received.write(Arrivals(metrics=[counter("received.orders", 1)]))
    received.close()

    listed = CliRunner().invoke(main, ["metrics", "--json"])
    settings = load({"OTEL_DISTRO_STATE_DIR": str(tmp_path)}).settings
    site = Site(tmp_path / "ledger.db", settings, Access(None, frozenset()))
    with TestClient(make_app(site), base_url="http://127.0.0.1") as client:
        shown = client.get("/metrics").text

    assert {row["name"] for row in json.loads(listed.output)} == {"own.orders", "received.orders"}
    assert "own.orders" in shown
    assert "received.orders" in shown


_APP = f"""
import os, signal, sys
import otel_distro
otel_distro.configure()
from opentelemetry import metrics
orders = metrics.get_meter("app").create_counter("orders")
orders.add(2, {{"who": {EMAIL!r}}})
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        orders.add(1, {{"who": {EMAIL!r}}})
        sys.exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
metrics.get_meter_provider().force_flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.process
@pytest.mark.slow
def test_forks_count_once_a_kill_loses_nothing_exported_and_users_are_unnamed(
    tmp_path: Path,
) -> None:
    """With the variable only."""
    environ = clean_environment(
        tmp_path,
        OTEL_DISTRO_STATE_DIR=str(tmp_path / "state"),
        OTEL_METRICS_EXPORTER="sqlite",
        OTEL_TRACES_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    done = subprocess.run(
        [sys.executable, "-c", _APP], env=environ, timeout=120, capture_output=True, text=True
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = tmp_path / "state" / "metrics"
    assert sum(value or 0 for value in values(folder, "orders")) == 5
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert EMAIL.encode() not in kept
    assert b"[EMAIL]" in kept
    assert segment_files(folder)[0].name[:4] == str(datetime.now(UTC).year)
