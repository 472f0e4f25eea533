"""Events: recorded, counted, passed to listeners, checked by the catalogue; never raising."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import metrics

import otel_distro
from otel_distro.api.events import catalogue, tracking
from otel_distro.api.events.table import with_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import GuardedSdk

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.fixture(autouse=True)
def _in_this_sdk(sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: sdk.meter_provider)
    monkeypatch.setattr(tracking, "get_logger", sdk.logger_provider.get_logger)
    otel_distro.reset()
    yield
    otel_distro.detach()


def last(sdk: GuardedSdk) -> Any:
    return sdk.log_records()[-1].log_record


def test_an_event_is_a_log_record_with_its_name_and_severity(sdk: GuardedSdk) -> None:
    """Keywords become the attributes that the catalogue names."""
    otel_distro.track_event("agent.dispatch", agent="planner", tool="search")

    record = last(sdk)
    assert record.event_name == "app.agent.dispatch"
    assert record.severity_text == "INFO"
    assert record.attributes == {"gen_ai.agent.name": "planner", "gen_ai.tool.name": "search"}
    assert otel_distro.snapshot().problems == ()


def test_each_event_is_counted(sdk: GuardedSdk) -> None:
    """As a metric, and in the snapshot for tests."""
    otel_distro.track_event("context.cache_hit", cache="prompts")
    otel_distro.track_event("app.context.cache_hit")

    assert otel_distro.snapshot().events == {"app.context.cache_hit": 2}
    assert [point.value for point in sdk.points("otel_distro.events")] == [2]


def test_events_of_a_session_know_it(sdk: GuardedSdk) -> None:
    """Without an explicit argument."""
    with otel_distro.session("s-1"):
        otel_distro.track_event("session.start")

    assert last(sdk).attributes == {"session.id": "s-1"}


@pytest.mark.parametrize(
    ("name", "attributes", "problem"),
    [
        ("agent.dispatch", {}, "event agent.dispatch lacks gen_ai.agent.name (agent=)"),
        (
            "context.cache_hit",
            {"key": "x"},
            "event context.cache_hit has no attribute key; it has cache",
        ),
        (
            "llm.request",
            {"model": 4},
            "event llm.request: expected gen_ai.request.model to be of type string, got int",
        ),
        (
            "checkout.done",
            {},
            "event checkout.done is not in the catalogue; add it with otel_distro.define_event",
        ),
    ],
)
def test_events_outside_the_catalogue_are_reported_and_recorded(
    sdk: GuardedSdk, name: str, attributes: dict[str, Any], problem: str
) -> None:
    """A test of the app can read the problems; the app never fails."""
    otel_distro.track_event(name, attributes)
    otel_distro.track_event(name, **attributes)

    assert problem in otel_distro.snapshot().problems
    assert len(sdk.log_records()) == 2


def test_an_app_adds_its_own_events() -> None:
    """With meaning and attributes."""
    otel_distro.define_event(
        "checkout.complete",
        meaning="an order is paid",
        attributes=[otel_distro.Attribute("shop.items", "integer", "things bought")],
    )

    otel_distro.track_event("checkout.complete", items=3)

    assert otel_distro.snapshot().problems == ()


@pytest.mark.parametrize("name", ["checkout", "Checkout.done", "checkout.", "a b.c", ""])
def test_names_without_component_and_action_are_refused(name: str) -> None:
    """At the definition of the event, when the program starts."""
    with pytest.raises(ValueError, match=r"component\.action"):
        otel_distro.define_event(name)


def test_an_event_has_one_meaning() -> None:
    """A second definition must be the same."""
    with pytest.raises(ValueError, match="already defined"):
        otel_distro.define_event("session.start", meaning="something else")


def test_begin_and_end_are_tracked_with_the_duration(sdk: GuardedSdk) -> None:
    """One `with` for two events."""
    with otel_distro.event_span("agent", agent="planner", tool="search"):
        pass

    first, second = (record.log_record for record in sdk.log_records())
    assert (first.event_name, second.event_name) == ("app.agent.dispatch", "app.agent.complete")
    assert second.attributes["otel_distro.event.duration_ms"] >= 0
    assert otel_distro.snapshot().problems == ()


def test_an_error_is_tracked_instead_of_the_end_and_raised_on(sdk: GuardedSdk) -> None:
    """With its class, at the severity of errors."""
    with pytest.raises(KeyError), otel_distro.event_span("session"):
        raise KeyError("x")

    assert last(sdk).event_name == "app.session.error"
    assert last(sdk).severity_text == "ERROR"
    assert last(sdk).attributes["error.type"] == "KeyError"


def test_values_known_only_at_the_end_are_in_the_last_event(sdk: GuardedSdk) -> None:
    """For a request the length of question and answer, never their text; and only once."""
    request = otel_distro.event_span("request", input_length=12)
    with request:
        request.set(output_length=345)
    with request:
        pass

    start, stop, _, later = (record.log_record for record in sdk.log_records())
    assert start.event_name == "app.request.start"
    assert start.attributes == {"otel_distro.event.input_length": 12}
    assert stop.event_name == "app.request.stop"
    assert stop.attributes["otel_distro.event.output_length"] == 345
    assert stop.attributes["otel_distro.event.duration_ms"] >= 0
    assert "otel_distro.event.output_length" not in later.attributes
    assert otel_distro.snapshot().problems == ()


def test_functions_of_both_kinds_can_be_tracked() -> None:
    """As a decorator."""

    @otel_distro.event_span("llm", model="gpt-4o")
    def ask() -> int:
        return 1

    @otel_distro.event_span("llm", model="gpt-4o")
    async def ask_async() -> int:
        return 2

    assert (ask(), asyncio.run(ask_async())) == (1, 2)
    assert otel_distro.snapshot().events == {"app.llm.request": 2, "app.llm.response": 2}


def test_handlers_get_the_events_they_ask_for_until_detached() -> None:
    """By pattern."""
    got: list[str] = []

    def note(event: otel_distro.Event) -> None:
        got.append(event.name)

    otel_distro.attach(note, "llm.*")
    otel_distro.track_event("llm.request", model="gpt-4o")
    otel_distro.track_event("session.start")
    otel_distro.detach(note)
    otel_distro.track_event("llm.request", model="gpt-4o")

    assert got == ["app.llm.request"]


def test_a_failing_handler_does_not_affect_others() -> None:
    """Neither the app nor the next handler."""
    got: list[str] = []
    otel_distro.attach(lambda _event: 1 / 0)
    otel_distro.attach(lambda event: got.append(event.name))

    otel_distro.track_event("session.start")

    assert got == ["app.session.start"]
    assert otel_distro.snapshot().problems == (
        "a handler of app.session.start failed (ZeroDivisionError)",
    )


@given(
    name=st.text(max_size=30),
    attributes=st.dictionaries(st.text(max_size=10), st.none() | st.text() | st.integers()),
)
def test_no_event_can_break_the_app(name: str, attributes: dict[str, Any]) -> None:
    """With any name and attributes."""
    otel_distro.track_event(name, attributes)


def test_every_standard_event_can_be_tracked_as_documented(sdk: GuardedSdk) -> None:
    """With each keyword of its line in the catalogue."""
    samples: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.5, "boolean": True}
    for event in catalogue.STANDARD:
        otel_distro.track_event(
            event.name,
            **{attribute.keyword: samples[attribute.kind] for attribute in event.attributes},
        )

    assert otel_distro.snapshot().problems == ()
    assert len(sdk.log_records()) == len(catalogue.STANDARD)


def test_the_documented_table_is_that_of_the_catalogue() -> None:
    """`python -m otel_distro.api.events.table docs/api.md` makes it."""
    text = DOCUMENT.read_text()

    assert with_table(text) == text
