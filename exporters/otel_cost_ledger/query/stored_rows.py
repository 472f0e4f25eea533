"""Reconstruction of calls from stored rows and names."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from otel_cost_ledger.model.privacy import format_pseudonym
from otel_cost_ledger.model.rows import COMMON_USAGE, RARE_USAGE, unsigned_64
from otel_cost_ledger.model.schema import NS_PER_US
from otel_pricing.costing.cost import REPORTED_BY
from otel_pricing.model.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage

_ESTIMATE: Final = "tokens estimated from what was sent and received"


def priced_call(row: dict[str, Any]) -> PricedCall:
    """Return the call of *row*, which has the columns of `calls` and its names by column name."""
    extra: dict[str, int] = json.loads(row["extra"]) if row["extra"] else {}
    reported = extra.get("reported_nano_usd")
    call = ModelCall(
        trace_id=int.from_bytes(row["trace_id"], "big"),
        span_id=unsigned_64(row["span_id"]),
        parent_span_id=None
        if row["parent_span_id"] is None
        else unsigned_64(row["parent_span_id"]),
        start_ns=row["start_ns"],
        end_ns=row["start_ns"] + row["latency_us"] * NS_PER_US,
        scope=row["scope"],
        operation=row["operation"],
        provider=row["provider"],
        request_model=row["request_model"],
        response_model=row["model"],
        service_tier=row["service_tier"] or None,
        usage=_usage(row, extra),
        usage_estimate=_ESTIMATE if extra.get("usage_is_estimate") else "",
        prompt_has_sound=bool(extra.get("prompt_has_sound")),
        most_input_tokens=extra.get("most_input_tokens"),
        own_host_process=extra.get("own_host_process"),
        max_output_tokens=row["max_output_tokens"],
        streamed=None if row["streamed"] < 0 else bool(row["streamed"]),
        error_type=row["error_type"] if row["failed"] else None,
        http_status_code=row["http_status_code"] or None,
        request_never_sent=bool(extra.get("request_never_sent")),
        time_to_first_token_ns=None if row["ttft_us"] is None else row["ttft_us"] * NS_PER_US,
        service=row["service"],
        tenant=row["tenant"] or None,
        user=format_pseudonym(row["user_id"]),
        session=format_pseudonym(row["session_id"]),
        agent=row["agent"] or None,
        feature_flag=row["feature_flag"] or None,
        prompt_mark=extra.get("prompt"),
        reported_cost_usd=None if reported is None else Decimal(reported) / NANO_PER_USD,
        reported_cost_source=_reported_source(row),
    )
    return PricedCall(
        call=call,
        status=CostStatus(row["status"]),
        cost_nano_usd=row["cost_nano_usd"],
        reason=row["reason"],
        price_source=row["price_source"],
        exposure_nano_usd=row["exposure_nano_usd"],
        billed=bool(row["billed"]),
        billing_reason=row["billing_reason"],
        billed_span_id=_span_id(extra.get("billed_span_id")),
    )


def _reported_source(row: dict[str, Any]) -> str:
    """Return the attribute that reported the cost; empty for other costs."""
    return row["price_source"].removeprefix(REPORTED_BY) if row["status"] == "reported" else ""


def _span_id(stored: int | None) -> int | None:
    return None if stored is None else unsigned_64(stored)


def _usage(row: dict[str, Any], extra: dict[str, int]) -> Usage | None:
    counts: dict[str, int | None] = {name: row[name] for name in COMMON_USAGE}
    counts.update({name: extra.get(name) for name in RARE_USAGE})
    if all(count is None for count in counts.values()):
        return None
    return Usage(**counts)
