"""Activates a span without changing the exception that ends the block.

OpenTelemetry's `use_span` writes the exception into the span's status; if that fails, its error
replaces the app's.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.api.detaching import detach

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class CurrentSpan(ContextDecorator):
    """A context manager that activates the span returned by *start*.

    As a decorator it does so for each call; for a coroutine function until the coroutine ends.
    """

    def __init__(
        self,
        start: Callable[[], trace.Span],
        *,
        end_on_exit: bool,
        record_exception: bool,
        set_status_on_exception: bool,
    ) -> None:
        self._start = start
        self._end = end_on_exit
        self._record = record_exception
        self._set_status = set_status_on_exception

    def __enter__(self) -> trace.Span:
        span = self._span = self._start()
        self._token = context_api.attach(trace.set_span_in_context(span))
        return span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        detach(self._token)
        span = self._span
        # SystemExit, KeyboardInterrupt and GeneratorExit are no errors.
        if error is not None and isinstance(error, Exception):
            _note(span, error, record=self._record, set_status=self._set_status)
        if self._end:
            span.end()

    def __call__(self, function: Any) -> Any:
        """Return *function* wrapped so that each call runs under a new span."""
        if iscoroutinefunction(function):

            @wraps(function)
            async def run(*args: Any, **kwargs: Any) -> Any:
                with self._recreate_cm():
                    return await function(*args, **kwargs)

            return run
        return super().__call__(function)

    def _recreate_cm(self) -> CurrentSpan:
        return CurrentSpan(
            self._start,
            end_on_exit=self._end,
            record_exception=self._record,
            set_status_on_exception=self._set_status,
        )


def use_span(
    span: trace.Span,
    end_on_exit: bool = False,  # the API's signature
    record_exception: bool = True,
    set_status_on_exception: bool = True,
) -> CurrentSpan:
    """Make *span* the current one; replaces `opentelemetry.trace.use_span`."""
    return CurrentSpan(
        lambda: span,
        end_on_exit=end_on_exit,
        record_exception=record_exception,
        set_status_on_exception=set_status_on_exception,
    )


def _note(span: trace.Span, error: Exception, *, record: bool, set_status: bool) -> None:
    noting = getattr(span, "note_exception", None)
    if noting is not None:
        noting(error, record=record, set_status=set_status)
        return
    try:
        if not isinstance(span, trace.Span) or not span.is_recording():
            return
        if record:
            span.record_exception(error)
        if set_status:
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
    except Exception:  # the app's exception is propagating
        pass
