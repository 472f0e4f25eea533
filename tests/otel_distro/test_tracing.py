"""`traced` and `measure`: a span and a duration for any kind of function."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Iterator
from mmap import mmap
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace

import otel_distro
from otel_distro.api.measuring import operations

if TYPE_CHECKING:
    from .conftest import GuardedSdk


@pytest.fixture(autouse=True)
def _in_this_sdk(sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: sdk.tracer_provider)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: sdk.meter_provider)
    monkeypatch.setattr(operations, "_INSTRUMENTS", operations._Instruments())
    otel_distro.reset()


def one_span(sdk: GuardedSdk) -> Any:
    (span,) = sdk.spans()
    return span


def test_a_call_is_a_span_named_after_the_function(sdk: GuardedSdk) -> None:
    """With its source location, without its arguments."""

    @otel_distro.traced
    def search(query: str) -> str:
        return query.upper()

    assert search("secret") == "SECRET"
    assert one_span(sdk).name == "search"
    assert one_span(sdk).attributes == {"code.function.name": f"{__name__}.search"}


def test_the_wrapper_looks_like_the_function() -> None:
    """To help(), to frameworks, to type checkers."""

    @otel_distro.traced("name")
    def search(query: str) -> str:
        """Find it."""
        return query

    assert (search.__name__, search.__doc__) == ("search", "Find it.")
    assert list(inspect.signature(search).parameters) == ["query"]


@otel_distro.traced
def plain() -> None: ...


@otel_distro.traced
async def coroutine() -> None: ...


@otel_distro.traced
def generator() -> Iterator[int]:
    yield 1


@otel_distro.traced
async def async_generator() -> AsyncIterator[int]:
    yield 1


def test_every_kind_of_function_stays_of_its_kind() -> None:
    """Frameworks inspect the kind."""
    assert not inspect.iscoroutinefunction(plain)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)


def test_an_async_call_lasts_until_it_is_awaited(sdk: GuardedSdk) -> None:
    """Not only until its coroutine is made."""

    @otel_distro.traced(component="agents")
    async def answer() -> int:
        await asyncio.sleep(0.02)
        return 42

    assert asyncio.run(answer()) == 42
    span = one_span(sdk)
    assert span.end_time - span.start_time >= 20_000_000
    assert span.attributes["otel_distro.component"] == "agents"


def test_a_generators_span_lasts_until_it_is_exhausted(sdk: GuardedSdk) -> None:
    """And is current only while the generator runs."""
    seen: list[str] = []

    @otel_distro.traced
    def numbers() -> Iterator[int]:
        for number in range(3):
            seen.append(otel_distro.current_trace_id())
            yield number

    outside = {otel_distro.current_trace_id() for _ in numbers()}

    assert one_span(sdk).attributes["otel_distro.operation.items"] == 3
    assert outside == {"no-trace"}
    assert set(seen) == {trace.format_trace_id(one_span(sdk).context.trace_id)}


def test_values_and_exceptions_sent_into_a_generator_reach_it(sdk: GuardedSdk) -> None:
    """And its return value is returned."""

    @otel_distro.traced
    def echo() -> Any:
        got = yield "ready"
        try:
            yield got
        except KeyError:
            yield "caught"
        return "done"

    running = echo()
    assert [next(running), running.send("hi"), running.throw(KeyError("x"))] == [
        "ready",
        "hi",
        "caught",
    ]
    with pytest.raises(StopIteration) as stopped:
        next(running)
    assert stopped.value.value == "done"
    assert one_span(sdk).status.is_ok


def test_a_generator_that_is_closed_early_has_ended_well(sdk: GuardedSdk) -> None:
    """Breaking out of a loop is not an error."""
    cleaned: list[bool] = []

    @otel_distro.traced
    def numbers() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            cleaned.append(True)

    for number in (running := numbers()):
        if number == 2:
            break
    running.close()  # type: ignore[attr-defined]

    assert cleaned == [True]
    assert one_span(sdk).status.is_ok
    assert one_span(sdk).attributes["otel_distro.operation.items"] == 3


def test_an_async_generator_is_measured_alike(sdk: GuardedSdk) -> None:
    """Also when it fails half-way."""

    @otel_distro.traced
    async def numbers() -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("no more")

    async def read() -> list[int]:
        got: list[int] = []
        with pytest.raises(RuntimeError, match="no more"):
            async for number in numbers():
                got.append(number)
        return got

    assert asyncio.run(read()) == [1]
    span = one_span(sdk)
    assert span.attributes["error.type"] == "RuntimeError"
    assert span.attributes["otel_distro.operation.items"] == 1


def test_an_async_generator_that_is_closed_early_cleans_up(sdk: GuardedSdk) -> None:
    """`aclose` reaches it."""
    cleaned: list[bool] = []

    @otel_distro.traced
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(True)

    async def read_one() -> None:
        running: Any = numbers()
        await anext(running)
        await running.aclose()

    asyncio.run(read_one())

    assert cleaned == [True]
    assert one_span(sdk).status.is_ok


def test_an_error_is_recorded_redacted_and_raised_on(sdk: GuardedSdk) -> None:
    """The caller gets the same exception object."""
    error = ValueError("mail ada@lovelace.example")

    @otel_distro.traced
    def fails() -> None:
        raise error

    with pytest.raises(ValueError, match="mail") as raised:
        fails()

    assert raised.value is error
    span = one_span(sdk)
    assert span.status.description == "ValueError: mail [EMAIL]"
    assert span.attributes["error.type"] == "ValueError"
    assert [event.name for event in span.events] == ["exception"]
    assert otel_distro.snapshot().operations[fails.__qualname__.rpartition(".")[2]].failed == 1


def test_a_cancelled_task_has_not_failed(sdk: GuardedSdk) -> None:
    """Cancellation is normal in asyncio."""

    @otel_distro.traced
    async def forever() -> None:
        await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.ensure_future(forever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert one_span(sdk).status.is_ok


def test_measure_gives_the_duration(sdk: GuardedSdk) -> None:
    """As a number for the caller, a span, and a point of the histogram in seconds."""
    with otel_distro.measure("index", component="search") as measured:
        measured.set("documents", 3)

    assert measured.duration_ms is not None
    assert one_span(sdk).attributes == {"otel_distro.component": "search", "documents": 3}
    (point,) = sdk.points("otel_distro.operation.duration")
    assert point.sum == pytest.approx(measured.duration_ms / 1000)
    assert point.attributes["otel_distro.operation.name"] == "index"


def test_active_operations_are_counted_while_they_run(sdk: GuardedSdk) -> None:
    """Plus one at the beginning, minus one at the end."""
    with otel_distro.measure("index"), otel_distro.measure("index"):
        assert [p.value for p in sdk.points("otel_distro.operation.active")] == [2]
        assert otel_distro.snapshot().operations["index"].active == 2

    assert [p.value for p in sdk.points("otel_distro.operation.active")] == [0]


def test_operations_nest(sdk: GuardedSdk) -> None:
    """A child knows its parent, also through one object used twice."""
    index = otel_distro.measure("index")
    with index, index:
        pass

    child, parent = sdk.spans()
    assert child.parent.span_id == parent.context.span_id


@pytest.mark.skipif(sys.platform == "win32", reason="resident memory is counted otherwise there")
def test_memory_is_measured_when_asked_for(sdk: GuardedSdk) -> None:
    """The change of resident memory, in bytes."""
    with mmap(-1, 32 * 2**20) as kept:  # new pages, never ones that are resident already
        with otel_distro.measure("load", memory=True):
            kept.write(b"x" * len(kept))

        assert one_span(sdk).attributes["otel_distro.process.memory.delta_bytes"] > 16 * 2**20


def test_two_operations_of_one_moment_are_distinguished(sdk: GuardedSdk) -> None:
    """By their span ids, also in quick succession."""
    for _ in range(100):
        plain()

    assert len({span.context.span_id for span in sdk.spans()}) == 100


def test_the_trace_id_is_that_of_the_trace_or_none() -> None:
    """Never 32 zeros."""
    assert otel_distro.current_trace_id() == "no-trace"
    with otel_distro.measure("x"):
        assert len(otel_distro.current_trace_id()) == 32
        assert otel_distro.current_trace_id() != "0" * 32


def test_an_untraceable_object_raises_a_clear_error() -> None:
    """A wrong order of decorators raises at the definition."""
    with pytest.raises(TypeError, match="put @traced below"):
        otel_distro.traced("x")(classmethod(lambda cls: None))  # type: ignore[type-var]


def test_the_snapshot_has_the_distribution() -> None:
    """Count, mean, and percentiles of the last thousand; nothing after a reset."""
    for _ in range(4):
        plain()

    stats = otel_distro.snapshot().operations["plain"]
    assert (stats.calls, stats.failed, stats.active) == (4, 0, 0)
    assert stats.mean_ms is not None
    assert stats.p50_ms is not None
    assert stats.p95_ms == stats.max_ms
    otel_distro.reset()
    assert otel_distro.snapshot().operations == {}
