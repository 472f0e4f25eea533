"""File, PostgreSQL and ClickHouse agree, in any order of arrival and with duplicates."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.clickhouse.schema import MOST_DAYS, init
from otel_cost_ledger.clickhouse.summing import sum_hours
from otel_cost_ledger.model.location import ClickHouseUrl, PostgresUrl
from otel_cost_ledger.query.queries import Filters, calls, costs, stats
from otel_cost_ledger.query.timeline import extent
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage
from support.clickhouse_spans import as_exported, deliver
from support.ledger_questions import DAY_NS, HOUR_NS, KEY, NOON_NS
from support.postgres_server import empty

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location

pytestmark = [pytest.mark.clickhouse, pytest.mark.postgres, pytest.mark.slow]

_numbers = itertools.count(1)


def call_of(key: int, price: int) -> PricedCall:
    """One of twelve calls over three days, at one of five prices; the first one is unknown."""
    start_ns = NOON_NS - DAY_NS + key * 5 * HOUR_NS
    call = ModelCall(
        trace_id=key % 4 + 1,
        span_id=key,
        start_ns=start_ns,
        end_ns=start_ns + (key * 37 % 11) * 10**8,
        scope="scope",
        operation="chat",
        provider="openai",
        request_model=f"model-{key % 3}",
        response_model=f"model-{key % 3}",
        tenant=f"tenant-{key % 2}",
        user="ann" if key % 3 else None,
        agent="planner" if key % 2 else None,
        service="shop",
        usage=Usage(input_tokens=key, output_tokens=key * 2),
        error_type="timeout" if key % 5 == 0 else None,
    )
    known = price > 0
    return PricedCall(
        call=call,
        status=CostStatus.PRICED if known else CostStatus.UNPRICED,
        cost_nano_usd=price * 10**9 + key if known else None,
        exposure_nano_usd=None if known else key,
        billed=key != 7,
        price_source=f"list {price}" if known else "",
    )


# A batch is what one request of a Collector has; an empty one is a run of the sums.
batches = st.lists(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 4)), max_size=6, unique_by=lambda c: c[0]
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_engines_agree(
    clickhouse_engine: str, postgres_server: str, arriving: list[list[tuple[int, int]]]
) -> None:
    """Duplicates, out of order, at other prices than before, with sums made in between."""
    clickhouse = ClickHouseUrl.parse(f"{clickhouse_engine}/three_{next(_numbers)}")
    postgres = PostgresUrl.parse(postgres_server)
    init(clickhouse, rows_days=MOST_DAYS)
    with TemporaryDirectory() as folder:
        file = Path(folder, "ledger.db")
        writers = [
            LedgerWriter(place, pseudonym_key=KEY, spill_to=Path(folder, "spill"))
            for place in (file, postgres)
        ]
        try:
            for batch in arriving:
                made = [call_of(*one) for one in batch]
                if made:
                    deliver(clickhouse, made)
                else:
                    sum_hours(clickhouse, quiet_seconds=0)
                for writer in writers:
                    # A revision of a missing call stores it.
                    writer.revise([as_exported(priced) for priced in made])
            if not any(arriving):
                return
            answers = [answers_of(place) for place in (file, postgres, clickhouse)]
        finally:
            for writer in writers:
                writer.shutdown()
            empty(postgres_server)

    assert answers[1] == answers[0]
    assert answers[2] == answers[0]


def answers_of(location: Location) -> list[Any]:
    with open_ledger(location) as ledger:
        groups = (("model", "tenant", "day"), ("hour", "agent"), ("user", "status"), ("scope",))
        known = extent(ledger)
        return [
            *(costs(ledger, by=by) for by in groups),
            costs(ledger, filters=Filters(failed=True)),
            stats(ledger),
            tuple(_comparable(call) for call in calls(ledger, limit=None)),
            (known.calls, known.first_ns, known.last_ns, known.first_day_ns),
        ]


def _comparable(stored: Any) -> Any:
    # Without tools and prompts there are only the call and the decision.
    return replace(stored.priced, reason=stored.priced.reason or "")
