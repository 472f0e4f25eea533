"""A suite of queries and calls, for which every kind of ledger gives the same answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from otel_cost_ledger import pseudonym
from otel_cost_ledger.query.billed_calls import billed_calls
from otel_cost_ledger.query.queries import (
    GROUPS,
    Filters,
    calls,
    costs,
    each_call,
    find_trace,
    overlapping,
    stats,
)
from otel_pricing.model.call import CostStatus, PricedCall

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger

MakeCall = Callable[..., PricedCall]
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
KEY = b"0123456789abcdef"


def many(make_call: MakeCall, count: int = 120) -> list[PricedCall]:
    """Calls of every kind over forty days and three months."""
    rng = random.Random(4)
    made = []
    for number in range(count):
        status = rng.choice([*CostStatus, CostStatus.PRICED])
        known = status is not CostStatus.UNPRICED
        failed = rng.random() < 0.2
        made.append(
            make_call(
                start_ns=NOON_NS - 40 * DAY_NS + number * 8 * HOUR_NS,
                latency_ms=rng.choice([0.001, 3.3, 800, 90_000]),
                trace_id=number // 3 + 1,
                parent_span_id=number if number % 3 else None,
                service=f"service-{number % 2}",
                tenant=rng.choice([None, "a", "b"]),
                user=rng.choice([None, "ann", "bob"]),
                session=rng.choice([None, "s1", "s2"]),
                agent=rng.choice([None, "planner"]),
                feature_flag=rng.choice([None, "prompt=b"]),
                operation=rng.choice(["chat", "embeddings"]),
                response_model=rng.choice(["gpt-4o", "tiny", "größer 😀 'x' %s ?"]),
                status=status,
                cost_nano_usd=rng.randrange(10**9) if known else None,
                exposure_nano_usd=None if status is CostStatus.PRICED else rng.randrange(10**10),
                error_type="timeout" if failed else None,
                http_status_code=rng.choice([None, 429]) if failed else None,
                billed=rng.random() < 0.9,
                streamed=rng.choice([None, True, False]),
                response_id=rng.choice([None, f"id-{number}"]),
                time_to_first_token_ns=rng.choice([None, 5_000_000]),
                max_output_tokens=rng.choice([None, 1000]),
                cache_read_tokens=rng.choice([None, 0, 50]),
                web_search_requests=rng.choice([None, 2]),
            )
        )
    return made


def questions(ledger: Ledger) -> list[Any]:
    """Every query and grouping, with and without filters."""
    since, until = NOON - timedelta(days=30, hours=5), NOON - timedelta(hours=7)
    ann = pseudonym(KEY, "user", "ann")
    chosen = [
        Filters(tenant="a"),
        Filters(user=ann, operation="chat"),
        Filters(failed=True),
        Filters(failed=False, status="partial"),
        Filters(agent="planner", error_type="timeout"),
        Filters(model="größer 😀 'x' %s ?"),
    ]
    return [
        *(costs(ledger, by=(group,)) for group in GROUPS),
        costs(ledger, since, until, by=("day", "model", "status")),
        costs(ledger, since, until, by=()),
        *(costs(ledger, since, filters=filters) for filters in chosen),
        *(stats(ledger, since, until, by=by) for by in (("model",), ("tenant", "week"))),
        *(calls(ledger, since, filters=filters) for filters in chosen),
        calls(ledger, limit=7, billed_only=True),
        tuple(each_call(ledger, since, until)),
        *(
            # Pseudonyms depend on the key of the engine's host.
            tuple(
                call._replace(user_id=None, session_id=None)
                for call in billed_calls(ledger, since, until, filters=filters)
            )
            for filters in chosen[:2]
        ),
        find_trace(ledger, 5),
        overlapping(ledger, NOON_NS - DAY_NS, NOON_NS),
    ]
