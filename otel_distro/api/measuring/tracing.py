"""`traced` and `measure`: span, duration and count of any block or function.

Only names, times and attributes set by the caller are recorded; never arguments or results. Without
an SDK the code runs unmeasured.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

from opentelemetry import trace

from otel_distro.api.measuring.operations import Operation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Mapping
    from types import TracebackType

    from opentelemetry.util.types import AttributeValue

_Function = TypeVar("_Function", bound="Callable[..., Any]")

NO_TRACE = "no-trace"
"""Result of `current_trace_id` without a trace."""


def current_trace_id() -> str:
    """Return the id of the current trace as 32 hexadecimal digits, or `no-trace`."""
    span_context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span_context.trace_id) if span_context.is_valid else NO_TRACE


class measure:  # reads as a statement
    """Measure the block of `with measure("search"):`, or `async with`.

    *component* is the part of the app that runs it. With *memory* the span gets the change of the
    process's resident memory, in bytes; other threads affect it too.
    """

    def __init__(
        self,
        name: str,
        *,
        component: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        memory: bool = False,
    ) -> None:
        self._operation = Operation(name, component=component, attributes=attributes, memory=memory)
        self._entered: list[Operation] = []

    @property
    def duration_ms(self) -> float | None:
        """Duration in milliseconds; None before it has ended."""
        return self._operation.duration_ms

    def set(self, key: str, value: AttributeValue) -> None:
        """Set an attribute of the span."""
        self._operation.set(key, value)

    def __enter__(self) -> measure:
        # Each use is one operation, so that an object is reusable and reentrant.
        self._operation = self._operation.another()
        self._operation.enter()
        self._entered.append(self._operation)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        operation = self._entered.pop()
        operation.leave(error)
        self._operation = operation

    async def __aenter__(self) -> measure:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace_back)


@overload
def traced(name: _Function, /) -> _Function: ...
@overload
def traced(
    name: str | None = None,
    *,
    component: str | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    memory: bool = False,
) -> Callable[[_Function], _Function]: ...
def traced(
    name: Any = None,
    *,
    component: str | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    memory: bool = False,
) -> Any:
    """Measure every call of a function: sync, async, generator or async generator.

    The span is named *name*, by default as the function. A generator's span lasts until it is
    exhausted or closed, and is current only while the generator runs.
    """
    if callable(name):
        return traced()(name)

    def decorate(function: Any) -> Any:
        if not callable(function):
            raise TypeError(
                f"traced expects a function, got {type(function).__name__}; "
                "put @traced below @classmethod and @property"
            )
        known: dict[str, AttributeValue] = {"code.function.name": _full_name(function)}
        operation = Operation(
            name or _short_name(function),
            component=component,
            attributes=known | dict(attributes or {}),
            memory=memory,
        )
        return _wrapped(function, operation)

    return decorate


def _wrapped(function: Any, model: Operation) -> Any:
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, model)
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, model)
    if inspect.isgeneratorfunction(function):
        return _generator(function, model)
    return _plain(function, model)


def _plain(function: Any, model: Operation) -> Any:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        # Inlined, because a context manager would cost more than all the rest.
        operation = model.another()
        operation.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            operation.leave(error)
            raise
        operation.leave(None)
        return result

    return run


def _coroutine(function: Any, model: Operation) -> Any:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        operation = model.another()
        operation.enter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            operation.leave(error)
            raise
        operation.leave(None)
        return result

    return run


def _generator(function: Any, model: Operation) -> Any:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        operation = model.another()
        with operation.lasting():
            inner = function(*args, **kwargs)
            step, given = inner.send, None
            while True:
                try:
                    with operation.current():
                        item = step(given)
                except StopIteration as stop:
                    return stop.value
                operation.items += 1
                try:
                    step, given = inner.send, (yield item)
                except GeneratorExit:
                    with operation.current():
                        inner.close()
                    raise
                except BaseException as error:  # it is the generator's to handle
                    step, given = inner.throw, error

    return run


def _async_generator(function: Any, model: Operation) -> Any:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        operation = model.another()
        with operation.lasting():
            inner = function(*args, **kwargs)
            step, given = inner.asend, None
            while True:
                try:
                    with operation.current():
                        item = await step(given)
                except StopAsyncIteration:
                    return
                operation.items += 1
                try:
                    step, given = inner.asend, (yield item)
                except GeneratorExit:
                    with operation.current():
                        await inner.aclose()
                    raise
                except BaseException as error:  # it is the generator's to handle
                    step, given = inner.athrow, error

    return run


def _short_name(function: Any) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__name__
    return str(name).rpartition("<locals>.")[2]


def _full_name(function: Any) -> str:
    module = getattr(function, "__module__", None)
    return f"{module}.{_short_name(function)}" if module else _short_name(function)
