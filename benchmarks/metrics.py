"""Overhead of a measurement on the app's thread: SDK alone, guarded, and without the fast path.

    python benchmarks/metrics.py [--rounds 7]

Prints nanoseconds a measurement and ratios against the SDK in the same run. The fast path of
`GuardMeasurementConsumer` goes from a known set of attributes straight to its aggregations.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_distro.pipeline import metrics as guard
from otel_redaction.policy import Policy
from otel_redaction.redactor import Redactor
from otel_redaction.shield import Shield

SETS = [
    {"http.request.method": "GET", "http.route": f"/things/{n}", "http.response.status_code": 200}
    for n in range(20)
]
MEASUREMENTS = 20_000


class LongWay(guard.GuardMeasurementConsumer):
    """The guard without the fast path."""

    def consume_measurement(self, measurement: Any) -> None:  # noqa: D102 - the base class's
        if not self.measurements.is_open():
            return
        self.measurements.redact(measurement)
        super(guard.GuardMeasurementConsumer, self).consume_measurement(measurement)


def counter(kind: str) -> Any:
    provider = MeterProvider([InMemoryMetricReader()])
    if kind != "SDK":
        guard.guard_meter_provider(provider, Shield(Redactor(Policy())))
    if kind == "long way":
        provider._measurement_consumer.__class__ = LongWay
    return provider.get_meter("benchmark").create_counter("requests")


def one_round(instrument: Any) -> float:
    began = time.perf_counter_ns()
    for n in range(MEASUREMENTS):
        instrument.add(1, SETS[n % len(SETS)])
    return (time.perf_counter_ns() - began) / MEASUREMENTS


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    kinds = ("SDK", "short way", "long way")
    instruments = {kind: counter(kind) for kind in kinds}
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            times[kind].append(one_round(instruments[kind]))
    base = statistics.median(times["SDK"])
    for kind in kinds:
        median = statistics.median(times[kind])
        print(f"{kind:10} {median:7.0f} ns  {median / base:.2f} x the SDK")


if __name__ == "__main__":
    main()
