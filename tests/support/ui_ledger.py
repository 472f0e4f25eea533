"""A sample ledger: a shop's month of model calls, the same for the same seed."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from otel_cost_ledger import LatencyViolation, LedgerWriter
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"a key for the tests of the page"
_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Kind:
    """One kind of call of the shop."""

    model: str
    provider: str
    service: str
    share: float
    input_tokens: int
    output_tokens: int
    usd_in: float | None
    """Per million tokens; None for a model without a known price."""
    usd_out: float
    seconds: float
    cached: float


KINDS = (
    Kind("gpt-4o-2024-08-06", "openai", "shop-assistant", 0.30, 2600, 420, 2.5, 10, 2.4, 0.5),
    Kind("claude-sonnet-4-5", "anthropic", "support-agent", 0.20, 5200, 700, 3, 15, 4.2, 0.7),
    Kind("gpt-4o-mini-2024-07-18", "openai", "shop-assistant", 0.30, 1400, 180, 0.15, 0.6, 0.9, 0),
    Kind("gemini-2.5-flash", "gcp.gemini", "search", 0.12, 1800, 90, 0.3, 2.5, 0.7, 0.2),
    Kind("text-embedding-3-small", "openai", "search", 0.05, 600, 0, 0.02, 0, 0.15, 0),
    Kind("house-model-1", "house", "support-agent", 0.03, 1200, 300, None, 0, 1.6, 0),
)
ERRORS = (
    ("openai.RateLimitError", 429),
    ("openai.APITimeoutError", None),
    ("anthropic.APIStatusError", 529),
    ("openai.BadRequestError", 400),
)


def call_of(rng: random.Random, kind: Kind, at: datetime, number: int) -> PricedCall:
    """Return one call of *kind* at about *at*."""
    start = int(at.timestamp()) * _SECOND + rng.randrange(1_000_000) * 1000
    failed = rng.random() < (0.035 if at.hour in {13, 14} else 0.008)
    error, code = rng.choice(ERRORS) if failed else (None, None)
    length = int(kind.seconds * rng.lognormvariate(0, 0.45) * 1e6) * 1000
    inputs = int(kind.input_tokens * rng.lognormvariate(0, 0.4))
    outputs = int(kind.output_tokens * rng.lognormvariate(0, 0.5))
    cached = int(inputs * kind.cached * rng.random())
    usage = (
        None
        if failed
        else Usage(
            input_tokens=inputs,
            output_tokens=outputs,
            cache_read_tokens=cached or None,
            reasoning_tokens=outputs // 3 if kind.provider == "anthropic" else None,
        )
    )
    cost: int | None = 0
    if not failed:
        cost = None
        if kind.usd_in is not None:
            fresh = (inputs - cached) + cached / 10
            cost = round((fresh * kind.usd_in + outputs * kind.usd_out) * 1000)
    status = CostStatus.FREE if failed else CostStatus.PRICED
    return PricedCall(
        call=ModelCall(
            trace_id=rng.getrandbits(128),
            span_id=rng.getrandbits(63) or 1,
            start_ns=start,
            end_ns=start + length,
            scope="opentelemetry.instrumentation.genai.openai",
            operation="embeddings" if "embedding" in kind.model else "chat",
            provider=kind.provider,
            request_model=kind.model,
            response_model=kind.model,
            response_id=f"resp-{number}",
            usage=usage,
            streamed=kind.output_tokens > 200,
            error_type=error,
            http_status_code=code,
            time_to_first_token_ns=length // 5 if kind.output_tokens > 200 and not failed else None,
            service=kind.service,
            tenant=rng.choices(("acme", "globex", "initech"), (5, 3, 2))[0],
            user=f"user-{rng.randrange(80)}",
            session=f"session-{rng.randrange(400)}",
            agent="triage" if kind.service == "support-agent" and rng.random() < 0.5 else None,
        ),
        status=CostStatus.UNPRICED if cost is None else status,
        cost_nano_usd=cost,
        exposure_nano_usd=inputs * 30_000 if cost is None else None,
        reason=f"no price is known for {kind.model}" if cost is None else "",
        price_source="" if cost is None else f"genai-prices {kind.provider}/{kind.model}",
    )


def month_of_calls(now: datetime, *, days: int = 30, a_day: int = 160) -> list[PricedCall]:
    """Return *days* of calls up to *now*, fewer at night and at weekends."""
    rng = random.Random(7)
    made: list[PricedCall] = []
    first = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(days):
        midnight = first + timedelta(days=day)
        busy = (0.35 if midnight.weekday() >= 5 else 1.0) * (1 + 0.25 * math.sin(day / 4))
        for _ in range(int(a_day * busy * rng.uniform(0.85, 1.15))):
            hour = min(23.99, max(0.0, rng.gauss(14, 4)))
            at = midnight + timedelta(hours=hour)
            kind = rng.choices(KINDS, [kind.share for kind in KINDS])[0]
            if at < now - timedelta(seconds=10):
                made.append(call_of(rng, kind, at, len(made)))
    return made


def write_month(folder: Path, now: datetime | None = None, **how: int) -> Path:
    """Write a month of calls, some violations and counts of redactions; return the ledger."""
    now = now or datetime.now(UTC)
    ledger = folder / "ledger.db"
    writer = LedgerWriter(ledger, pseudonym_key=KEY)
    made = month_of_calls(now, **how)
    writer.write(made)
    rng = random.Random(3)
    writer.record_violations(
        LatencyViolation(
            operation="total_request" if rng.random() < 0.8 else "search_operation",
            budget_ms=3000 if rng.random() < 0.8 else 2000,
            actual_ms=3000 + rng.expovariate(1 / 900),
            at_ns=priced.call.end_ns,
            trace_id=priced.call.trace_id,
            span_id=priced.call.span_id,
        )
        for priced in made
        if priced.call.end_ns - priced.call.start_ns > 5 * _SECOND
    )
    writer.shutdown()
    day = int(now.timestamp()) // 86_400
    counts = {"email": 41, "phone": 12, "api_key": 3, "card": 2, "iban": 1}
    lines = [json.dumps([day - days_ago, counts]) + "\n" for days_ago in range(20)]
    (folder / "redactions.jsonl").write_text("".join(lines))
    return ledger
