"""Business metrics of the app, such as orders, documents, scores."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import metrics

from otel_distro.api.measuring.tallies import TALLIES
from otel_distro.base import attributes as names
from otel_distro.base import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["counter", "histogram", "gauge"]

_MOST_METRICS = 200
_lock = threading.Lock()
_instruments: dict[str, tuple[object, str, str, Any]] = {}
"""Name -> meter provider, kind, unit, instrument."""


def business_metric(
    name: str,
    value: float = 1,
    *,
    kind: Kind = "counter",
    unit: str = "",
    attributes: Mapping[str, str | bool | int | float] | None = None,
) -> None:
    """Add *value* to a metric of the app, such as `shop.orders`.

    A counter keeps the sum, a histogram the distribution, a gauge the last value. Attributes should
    have few values: each combination is a separate series. A name keeps its first kind and unit.
    Mismatches are reported once and never raise.
    """
    try:
        instrument = _instrument(str(name), kind, unit)
        if instrument is None:
            return
        given = dict(attributes or {})
        if kind == "histogram":
            instrument.record(value, given)
        elif kind == "gauge":
            instrument.set(value, given)
        else:
            instrument.add(value, given)
        TALLIES.metric(str(name), value, adds=kind != "gauge")
    except Exception as error:  # telemetry never raises into the app
        _warn(f"metric {name!r} could not be recorded ({type(error).__name__})")


def _instrument(name: str, kind: Kind, unit: str) -> Any:
    provider = metrics.get_meter_provider()
    known = _instruments.get(name)
    if known is None or known[0] is not provider:
        with _lock:
            known = _made(name, kind, unit, provider)
        if known is None:
            return None
    if (known[1], known[2]) != (kind, unit):
        _warn(f"metric {name} is a {known[1]} in {known[2] or 'units'}, not a {kind} in {unit}")
        return None
    return known[3]


def _made(
    name: str, kind: Kind, unit: str, provider: metrics.MeterProvider
) -> tuple[object, str, str, Any] | None:
    if name not in _instruments and len(_instruments) >= _MOST_METRICS:
        _warn(f"there are {_MOST_METRICS} metrics already, so {name} is not recorded")
        return None
    meter = provider.get_meter(names.API_SCOPE)
    makers: dict[str, Any] = {
        "counter": meter.create_counter,
        "histogram": meter.create_histogram,
        "gauge": meter.create_gauge,
    }
    make = makers.get(kind)
    if make is None:
        _warn(f"metric {name}: unknown kind {kind!r}; choose from counter, histogram, gauge")
        return None
    made = _instruments[name] = (provider, kind, unit, make(name, unit=unit))
    return made


def _warn(problem: str) -> None:
    if TALLIES.problem(problem):
        messages.warn_once(problem)
