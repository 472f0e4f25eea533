"""Links each trace of a session to the previous one.

A trace is one request; a session is many. Backends show links between traces, so that a failed call
can be followed back to its cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_distro.base.attributes import LINK_KIND
from otel_distro.base.baggage_keys import SESSION
from otel_distro.pipeline.span_errors import attributes_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span
    from opentelemetry.trace import SpanContext

PREVIOUS_IN_SESSION: Final = "session.previous"
_MAX_SESSIONS: Final = 1_000


class SessionLinker:
    """Keeps the last trace of each recent session.

    Thread-safe, because each step is one operation on a dict. A forked child keeps its
    parent's sessions.
    """

    def __init__(self) -> None:
        self._last: dict[str, SpanContext] = {}

    def begin(self, span: Span) -> None:
        """Link *span*, if it is a root span, to the previous trace of its session."""
        if span.parent is not None:
            return
        session = attributes_of(span).get(SESSION)
        if not isinstance(session, str):
            return
        before = self._last.pop(session, None)
        self._last[session] = span.get_span_context()
        if before is not None:
            span.add_link(before, {LINK_KIND: PREVIOUS_IN_SESSION})
        elif len(self._last) > _MAX_SESSIONS:
            oldest = next(iter(self._last.copy()), session)
            self._last.pop(oldest, None)
