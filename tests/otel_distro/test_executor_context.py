"""Contexts where work changes threads, and where a generator is dropped early."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor, thread

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


def said() -> dict[str, str]:
    return dict(contexts.local_baggage())


def test_a_task_of_a_pool_has_what_its_submitter_said() -> None:
    """Also as baggage; the next task of the same thread has its own."""
    with ThreadPoolExecutor(1) as pool:
        with otel_distro.tenant("acme"), otel_distro.session("s-1"):
            inside = pool.submit(said)
            carried = pool.submit(baggage.get_baggage, "tenant.id")
        outside = pool.submit(said)

    assert inside.result() == {"tenant.id": "acme", "session.id": "s-1"}
    assert carried.result() == "acme"
    assert outside.result() == {}


def test_run_in_executor_and_map_carry_it_too() -> None:
    """They submit to a pool."""

    async def main() -> dict[str, str]:
        with otel_distro.tenant("acme"):
            return await asyncio.get_running_loop().run_in_executor(None, said)

    assert asyncio.run(main()) == {"tenant.id": "acme"}
    with ThreadPoolExecutor(1) as pool, otel_distro.tenant("acme"):
        assert list(pool.map(lambda _: said(), [1])) == [{"tenant.id": "acme"}]


def test_what_a_task_raises_and_returns_is_its_own() -> None:
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
    """It is closed in another context than the one it was begun in."""

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
        return said()

    asyncio.run(main())

    assert [record.message for record in caplog.records] == []


def test_a_generator_closed_in_the_same_context_restores_it() -> None:
    """As a plain block does."""

    def parts() -> Generator[int, None, None]:
        with otel_distro.tenant("acme"):
            yield 1

    generator = parts()
    next(generator)
    assert said() == {"tenant.id": "acme"}
    generator.close()
    assert said() == {}


def test_a_budget_scope_is_carried_too() -> None:
    """A budget per tenant finds the tenant of a call in a pool."""
    with ThreadPoolExecutor(1) as pool:
        with otel_distro.budget.scope(tenant="acme"):
            inside = pool.submit(lambda: dict(current_scope()))
        outside = pool.submit(lambda: dict(current_scope()))

    assert (inside.result(), outside.result()) == ({"tenant": "acme"}, {})


def test_typed_errors_in_a_generator_that_is_dropped_early_raise_nothing() -> None:
    """It is closed in another context than the one it began in."""
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
