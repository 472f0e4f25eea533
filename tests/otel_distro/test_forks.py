"""Forks while every part of the distribution is active in other threads."""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.http.transport._urllib3 import Urllib3HTTPTransport
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    InMemoryMetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)

from otel_distro.api import context as contexts
from otel_distro.export.spool.inherited_connections import renew_connections
from otel_distro.lifecycle.metric_locks import renew_metric_locks
from otel_distro.lifecycle.running_imports import wait_for_imports
from otel_distro.pipeline.metrics import guard_meter_provider
from otel_redaction.lazy import lazy
from support.forks import CALL_NANO_USD, fork_under_load
from support.process import clean_environment, instrumented

from .conftest import GuardedSdk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.process


@pytest.mark.slow
def test_sixty_forks_under_load_end_and_lose_nothing(tmp_path: Path) -> None:
    """The child never waits for a lock that a thread of the parent had at the fork.

    A thousand: `python benchmarks/forks.py`.
    """
    forked = fork_under_load(tmp_path, 60, timeout=120)

    rounds = forked.told["rounds"]
    assert (forked.told["hung"], forked.told["failed"]) == (0, []), forked.stderr
    assert (forked.spans, forked.log_records) == (2 * rounds, rounds)
    assert (forked.ledger_calls, forked.budget_nano_usd) == (rounds, rounds * CALL_NANO_USD)


@pytest.mark.slow
def test_children_forked_while_the_first_price_is_looked_up_lose_nothing(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Another thread loads the price data at that time."""
    source = """
import json, os, sys, time
from opentelemetry import trace

def call():
    trace.get_tracer("app").start_span("chat gpt-4o", attributes={
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}).end()

call()
until = time.monotonic() + 20
while "otel_pricing.prices._data.types" not in sys.modules and time.monotonic() < until:
    time.sleep(0.001)
children = []
for _ in range(8):
    child = os.fork()
    if not child:
        call()
        os._exit(0)
    children.append(child)
    time.sleep(0.01)
began = time.monotonic()
codes = [os.waitpid(child, 0)[1] for child in children]
print(json.dumps([codes, time.monotonic() - began]))
"""
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
        OTEL_DISTRO_EXIT_TIMEOUT="20",
    )
    done = instrumented(source, environ)

    codes, seconds = json.loads(done.stdout)
    assert (codes, len(sink.spans())) == ([0] * 8, 9), done.stderr
    assert seconds < 15  # one that waits without an answer ends after its twenty


@pytest.fixture(params=[False, True], ids=["the SDK alone", "guarded"])
def metrics(request: pytest.FixtureRequest) -> Iterator[tuple[MeterProvider, InMemoryMetricReader]]:
    reader = InMemoryMetricReader()
    periodic = PeriodicExportingMetricReader(ConsoleMetricExporter(io.StringIO()))
    provider = MeterProvider(
        [reader, periodic],
        shutdown_on_exit=False,
        views=[
            View(instrument_name="explicit", aggregation=ExplicitBucketHistogramAggregation()),
            View(
                instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation()
            ),
        ],
    )
    if request.param:
        guard_meter_provider(provider, GuardedSdk().shield, context_attributes=contexts.attributes)
    measure(provider)
    yield provider, reader
    provider.shutdown()


def measure(provider: MeterProvider) -> None:
    meter = provider.get_meter("app")
    meter.create_counter("counter").add(1, {"a": "b"})
    meter.create_up_down_counter("both").add(1)
    meter.create_gauge("gauge").set(1)
    meter.create_histogram("explicit").record(1)
    meter.create_histogram("exponential").record(1)


METRICS = (
    "opentelemetry.sdk.metrics",
    "otel_distro.pipeline.metrics",
    "otel_distro.pipeline.exemplars",
)


def locks_below(holder: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Return every lock of metric objects, of the SDK and ours, found by traversal."""
    if id(holder) in seen:
        return
    seen[id(holder)] = holder
    if hasattr(holder, "acquire"):
        yield holder
    elif isinstance(holder, dict):
        for part in [*holder, *holder.values()]:
            yield from locks_below(part, seen)
    elif isinstance(holder, list | tuple | set):
        for part in holder:
            yield from locks_below(part, seen)
    elif type(holder).__module__.startswith(METRICS):
        yield from locks_below(getattr(holder, "__dict__", {}), seen)


def test_a_child_measures_and_collects_though_metric_locks_were_taken(
    metrics: tuple[MeterProvider, InMemoryMetricReader],
) -> None:
    """All locks of the SDK, so that a new one in a later version is noticed."""
    provider, reader = metrics
    for lock in locks_below([provider, reader], {}):
        if lock is not provider._lock and lock is not provider._meter_lock:  # the SDK renews these
            threading.Thread(target=lock.acquire, daemon=True).start()
    time.sleep(0.05)
    child = os.fork()
    if not child:
        renew_metric_locks([provider])
        measure(provider)
        provider.get_meter("another").create_counter("new").add(1)
        data = reader.get_metrics_data()
        os.kill(os.getpid(), signal.SIGUSR1 if data is not None else signal.SIGUSR2)
    deadline = time.monotonic() + 10
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    if not ended[0]:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert (ended[0], ended[1]) == (child, signal.SIGUSR1)
    renew_metric_locks([provider])


def test_a_fork_waits_for_modules_that_other_threads_are_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child would wait for the module lock for ever; the wait has a limit."""
    (tmp_path / "slowly_loaded.py").write_text("import time; time.sleep(0.5); value = 1")
    monkeypatch.syspath_prepend(tmp_path)
    loading = threading.Thread(target=importlib.import_module, args=("slowly_loaded",))
    loading.start()
    while "slowly_loaded" not in sys.modules:
        time.sleep(0.001)

    assert not wait_for_imports(0.05)
    assert wait_for_imports(20)
    child = os.fork()
    if not child:
        signal.alarm(10)
        os._exit(importlib.import_module("slowly_loaded").value)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    loading.join()


def test_a_child_ends_though_a_thread_of_the_parent_locked_a_connection_pool() -> None:
    """urllib3 empties its pools at interpreter exit, and when they are collected."""
    transport = Urllib3HTTPTransport()
    pool = transport._pool.connection_from_url("http://127.0.0.1:9")
    waiting = pool.pool
    assert waiting is not None
    waiting.mutex.acquire()

    renew_connections(transport)

    assert not waiting.mutex.locked()
    assert waiting.qsize() == 0  # takes the lock, as urllib3 will


class Slow:
    def __init__(self, started: threading.Event, on: threading.Event) -> None:
        self.started, self.on, self.reads = started, on, 0
        self._kept: dict[str, int] = {}  # where `lazy` stores values

    @lazy
    def value(self) -> int:
        self.reads += 1
        self.started.set()
        self.on.wait()
        return self.reads


def test_reading_one_view_never_waits_for_another() -> None:
    """Unlike `functools.cached_property` before Python 3.12, which could hang a forked child."""
    started, on = threading.Event(), threading.Event()
    slow, other = Slow(started, on), Slow(threading.Event(), threading.Event())
    other.on.set()
    reader = threading.Thread(target=lambda: slow.value)
    reader.start()
    assert started.wait(60)

    assert (other.value, other.value, other.reads) == (1, 1, 1)
    on.set()
    reader.join()
    assert slow.value == 1
