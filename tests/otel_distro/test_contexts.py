"""Session, user, tenant and feature flag: on all records inside, and not sent by default."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context
from opentelemetry._logs import LogRecord
from opentelemetry.baggage.propagation import W3CBaggagePropagator

import otel_distro
from otel_cost_ledger.model.privacy import Pseudonyms, parse_person_name, person_name
from otel_distro.api import context as contexts
from otel_distro.base.baggage_keys import KEYS
from otel_distro.base.current_runtime import set_running
from otel_distro.pipeline.context_propagation import AllowedPropagator
from otel_redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import GuardedSdk

KEY = b"k" * 32


class Running:
    """A running distribution with only its key."""

    def pseudonym_key(self) -> bytes:
        return KEY


@pytest.fixture
def with_a_key() -> Iterator[None]:
    stand_in: Any = Running()
    set_running(stand_in)
    yield
    set_running(None)


def attributes_of_a_span(sdk: GuardedSdk) -> dict[str, Any]:
    sdk.tracer.start_span("work").end()
    return dict(sdk.spans()[-1].attributes)


def test_spans_inside_carry_the_context(sdk: GuardedSdk) -> None:
    """By the names of the conventions."""
    with otel_distro.session("s-1"), otel_distro.tenant("acme"):
        with otel_distro.feature_flag("prompt", "b"):
            inside = attributes_of_a_span(sdk)

    assert inside == {
        "session.id": "s-1",
        "tenant.id": "acme",
        "feature_flag.key": "prompt",
        "feature_flag.result.variant": "b",
    }
    assert attributes_of_a_span(sdk) == {}


def test_log_records_inside_carry_it_too(sdk: GuardedSdk) -> None:
    """Beside their own attributes, which take precedence."""
    with otel_distro.session("s-1"), otel_distro.tenant("acme"):
        sdk.logger.emit(LogRecord(body="hello", attributes={"tenant.id": "own", "n": 1}))

    (record,) = sdk.log_records()
    assert record.log_record.attributes == {"session.id": "s-1", "tenant.id": "own", "n": 1}


def test_attributes_of_the_span_take_precedence(sdk: GuardedSdk) -> None:
    """The context fills gaps, it does not overwrite."""
    with otel_distro.session("s-1"):
        sdk.tracer.start_span("work", attributes={"session.id": "own"}).end()

    assert sdk.spans()[-1].attributes["session.id"] == "own"


def test_a_session_without_an_id_gets_a_new_one_each_time() -> None:
    """So that two requests differ."""
    with otel_distro.session() as first:
        pass
    with otel_distro.session() as second:
        assert baggage.get_baggage("session.id") == second

    assert first != second
    assert len(first) == 32


def test_the_innermost_wins_and_the_outer_comes_back() -> None:
    """As with any context."""
    with otel_distro.tenant("a"):
        with otel_distro.tenant("b"):
            assert contexts.local_baggage()["tenant.id"] == "b"
        assert contexts.local_baggage()["tenant.id"] == "a"
    assert contexts.local_baggage() == {}


def test_tasks_started_inside_have_it_and_their_siblings_do_not(sdk: GuardedSdk) -> None:
    """Each asyncio task has its own context."""

    async def work(name: str) -> None:
        with otel_distro.session(name):
            await asyncio.sleep(0.001)
            sdk.tracer.start_span(name).end()

    async def both() -> None:
        await asyncio.gather(work("one"), work("two"))

    asyncio.run(both())

    assert {s.name: s.attributes["session.id"] for s in sdk.spans()} == {"one": "one", "two": "two"}


@pytest.mark.usefixtures("with_a_key")
def test_a_user_is_only_ever_a_pseudonym(sdk: GuardedSdk) -> None:
    """On spans, in baggage and so in headers; the one that the ledger shows."""
    with otel_distro.user("ada@lovelace.example") as shown:
        carried = baggage.get_baggage("user.id")
        inside = attributes_of_a_span(sdk)

    assert shown == carried == inside["user.id"] == person_name(KEY, "ada@lovelace.example")
    assert "ada" not in shown


def test_without_a_running_distribution_a_user_is_not_carried_at_all() -> None:
    """Without a key there is no pseudonym, and names are never propagated."""
    with otel_distro.user("ada@lovelace.example"):
        assert baggage.get_all() == {}


@pytest.mark.usefixtures("with_a_key")
def test_a_pseudonym_is_stored_as_its_user() -> None:
    """A span with the name and one with the pseudonym are of one user."""
    stored = Pseudonyms(KEY)

    assert stored.of("user", person_name(KEY, "ada")) == stored.of("user", "ada")


@given(name=st.text(min_size=1, max_size=60), key=st.binary(min_size=16, max_size=32))
def test_a_pseudonym_passes_redaction_and_is_recognised_for_any_name(name: str, key: bytes) -> None:
    """With any digits."""
    shown = person_name(key, name)

    assert Redactor().attributes({"user.id": shown}) == {"user.id": shown}
    assert parse_person_name(shown) == Pseudonyms(key).of("user", name)


@pytest.mark.parametrize(
    "text", ["ada", "user_", "user_123", "user_ZZZZZZZZZZZZ", "user_ffffffffffff", "xuser_0"]
)
def test_only_the_exact_form_is_taken_for_a_pseudonym(text: str) -> None:
    """A user may be named user_123."""
    assert parse_person_name(text) is None


@given(value=st.text())
def test_any_text_can_be_carried(value: str) -> None:
    """Bounded and printable, so that no header and no log line breaks."""
    with otel_distro.tenant(value):
        carried = contexts.local_baggage().get("tenant.id", "x")
        headers: dict[str, str] = {}
        W3CBaggagePropagator().inject(headers)

    assert len(carried) <= 200
    assert carried.isprintable()
    assert all(text.isascii() and text.isprintable() for text in headers.values())


def test_baggage_from_outside_counts_only_where_it_is_believed() -> None:
    """Any client may send it."""
    sent = baggage.set_baggage("tenant.id", "eve", baggage.set_baggage("session.id", "s-9"))

    assert contexts.attributes(sent, ("session.id",)) == {"session.id": "s-9"}
    assert contexts.attributes(sent) == {}


def test_other_baggage_never_becomes_an_attribute() -> None:
    """The list of trusted keys cannot be extended to anything."""
    sent = baggage.set_baggage("password", "hunter2")

    assert contexts.attributes(sent, ("password",)) == {}


def test_headers_have_only_permitted_keys() -> None:
    """A model provider need not know the tenant; the app's own baggage is left alone."""
    headers: dict[str, str] = {}
    propagator = AllowedPropagator(W3CBaggagePropagator(), ("session.id",), lambda: True)
    with otel_distro.session("s-1"), otel_distro.tenant("acme"):
        propagator.inject(headers, baggage.set_baggage("own", "yes"))

    assert sorted(headers["baggage"].split(",")) == ["own=yes", "session.id=s-1"]


def test_no_header_is_written_while_consent_is_missing() -> None:
    """Requests of the app must not carry data either."""
    headers: dict[str, str] = {}
    with otel_distro.session("s-1"):
        AllowedPropagator(W3CBaggagePropagator(), KEYS, lambda: False).inject(headers)

    assert headers == {}


def test_budgets_get_the_scope_of_a_call() -> None:
    """Values set in the process need no trust."""
    from otel_distro.pipeline.budgets.scopes import Scopes

    with otel_distro.tenant("acme"), otel_distro.session("s-1"):
        found = Scopes(()).attributes(context.get_current())

    assert found == {"tenant.id": "acme", "session.id": "s-1"}


def test_only_allowed_keys_are_sent_and_only_known_ones_can_be_allowed() -> None:
    """By default baggage is neither sent nor trusted."""
    from otel_distro.settings import load

    (problem,) = load({"HOME": "/", "OTEL_DISTRO_BAGGAGE": "session.id,email"}).problems

    assert load({"HOME": "/"}).settings.baggage == ()
    assert "choose from session.id" in str(problem)
