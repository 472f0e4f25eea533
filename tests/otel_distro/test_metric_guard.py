"""Metrics: attributes are redacted before aggregation, so series stay few and clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from otel_distro.api import context as contexts
from otel_distro.pipeline.metrics import guard_meter_provider

from .conftest import EMAIL, GuardedSdk

if TYPE_CHECKING:
    import pytest


def test_attributes_of_a_counter_are_redacted(sdk: GuardedSdk) -> None:
    """The value counts as before."""
    sdk.meter.create_counter("orders").add(2, {"who": EMAIL})

    (point,) = sdk.points("orders")
    assert (point.value, dict(point.attributes)) == (2, {"who": "[EMAIL]"})


def test_two_users_are_one_series(sdk: GuardedSdk) -> None:
    """Redacting after aggregation would leave two series with the same attributes."""
    counter = sdk.meter.create_counter("orders")
    counter.add(2, {"who": EMAIL})
    counter.add(3, {"who": "grace@hopper.example"})

    (point,) = sdk.points("orders")
    assert point.value == 5


def test_observable_instruments_are_redacted_too(sdk: GuardedSdk) -> None:
    """Their callbacks run at collection."""

    def observe(_options: CallbackOptions) -> list[Observation]:
        return [Observation(7, {"who": EMAIL})]

    sdk.meter.create_observable_gauge("load", [observe])

    (point,) = sdk.points("load")
    assert (point.value, dict(point.attributes)) == (7, {"who": "[EMAIL]"})


def test_lists_among_the_attributes_are_redacted(sdk: GuardedSdk) -> None:
    """They cannot be looked up by value, so they are redacted each time."""
    sdk.meter.create_counter("orders").add(1, {"who": [EMAIL, "fine"]})

    (point,) = sdk.points("orders")
    assert list(point.attributes["who"]) == ["[EMAIL]", "fine"]


def test_nothing_of_a_secret_is_left_on_the_wire() -> None:
    """Exemplars, resource, scope, schema addresses, descriptions and units included."""
    from opentelemetry.sdk.resources import Resource

    reader = InMemoryMetricReader()
    provider = MeterProvider(
        [reader],
        resource=Resource({"owner": EMAIL}, f"https://schemas.example/1?user={EMAIL}"),
        exemplar_filter=AlwaysOnExemplarFilter(),
        shutdown_on_exit=False,
    )
    guard_meter_provider(provider, GuardedSdk().shield)
    meter = provider.get_meter(f"app of {EMAIL}", EMAIL, EMAIL, attributes={"owner": EMAIL})
    took = meter.create_histogram("took", unit=f"{{{EMAIL}}}", description=f"for {EMAIL}")
    took.record(1.5, {"who": EMAIL})
    data = reader.get_metrics_data()

    assert data is not None
    wire = encode_metrics(data).SerializeToString()
    assert EMAIL.encode() not in wire
    assert b"[EMAIL]" in wire


def test_meters_that_become_one_keep_their_metrics(sdk: GuardedSdk) -> None:
    """Named by two users, or with and without an empty version."""
    names = ["of ada@lovelace.example", "of bob@example.org"]
    meters = [sdk.meter_provider.get_meter(name) for name in names]
    meters.append(sdk.meter_provider.get_meter(names[0], version=""))
    for number, meter in enumerate(meters):
        meter.create_counter(f"orders_{number}").add(1)

    data = sdk.reader.get_metrics_data()
    assert data is not None
    sent = encode_metrics(data)

    (resource,) = sent.resource_metrics
    (scope,) = resource.scope_metrics
    assert {metric.name for metric in scope.metrics} == {"orders_0", "orders_1", "orders_2"}


def test_a_reader_added_later_gets_redacted_metrics(sdk: GuardedSdk) -> None:
    """The guard is in the provider, not in the reader."""
    late = InMemoryMetricReader()
    sdk.meter_provider.add_metric_reader(late)
    sdk.meter.create_counter("orders").add(1, {"who": EMAIL})
    data = late.get_metrics_data()

    assert data is not None
    assert EMAIL.encode() not in encode_metrics(data).SerializeToString()


def test_the_memory_of_attribute_sets_is_bounded(sdk: GuardedSdk) -> None:
    """Attributes with ids must not grow memory."""
    counter = sdk.meter.create_counter("orders")
    for number in range(10_000):
        counter.add(1, {"order": number})

    consumer: Any = sdk.meter_provider._measurement_consumer
    assert len(consumer.measurements._known) <= 4096


def test_a_metric_has_at_most_two_thousand_series(
    sdk: GuardedSdk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Further ones are added up in one series, and the sum stays exact."""
    counter = sdk.meter.create_counter("orders_by_id")
    for number in range(5_000):
        counter.add(1, {"order": number})
    counter.add(1, {"order": 7})

    points = sdk.points("orders_by_id")
    (beyond,) = [p for p in points if dict(p.attributes) == {"otel.metric.overflow": True}]
    assert (len(points), sum(p.value for p in points)) == (2_000, 5_001)
    assert beyond.value == 5_000 - 1_999
    assert "metric orders_by_id has 2,000 sets of attributes" in capsys.readouterr().err


def test_series_are_limited_for_each_metric_as_they_come_out(sdk: GuardedSdk) -> None:
    """Three thousand users are one series; another metric has a separate limit."""
    for number in range(3_000):
        sdk.meter.create_counter("logins").add(1, {"who": f"user{number}@lovelace.example"})
    sdk.meter.create_counter("orders").add(1, {"who": ["a", "b"]})

    assert [p.value for p in sdk.points("logins")] == [3_000]
    assert [dict(p.attributes) for p in sdk.points("orders")] == [{"who": ("a", "b")}]


def test_repeated_measurements_add_up_as_without_the_guard() -> None:
    """Known sets of attributes go straight to their aggregations, in every reader and view."""
    from opentelemetry.sdk.metrics.view import View

    def measured(*, guarded: bool) -> list[list[tuple[str, object, object]]]:
        readers = [InMemoryMetricReader(), InMemoryMetricReader()]
        views = [
            View(instrument_name="took", attribute_keys={"route"}),
            View(instrument_name="took", name="all"),
        ]
        provider = MeterProvider(readers, views=views, shutdown_on_exit=False)
        if guarded:
            guard_meter_provider(provider, GuardedSdk().shield)
        took = provider.get_meter("app").create_histogram("took")
        calls = provider.get_meter("app").create_counter("calls")
        later = InMemoryMetricReader()
        collected = []
        for part in range(3):
            if part == 1:
                provider.add_metric_reader(later)
            if part == 2:
                provider.remove_metric_reader(readers.pop())
            for value in (1, True, 1.0, "1", 1):
                took.record(part + 1, {"route": "/", "value": value})
                calls.add(1, {"value": value})
                calls.add(1)
            collected += [_points(reader) for reader in (*readers, *([later] if part else []))]
        return collected

    assert measured(guarded=True) == measured(guarded=False)


def _points(reader: InMemoryMetricReader) -> list[tuple[str, object, object]]:
    data = reader.get_metrics_data()
    assert data is not None
    return [
        (
            metric.name,
            [(key, type(value), value) for key, value in (point.attributes or {}).items()],
            point.value if isinstance(point, NumberDataPoint) else (point.sum, point.count),
        )
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    ]


def test_exemplars_carry_the_session_and_no_series_does() -> None:
    """The first measurement as well as later ones, with and without attributes of its own."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(
        [reader], exemplar_filter=AlwaysOnExemplarFilter(), shutdown_on_exit=False
    )
    guard_meter_provider(provider, GuardedSdk().shield, context_attributes=contexts.attributes)
    meter = provider.get_meter("app")
    took = meter.create_histogram("took", explicit_bucket_boundaries_advisory=[1, 2])
    count = meter.create_counter("orders")
    for number, session in enumerate(("a", EMAIL)):
        with contexts.session(session):
            took.record(0.5 + number, {"kind": "quick"})
            count.add(1)
    data = reader.get_metrics_data()

    assert data is not None
    points = [
        point
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    ]
    seen = [{**(one.filtered_attributes or {})} for point in points for one in point.exemplars]
    assert [{**(point.attributes or {})} for point in points] == [{"kind": "quick"}, {}]
    assert seen[:2] == [{"session.id": "a"}, {"session.id": "[EMAIL]"}]
    assert {str(one["session.id"]) for one in seen[2:]} <= {"a", "[EMAIL]"}


def test_the_view_that_all_providers_share_stays_as_it_is() -> None:
    """A provider without the guard measures as before."""
    guarded = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    guard_meter_provider(guarded, GuardedSdk().shield, context_attributes=contexts.attributes)
    guarded.get_meter("app").create_counter("orders").add(1)
    reader = InMemoryMetricReader()
    other = MeterProvider(
        [reader], exemplar_filter=AlwaysOnExemplarFilter(), shutdown_on_exit=False
    )
    with contexts.session("a"):
        other.get_meter("app").create_counter("orders").add(1)
    data = reader.get_metrics_data()

    assert data is not None
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert [{**(exemplar.filtered_attributes or {})} for exemplar in point.exemplars] == [{}]
