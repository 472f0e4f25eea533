"""Tables of hourly sums, and the SQL that computes them from calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_cost_ledger.model.schema import COUNTERS, NS_PER_HOUR
from otel_cost_ledger.model.sums import MOST_EXPENSIVE, NO_PERSON

COUNTED: Final = ", ".join(COUNTERS)
_COUNT: Final = "toInt64(count()) AS calls"
_ROW_SUMS: Final = ", ".join(
    (_COUNT, *(f"sum(coalesce(c.{name}, 0)) AS {name}" for name in COUNTERS[1:]))
)


@dataclass(frozen=True, slots=True)
class Hourly:
    """One table of sums: its name, the columns of its key after `hour`, and their SQL."""

    name: str
    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    condition: str = "1"
    counted: str = COUNTED
    sums: str = _ROW_SUMS
    kept: str = ""
    """SQL condition on the rows to keep; empty keeps all."""

    def from_rows(self, calls: str, hours: str) -> str:
        """Return a SELECT of the sums of *calls* in the hours that meet the condition *hours*."""
        key = ", ".join(
            f"{sql} AS {name}" for sql, name in zip(self.expressions, self.columns, strict=True)
        )
        places = ", ".join(str(place + 1) for place in range(1 + len(self.columns)))
        return (
            f"SELECT intDiv(c.start_ns, {NS_PER_HOUR}) AS hour, {key}, {self.sums}"
            f" FROM {calls} AS c WHERE ({hours}) AND {self.condition} GROUP BY {places}{self.kept}"
        )


HOURLY_COSTS: Final = Hourly(
    "ledger_hourly_costs",
    ("dim_id", "origin_id", "outcome_id"),
    ("c.dim_id", "c.agent_id", "c.outcome_id"),
)
HOURLY_PEOPLE: Final = Hourly(
    "ledger_hourly_people",
    ("user_id", "session_id", "outcome_id"),
    (f"coalesce(c.user_id, {NO_PERSON})", f"coalesce(c.session_id, {NO_PERSON})", "c.kind_id"),
)
HOURLY_LATENCY: Final = Hourly(
    "ledger_hourly_latency",
    ("series_id", "bucket"),
    ("c.series_id", "c.bucket"),
    "c.outcome_id > 0",
    "calls",
    _COUNT,
)
HOURLY_FIRST_TOKEN: Final = Hourly(
    "ledger_hourly_first_token",
    ("series_id", "bucket"),
    ("c.series_id", "c.ttft_bucket"),
    "c.outcome_id > 0 AND c.ttft_us IS NOT NULL",
    "calls",
    _COUNT,
)
HOURLY_MOST_EXPENSIVE: Final = Hourly(
    "ledger_hourly_dearest",
    ("start_ns", "span_id"),
    ("c.start_ns", "c.span_id"),
    "c.outcome_id > 0 AND c.cost_nano_usd > 0",
    "cost_nano_usd",
    "max(assumeNotNull(c.cost_nano_usd)) AS cost_nano_usd",
    f" ORDER BY cost_nano_usd DESC, start_ns DESC LIMIT {MOST_EXPENSIVE} BY hour",
)
HOURLY: Final = (
    HOURLY_COSTS,
    HOURLY_PEOPLE,
    HOURLY_LATENCY,
    HOURLY_FIRST_TOKEN,
    HOURLY_MOST_EXPENSIVE,
)
