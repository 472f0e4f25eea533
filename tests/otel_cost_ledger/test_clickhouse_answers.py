"""ClickHouse, a file and PostgreSQL answer alike, for any delivery of the Collector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger, pseudonym
from otel_cost_ledger.clickhouse.summing import sum_hours
from otel_pricing.model.call import CostStatus, PricedCall
from support.clickhouse_spans import as_exported, deliver
from support.ledger_questions import KEY, many, questions

if TYPE_CHECKING:
    from pathlib import Path

    from otel_cost_ledger.model.location import ClickHouseUrl, Location

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]
SESSIONS = ("s1", "s2")

pytestmark = pytest.mark.clickhouse


@pytest.mark.slow
@pytest.mark.parametrize("exact_calls", [10_000, 10], ids=["exact", "histogram"])
@pytest.mark.parametrize("sums", ["none", "all", "some"])
def test_all_kinds_give_the_same_answers(
    make_writer: MakeWriter,
    make_call: MakeCall,
    path: Path,
    clickhouse: ClickHouseUrl,
    monkeypatch: pytest.MonkeyPatch,
    exact_calls: int,
    sums: str,
) -> None:
    """Every query and grouping, to the last digit, for any state of the sums."""
    monkeypatch.setattr("otel_cost_ledger.query.latency.EXACT_CALLS", exact_calls)
    made = many(make_call)
    dearer = [at_higher_price(priced) for priced in made[::4]]
    writer = make_writer(path=path)
    writer.write([as_exported(priced) for priced in made])
    writer.revise([as_exported(priced) for priced in dearer])

    deliver(clickhouse, made[::-1])
    deliver(clickhouse, made[5:20])
    if sums == "some":
        sum_hours(clickhouse, quiet_seconds=0)
    deliver(clickhouse, dearer)
    if sums == "all":
        sum_hours(clickhouse, quiet_seconds=0)

    for answer, same in zip(query_results(path), query_results(clickhouse), strict=True):
        assert same == answer


def query_results(location: Location) -> list[str]:
    """The answers as text; sessions have their names, because the key of hosts is absent."""
    with open_ledger(location) as ledger:
        found = [repr(answer) for answer in questions(ledger)]
        for name in SESSIONS:
            shown = pseudonym(KEY, "session", name)
            if ledger.counts_rows:
                sql = f"SELECT toInt64(bitShiftRight(sipHash64('session', '{name}'), 17))"
                ((number,),) = ledger.rows(sql)
                shown = f"{number:012x}"
            found = [text.replace(shown, name) for text in found]
    return found


def at_higher_price(priced: PricedCall, **fields: Any) -> PricedCall:
    """Return the call at a slightly higher price, as from a later price list."""
    cost = (priced.cost_nano_usd or 0) + 1
    return replace(
        priced, status=CostStatus.PRICED, exposure_nano_usd=None, cost_nano_usd=cost, **fields
    )
