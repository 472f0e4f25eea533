"""Cost as metrics: calls, exact nano-dollars, and a histogram of the cost of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import get_meter

from otel_distro.base import attributes as names
from otel_distro.base.error_categories import categorise
from otel_pricing import CostStatus, PricedCall
from otel_pricing.model.attributes import COST_STATUS
from otel_pricing.model.call import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Sequence

_CERTAIN = frozenset({CostStatus.PRICED, CostStatus.FREE})
_BUCKETS_USD = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


class CostMetrics:
    """Counts billed calls on the global meter provider.

    A counter cannot be decremented. A call without a certain price may still prove to be a
    duplicate of one that has it, so such calls are counted one settlement later.
    """

    def __init__(self) -> None:
        meter = get_meter(names.METER_NAME)
        self._calls = meter.create_counter(
            names.CALLS, unit="{call}", description="Billed model calls"
        )
        self._cost = meter.create_counter(
            names.COST, unit="{nano_usd}", description="Cost of model calls in nano-US-dollars"
        )
        self._call_cost = meter.create_histogram(
            names.CALL_COST,
            unit="{USD}",
            description="Cost of one model call",
            explicit_bucket_boundaries_advisory=_BUCKETS_USD,
        )
        self._pending: dict[tuple[int, int], PricedCall] = {}

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Count the calls with a certain price, and those deferred last time."""
        due, self._pending = self._pending, {}
        for priced in revised:
            was_held = due.pop((priced.call.trace_id, priced.call.span_id), None)
            if was_held is not None and priced.billed:
                self._count(priced)
        for priced in new:
            key = priced.call.trace_id, priced.call.span_id
            if not priced.billed:
                continue
            if priced.status in _CERTAIN:
                self._count(priced)
            else:
                self._pending[key] = priced
        for priced in due.values():
            self._count(priced)

    def flush(self) -> None:
        """Count the calls still deferred."""
        pending, self._pending = self._pending, {}
        for priced in pending.values():
            self._count(priced)

    def _count(self, priced: PricedCall) -> None:
        call = priced.call
        attributes = {
            "gen_ai.operation.name": call.operation,
            "gen_ai.provider.name": call.provider,
            "gen_ai.request.model": call.request_model,
            "gen_ai.response.model": call.model,
            COST_STATUS: priced.status.value,
        }
        if call.error_type:
            attributes[names.ERROR_TYPE] = call.error_type
            category = categorise(call.error_type, call.http_status_code)
            attributes[names.ERROR_CATEGORY] = category.value
        self._calls.add(1, attributes)
        if priced.cost_nano_usd:
            self._cost.add(priced.cost_nano_usd, attributes)
            self._call_cost.record(priced.cost_nano_usd / NANO_PER_USD, attributes)
