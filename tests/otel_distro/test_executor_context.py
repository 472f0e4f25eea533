"""Contexts across threads, and in generators that are dropped early."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor, thread
from contextlib import AbstractContextManager
from importlib.util import find_spec
from multiprocessing import pool as pools

import anyio
import pytest
from opentelemetry import baggage

import otel_distro
from otel_distro.api import context as contexts
from otel_distro.api import executor_context
from otel_distro.api.budget import current_scope


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThreadPoolExecutor, "submit", ThreadPoolExecutor.submit)
    executor_context._wrap(thread)
    for name in executor_context._OF_POOL:
        monkeypatch.setattr(pools.ThreadPool, name, getattr(pools.ThreadPool, name), raising=False)
    executor_context._wrap_pool(pools)


def context_values() -> dict[str, str]:
    return dict(contexts.local_baggage())


def test_a_task_of_a_pool_has_the_context_of_its_submitter() -> None:
    """Also as baggage; the next task of the same thread has its own."""
    with ThreadPoolExecutor(1) as pool:
        with otel_distro.tenant("acme"), otel_distro.session("s-1"):
            inside = pool.submit(context_values)
            carried = pool.submit(baggage.get_baggage, "tenant.id")
        outside = pool.submit(context_values)

    assert inside.result() == {"tenant.id": "acme", "session.id": "s-1"}
    assert carried.result() == "acme"
    assert outside.result() == {}


def test_run_in_executor_and_map_carry_it_too() -> None:
    """They submit to a pool."""

    async def main() -> dict[str, str]:
        with otel_distro.tenant("acme"):
            return await asyncio.get_running_loop().run_in_executor(None, context_values)

    assert asyncio.run(main()) == {"tenant.id": "acme"}
    with ThreadPoolExecutor(1) as pool, otel_distro.tenant("acme"):
        assert list(pool.map(lambda _: context_values(), [1])) == [{"tenant.id": "acme"}]


def test_exceptions_and_results_of_a_task_are_unchanged() -> None:
    """Arguments by name included."""
    with ThreadPoolExecutor(1) as pool, otel_distro.tenant("acme"):
        assert pool.submit(int, "ff", base=16).result() == 255
        with pytest.raises(ValueError, match="invalid literal"):
            pool.submit(int, "x").result()


@pytest.mark.slow
@pytest.mark.parametrize("with_measure", [False, True])
def test_an_async_generator_that_is_dropped_early_logs_nothing(
    caplog: pytest.LogCaptureFixture, with_measure: bool
) -> None:
    """It is closed in another context than that of its start."""

    async def parts() -> AsyncIterator[int]:
        with otel_distro.session("s-1"), otel_distro.tenant("acme"):
            if with_measure:
                with otel_distro.measure("parts"):
                    yield 1
                    yield 2
            yield 1
            yield 2

    async def main() -> dict[str, str]:
        for _ in range(3):
            async for _part in parts():
                break
            gc.collect()
            await asyncio.sleep(0)
        await asyncio.create_task(asyncio.sleep(0))
        return context_values()

    asyncio.run(main())

    assert [record.message for record in caplog.records] == []


def test_a_generator_closed_in_the_same_context_restores_it() -> None:
    """As a plain block does."""

    def parts() -> Generator[int, None, None]:
        with otel_distro.tenant("acme"):
            yield 1

    generator = parts()
    next(generator)
    assert context_values() == {"tenant.id": "acme"}
    generator.close()
    assert context_values() == {}


def test_a_budget_scope_is_carried_too() -> None:
    """A budget per tenant finds the tenant of a call in a pool."""
    with ThreadPoolExecutor(1) as pool:
        with otel_distro.budget.scope(tenant="acme"):
            inside = pool.submit(lambda: dict(current_scope()))
        outside = pool.submit(lambda: dict(current_scope()))

    assert (inside.result(), outside.result()) == ({"tenant": "acme"}, {})


def test_typed_errors_in_a_generator_that_is_dropped_early_raise_nothing() -> None:
    """It is closed in another context than that of its start."""
    problems: list[object] = []

    async def stream() -> AsyncIterator[int]:
        with otel_distro.budget.typed_errors():
            yield 1

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: problems.append(what))
        generator = stream()
        await asyncio.create_task(anext(generator))  # type: ignore[arg-type]
        await asyncio.create_task(generator.aclose())  # type: ignore[attr-defined]

    asyncio.run(main())

    assert problems == []


def test_a_thread_pool_of_multiprocessing_carries_it_as_well() -> None:
    """Per task, for every method of submission; processes get unwrapped functions."""
    with pools.ThreadPool(1) as pool:
        with otel_distro.tenant("acme"):
            found = [
                pool.apply(context_values),
                pool.apply_async(context_values).get(),
                *pool.map(lambda _: context_values(), [1]),
                *pool.imap(lambda _: context_values(), [1]),
                *pool.imap_unordered(lambda _: context_values(), [1]),
                *pool.starmap(lambda _a, _b: context_values(), [(1, 2)]),
            ]
        outside = pool.apply(context_values)

    assert found == [{"tenant.id": "acme"}] * 6
    assert outside == {}
    assert not any(name in vars(pools.Pool) and hasattr(vars(pools.Pool)[name], "__wrapped__")
                   for name in executor_context._OF_POOL)  # fmt: skip


async def _dropped(scope: AbstractContextManager[object]) -> None:
    """Start a generator with *scope* inside, drop it, and wait until it is closed."""
    closed = anyio.Event()

    async def parts() -> AsyncIterator[int]:
        try:
            with scope:
                yield 1
                yield 2
        finally:
            closed.set()

    async for _part in parts():
        break
    gc.collect()
    with anyio.fail_after(30):
        await closed.wait()


BACKENDS = ["asyncio", pytest.param("trio", marks=pytest.mark.skipif(
    find_spec("trio") is None, reason="pip install trio"))]  # fmt: skip


# Trio warns of such generators, as it should.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_consumer_of_a_dropped_generator_is_not_in_its_session(backend: str) -> None:
    """Later calls of the same task would be counted for the wrong tenant."""
    found: list[object] = []

    async def main() -> None:
        with otel_distro.tenant("house"):
            await _dropped(otel_distro.tenant("acme"))
            await _dropped(otel_distro.session("s-1"))
            await _dropped(otel_distro.budget.scope(tenant="acme"))
            found.append(context_values())
            found.append(dict(contexts.attributes(None, trusted_keys=("session.id",))))
            found.append(dict(current_scope()))
            kept = contexts.without(None, ("tenant.id", "session.id"))
            found.append(dict(baggage.get_all(kept)))
            with otel_distro.session("s-2"):
                found.append(context_values())
        found.append(context_values())

    anyio.run(main, backend=backend)

    house = {"tenant.id": "house"}
    assert found == [house, house, {}, {}, {**house, "session.id": "s-2"}, {}]


# Trio warns of such generators, as it should.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_generator_keeps_its_session(backend: str) -> None:
    """Another generator dropped meanwhile does not affect it."""
    found: list[object] = []

    async def main() -> None:
        async def parts() -> AsyncIterator[object]:
            with otel_distro.session("mine"):
                yield context_values()
                await _dropped(otel_distro.tenant("acme"))
                yield context_values()

        found.extend([part async for part in parts()])
        found.append(context_values())

    anyio.run(main, backend=backend)

    assert found == [{"session.id": "mine"}, {"session.id": "mine"}, {}]
