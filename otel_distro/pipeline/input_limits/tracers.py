"""Tracers that start a span for any arguments."""

from __future__ import annotations

from copy import copy
from functools import partial
from itertools import islice
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind

from otel_distro.pipeline.input_limits import invalid_input as kinds
from otel_distro.pipeline.input_limits.contained import is_contained
from otel_distro.pipeline.input_limits.default import DEFAULT_CLEANER
from otel_distro.pipeline.input_limits.use_span import CurrentSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


# The signatures are the SDK's, with Any where an app may pass anything.
# mypy: disable-error-code="override"
_MAX_LINKS: Final = 1_000
_new: Callable[..., Any] = tuple.__new__
# `super()` would be created for every span.
_start_span: Callable[..., trace.Span] = Tracer.start_span
# The bound method: the API's `get_current` is one more call for every span.
_current: Callable[[], Context] = context_api._RUNTIME_CONTEXT.get_current


class TolerantTracer(Tracer):
    """A tracer that returns a span for any arguments."""

    cleaner = DEFAULT_CLEANER
    deferred: type[Any] | None = None
    """Class of the spans that replace dropped ones; None replaces none."""
    recorded_with: frozenset[str] = frozenset()
    """Attributes any of which causes a deferred span to be recorded at its start."""

    def start_span(
        self,
        name: Any,
        context: Any = None,
        kind: Any = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: Any = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """Start a span."""
        cleaner = self.cleaner
        try:
            if type(name) is not str or not name.isascii() or len(name) > 1024 or "\0" in name:
                name = cleaner.text(name)
            if attributes is not None and type(attributes) is not dict:
                attributes = cleaner.attributes(attributes)
            if start_time is not None:
                start_time = cleaner.time_ns(start_time)
            if links:
                links = self._links(links)
            if type(kind) is not SpanKind:
                kind = SpanKind.INTERNAL
            span = _start_span(
                self,
                name,
                context,
                kind,
                attributes,
                links,
                start_time,
                record_exception,
                set_status_on_exception,
            )
            if self.deferred is not None and type(span) is NonRecordingSpan:
                # Inlined: a call would cost as much as all of this.
                deferred: Any = _new(
                    self.deferred,
                    (
                        span._context,
                        self,
                        _current() if context is None else context,
                        time_ns() if start_time is None else start_time,
                        name,
                        kind,
                        attributes,
                        links,
                        record_exception,
                        set_status_on_exception,
                        {},
                    ),
                )
                kept: trace.Span = deferred
                if attributes and not self.recorded_with.isdisjoint(attributes):
                    kept = deferred.record()
                return kept
            return span
        except BaseException as error:
            if not is_contained(error):
                raise
            return self._with_less(name, context)

    def start_as_current_span(
        self,
        name: Any,
        context: Any = None,
        kind: Any = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: Any = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """Start a span and make it the current one, as context manager or decorator."""
        start = partial(
            self.start_span,
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        return CurrentSpan(
            start,
            end_on_exit=end_on_exit,
            record_exception=record_exception,
            set_status_on_exception=set_status_on_exception,
        )

    def _with_less(self, name: Any, context: Any) -> trace.Span:
        """Start the span with only its name and parent; if that fails, without the app's parts."""
        self.cleaner.note(kinds.REFUSED, "start_span")
        text = self.cleaner.text(name)
        parent = context if isinstance(context, Context) else None
        for tracer, known in ((self, parent), (self._without_app_parts(), parent), (self, None)):
            try:
                return Tracer.start_span(tracer, text, known)
            except BaseException as error:
                if not is_contained(error):
                    raise
        return trace.INVALID_SPAN

    def _without_app_parts(self) -> Tracer:
        """Return a tracer without the app's sampler and id generator, one of which has failed."""
        tracer = copy(self)
        tracer.sampler = DEFAULT_ON
        tracer.id_generator = RandomIdGenerator()
        return tracer

    def _links(self, links: Any) -> Sequence[trace.Link]:
        copied_links = list(islice(iter(links), _MAX_LINKS))
        usable = [
            link
            for link in copied_links
            if isinstance(link, trace.Link) and isinstance(link.context, SpanContext)
        ]
        if len(usable) < len(copied_links):
            self.cleaner.note(kinds.REFUSED, "links")
        return usable
