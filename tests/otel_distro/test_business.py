"""Business metrics of the app: one line each, of any kind, never raising."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import metrics

import otel_distro
from otel_distro.api.measuring import business

if TYPE_CHECKING:
    from .conftest import GuardedSdk


@pytest.fixture(autouse=True)
def _in_this_sdk(sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: sdk.meter_provider)
    monkeypatch.setattr(business, "_instruments", {})
    otel_distro.reset()


def test_counters_add_gauges_keep_histograms_spread(sdk: GuardedSdk) -> None:
    """As metrics, and in the snapshot for tests."""
    otel_distro.business_metric("shop.orders", 2, attributes={"channel": "web"})
    otel_distro.business_metric("shop.orders", attributes={"channel": "web"})
    for value in (5, 7):
        otel_distro.business_metric("shop.stock", value, kind="gauge")
        otel_distro.business_metric("shop.value", value, kind="histogram", unit="EUR")

    assert [point.value for point in sdk.points("shop.orders")] == [3]
    assert [point.value for point in sdk.points("shop.stock")] == [7]
    assert [(point.count, point.sum) for point in sdk.points("shop.value")] == [(2, 12)]
    seen = otel_distro.snapshot()
    assert seen.metrics == {"shop.orders": 3, "shop.stock": 7, "shop.value": 12}
    assert seen.problems == ()


def test_attributes_are_redacted_before_they_become_series(sdk: GuardedSdk) -> None:
    """As those of every metric."""
    otel_distro.business_metric("shop.orders", attributes={"by": "ada@lovelace.example"})

    assert [point.attributes for point in sdk.points("shop.orders")] == [{"by": "[EMAIL]"}]


def test_a_name_has_one_kind_and_unit(sdk: GuardedSdk) -> None:
    """The second is reported, not recorded."""
    otel_distro.business_metric("shop.orders", 1)
    otel_distro.business_metric("shop.orders", 1, kind="gauge")
    odd: Any = "sum"
    otel_distro.business_metric("shop.other", 1, kind=odd)

    assert [point.value for point in sdk.points("shop.orders")] == [1]
    assert otel_distro.snapshot().problems == (
        "metric shop.orders is a counter in units, not a gauge in ",
        "metric shop.other: unknown kind 'sum'; choose from counter, histogram, gauge",
    )


def test_names_cannot_grow_without_bound() -> None:
    """For example names with ids."""
    for number in range(300):
        otel_distro.business_metric(f"shop.order_{number}")

    assert len(otel_distro.snapshot().metrics) == 200


@given(name=st.text(max_size=20), value=st.floats() | st.integers() | st.none())
def test_no_metric_can_break_the_app(name: str, value: Any) -> None:
    """With any name and content."""
    otel_distro.business_metric(name, value)
