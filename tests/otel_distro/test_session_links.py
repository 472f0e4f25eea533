"""Each trace of a session has a link to the previous one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import otel_distro
from otel_distro.pipeline.session_links import SessionLinker

if TYPE_CHECKING:
    from .conftest import GuardedSdk


def linked(span: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(link.context.span_id, dict(link.attributes)) for link in span.links]


def test_a_trace_is_linked_to_the_one_before_it_in_its_session(sdk: GuardedSdk) -> None:
    """The session from our context, or from an instrumentation's attribute."""
    with otel_distro.session("s-1"):
        sdk.tracer.start_span("first").end()
        sdk.tracer.start_span("second").end()
    sdk.tracer.start_span("third", attributes={"session.id": "s-1"}).end()

    first, second, third = sdk.spans()
    why = {"otel_distro.link.kind": "session.previous"}
    assert linked(first) == []
    assert linked(second) == [(first.context.span_id, why)]
    assert linked(third) == [(second.context.span_id, why)]


def test_spans_inside_a_trace_and_traces_of_other_sessions_are_not_linked(sdk: GuardedSdk) -> None:
    """A child has its parent; a trace without a session has no link."""
    for session in ("s-1", "s-2"):
        with otel_distro.session(session), sdk.tracer.start_as_current_span("request"):
            sdk.tracer.start_span("call").end()
    sdk.tracer.start_span("no session").end()
    sdk.tracer.start_span("none either").end()

    assert [linked(span) for span in sdk.spans()] == [[]] * 6


def test_only_sessions_in_use_are_remembered(sdk: GuardedSdk) -> None:
    """A service has any number of sessions; a session continues after others."""
    linker = SessionLinker()
    for number in range(3_000):
        for session in (f"s-{number}", "the same"):
            span: Any = sdk.tracer.start_span("work", attributes={"session.id": session})
            linker.begin(span)

    assert len(linker._last) <= 1_000
    assert "the same" in linker._last
