"""One name for one model, whether its calls succeed or fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.location import Location
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_cost_ledger.query.breakdown import breakdown
from otel_cost_ledger.query.calls import calls
from otel_cost_ledger.query.costs import costs
from otel_cost_ledger.query.durations import durations, latencies_by_model
from otel_cost_ledger.query.model_names import ModelResponse, find_names
from otel_cost_ledger.query.stats import stats
from otel_cost_ledger.query.timeline import known_names, timeline
from otel_pricing.model.call import CostStatus, PricedCall

from .conftest import NOON_NS, MakeCall, MakeWriter

SNAPSHOT = "gpt-4o-2024-08-06"


def failed(make_call: MakeCall, **fields: object) -> PricedCall:
    """Return a call that got no response."""
    made = make_call(status=CostStatus.FREE, cost_nano_usd=0, error_type="Timeout", **fields)
    return replace(made, call=replace(made.call, response_model="", usage=None))


@pytest.fixture
def mixed(location: Location, make_call: MakeCall, make_writer: MakeWriter) -> Location:
    """A ledger with two calls that `gpt-4o-2024-08-06` answered, and one that failed."""
    writer: LedgerWriter = make_writer(path=location)
    responses = [make_call(request_model="gpt-4o", response_model=SNAPSHOT) for _ in range(2)]
    writer.write([failed(make_call, request_model="gpt-4o"), *responses])
    return location


def test_a_failed_call_is_counted_with_the_model_that_answers(mixed: Location) -> None:
    """No line has only errors, and none has only successes."""
    with open_ledger(mixed) as ledger:
        lines = {line.key: (line.calls, line.failed_calls) for line in costs(ledger).groups}
        rates = {line.key: line.error_rate for line in stats(ledger).groups}

    assert lines == {(SNAPSHOT,): (3, 1)}
    assert rates == {(SNAPSHOT,): pytest.approx(1 / 3)}


@pytest.mark.parametrize("name", ["gpt-4o", SNAPSHOT])
def test_either_name_selects_all_of_its_calls(mixed: Location, name: str) -> None:
    """The name that a program asks for, and the one that reports show."""
    only = Filters(model=name)
    with open_ledger(mixed) as ledger:
        assert costs(ledger, filters=only).total.calls == 3
        assert len(calls(ledger, filters=only)) == 3
        assert stats(ledger, by=("tenant",), filters=only).total.calls == 3


def test_charts_have_the_same_name(mixed: Location) -> None:
    """Sums over time, breakdowns, latencies and the choices of a filter."""
    window, only = Window(NOON_NS - 10**9, NOON_NS + 10**12), Filters(model="gpt-4o")
    with open_ledger(mixed) as ledger:
        hourly = timeline(ledger, window, NS_PER_DAY // 24, Filters())
        shares = breakdown(ledger, window, NS_PER_DAY // 24, "model", Filters())
        latencies = latencies_by_model(ledger, window, Filters())
        steps = durations(ledger, window, NS_PER_DAY // 24, "latency_us", only)
        choices = known_names(ledger, "dims", "model")

    assert {(sums.model, sums.failed): sums.calls for sums in hourly} == {
        (SNAPSHOT, False): 2,
        (SNAPSHOT, True): 1,
    }
    assert [(one.name, one.calls) for one in shares.names] == [(SNAPSHOT, 3)]
    assert {model: counts.total() for model, counts in latencies.items()} == {SNAPSHOT: 3}
    assert sum(counts.total() for counts in steps.values()) == 3
    assert choices == [SNAPSHOT]


def test_a_single_call_keeps_the_names_it_was_recorded_with(mixed: Location) -> None:
    """The request names the alias, even where the report shows the model."""
    with open_ledger(mixed) as ledger:
        found = {stored.priced.call.model for stored in calls(ledger)}

    assert found == {"gpt-4o", SNAPSHOT}


def test_a_model_of_another_provider_keeps_its_name(
    path: Location, make_call: MakeCall, writer: LedgerWriter
) -> None:
    """The same alias of two providers is two models."""
    writer.write(
        [
            make_call(request_model="gpt-4o", response_model=SNAPSHOT),
            failed(make_call, request_model="gpt-4o", provider="azure.ai.openai"),
        ]
    )
    with open_ledger(path) as ledger:
        lines = [line.key for line in costs(ledger, by=("provider", "model")).groups]

    assert sorted(lines) == [("azure.ai.openai", "gpt-4o"), ("openai", SNAPSHOT)]


def responses(requested: str, *models: str) -> list[ModelResponse]:
    """Return responses of *models* to requests for *requested*, the latest last."""
    return [ModelResponse("p", requested, model, at) for at, model in enumerate(models, 1)]


def test_a_moved_alias_is_the_model_that_answered_last() -> None:
    """Earlier snapshots keep their lines; the alias selects them too."""
    names = find_names(responses("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-05-13"), [], [])

    assert names.of("p", "gpt-4o") == "gpt-4o-2024-05-13"
    assert names.of("p", "gpt-4o-2024-08-06") == "gpt-4o-2024-08-06"
    assert names.same_as("gpt-4o") == {"gpt-4o-2024-08-06", "gpt-4o-2024-05-13"}
    assert names.same_as("gpt-4o-2024-05-13") == {"gpt-4o"}
    assert names.same_as("gpt-4o-2024-08-06") == set()


def test_a_router_keeps_a_separate_line() -> None:
    """Its failures belong to none of the models that it chooses from."""
    names = find_names(responses("auto", "gpt-4o-2024-08-06", "claude-sonnet-4-5"), [], [])

    assert names.of("p", "auto") == "auto"


def test_a_model_with_a_fallback_keeps_its_name() -> None:
    """Another model answered once; most answers are its own."""
    names = find_names(responses("gpt-4o", "tiny"), [("p", "gpt-4o"), ("p", "tiny")], [])

    assert names.of("p", "gpt-4o") == "gpt-4o"


def test_a_deployment_is_the_model_behind_it() -> None:
    """Names of deployments need not resemble the model."""
    names = find_names(responses("prod-chat", "gpt-4o-2024-08-06"), [], [])

    assert names.of("p", "prod-chat") == "gpt-4o-2024-08-06"


@pytest.mark.parametrize(
    ("asked", "snapshot"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("gemini-2.0-flash", "gemini-2.0-flash-001"),
        ("gpt-4", "gpt-4-0613"),
    ],
)
def test_without_rows_the_name_of_a_snapshot_shows_its_model(asked: str, snapshot: str) -> None:
    """Retention removes the rows; the daily sums remain."""
    names = find_names([], [("p", snapshot), ("p", f"{asked}-mini")], [("p", asked)])

    assert names.of("p", asked) == snapshot


def test_circular_names_stay() -> None:
    """Two aliases that answer as each other."""
    names = find_names([*responses("a", "b"), *responses("b", "a")], [], [])

    assert (names.of("p", "a"), names.of("p", "b")) == ("a", "b")
