"""The ledger's tables in ClickHouse: current sums, and rows elsewhere.

The sums of an hour are current if they include every row that has arrived for it. Stale hours are
summed from their rows within the query, so that results are exact at any time. The stale hours are
determined once for each opening of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.clickhouse.hourly import (
    COUNTED,
    HOURLY_COSTS,
    HOURLY_FIRST_TOKEN,
    HOURLY_LATENCY,
    HOURLY_MOST_EXPENSIVE,
    HOURLY_PEOPLE,
)
from otel_cost_ledger.model.filters import END_OF_TIME_NS
from otel_cost_ledger.model.schema import KEPT_SINCE, NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.clickhouse.hourly import Hourly

MOST_RANGES: Final = 6
"""Maximum ranges of hours in a statement; beyond it neighbouring ranges are joined."""
_HOURS_A_DAY: Final = 24
_SLACK_NS: Final = 1_000_000_000
"""Instrumentations read the clock at different times of one call."""
_MOST_ALIKE: Final = 100
"""Maximum spans of one response id to compare; test servers give every response the same one."""

# All columns of a call that queries use; `response_key` and `emitter` are internal.
_CALL_COLUMNS: Final = (
    "start_ns, span_id, trace_id, parent_span_id, dim_id, series_id, origin_id, agent_id,"
    " user_id, session_id, latency_us, ttft_us, input_tokens, output_tokens, cache_read_tokens,"
    " cache_write_tokens, reasoning_tokens, cost_nano_usd, exposure_nano_usd, max_output_tokens,"
    " response_fingerprint, extra, bucket, ttft_bucket"
)
Hours = tuple[int, int]
"""The first hour and the one after the last, since the epoch."""


def ranges_of(hours: Iterable[int], most: int = MOST_RANGES) -> tuple[Hours, ...]:
    """Return *hours* as ordered ranges; beyond *most*, the nearest ones are joined."""
    hours_found: list[Hours] = []
    for hour in sorted(hours):
        if hours_found and hour <= hours_found[-1][1]:
            hours_found[-1] = hours_found[-1][0], hour + 1
        else:
            hours_found.append((hour, hour + 1))
    while len(hours_found) > most:
        place = min(
            range(len(hours_found) - 1), key=lambda n: hours_found[n + 1][0] - hours_found[n][1]
        )
        hours_found[place : place + 2] = [(hours_found[place][0], hours_found[place + 1][1])]
    return tuple(hours_found)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables at one point in time; each is the SQL of a subquery."""

    as_of_ns: int
    """Sums computed later do not count."""
    rows_since_ns: int
    """Rows of calls that began earlier are not read: retention removes them."""
    kept_since_ns: int = 0
    """The same limit if there were such rows, else 0."""
    stale: tuple[Hours, ...] = field(default=())
    """Hours whose rows are summed within the query."""

    def all(self) -> dict[str, str]:
        """Return every table by its name in queries."""
        costs, people = self._sums(HOURLY_COSTS), self._sums(HOURLY_PEOPLE)
        latency = self._sums(HOURLY_LATENCY)
        return {
            "calls": self.calls(self.repeats()),
            "dims": "SELECT * FROM ledger_dims FINAL",
            "series": "SELECT DISTINCT series_id AS id, provider, model, operation"
            " FROM ledger_dims",
            "origins": "SELECT * FROM ledger_origins FINAL",
            "outcomes": "SELECT * FROM ledger_outcomes FINAL",
            "hourly_costs": costs,
            "daily_costs": _by_day(costs, "dim_id, outcome_id", COUNTED),
            "daily_agents": _by_day(costs, "dim_id, origin_id, outcome_id", COUNTED),
            "hourly_people": people,
            "daily_people": _by_day(people, "user_id, session_id, outcome_id", COUNTED),
            "latency_histogram": _by_day(latency, "series_id, bucket", "calls"),
            "latency_hours": latency,
            "first_token_hours": self._sums(HOURLY_FIRST_TOKEN),
            "dearest_hours": self._sums(HOURLY_MOST_EXPENSIVE),
            "pairs": "SELECT dim_id, origin_id, max(p.last_ns) AS last_ns"
            " FROM ledger_pairs AS p GROUP BY dim_id, origin_id",
            "summed": f"SELECT {END_OF_TIME_NS} AS until_ns, 0 AS days_since_ns,"
            f" 0 AS hours_since_ns, {self.kept_since_ns} AS people_hours_since_ns",
            "meta": f"SELECT '{KEPT_SINCE}' AS key, '{self.kept_since_ns}' AS value"
            f" WHERE {self.kept_since_ns} > 0",
            "latency_violations": _NO_VIOLATIONS,
            "tools": _TOOLS,
            "tool_calls": f"{_TOOL_CALLS} WHERE start_ns >= {self.rows_since_ns}",
            "daily_tools": f"{_DAILY_TOOLS} WHERE start_ns >= {self.rows_since_ns} GROUP BY 1, 2",
        }

    def calls(self, repeats: str) -> str:
        """Return the calls, each once; those in *repeats* are not billed."""
        sign = f"if((start_ns, span_id) IN ({repeats}), -1, 1)"
        return (
            f"SELECT {_CALL_COLUMNS}, {sign} AS sign, outcome_id * sign AS outcome_id,"
            " kind_id * sign AS kind_id"
            f" FROM ledger_calls FINAL WHERE start_ns >= {self.rows_since_ns}"
        )

    def repeats(self) -> str:
        """Return start and span id of billed calls for which another span is billed."""
        stored = f"SELECT start_ns, span_id FROM ledger_repeats WHERE {self._current()}"
        if not self.stale:
            return stored
        return f"{stored} UNION ALL {self.found_repeats(self.stale)}"

    def found_repeats(self, hours: tuple[Hours, ...]) -> str:
        """Return the duplicates that begin in *hours*, found among the rows."""
        around = [(first - 1, end + 1) for first, end in hours]
        inside = (
            f"y.1 + {_SLACK_NS} >= x.1 AND y.2 <= x.2 + {_SLACK_NS} AND y.4 != x.4"
            " AND (y.1, -y.2, y.3) > (x.1, -x.2, x.3)"
        )
        return (
            "SELECT r.1 AS start_ns, r.2 AS span_id FROM ("
            f"SELECT arrayJoin(arrayMap(x -> (x.1, x.3), arrayFilter(x ->"
            f" arrayExists(y -> {inside}, alike), alike))) AS r FROM ("
            f"SELECT groupArray({_MOST_ALIKE})((start_ns, start_ns + latency_us * 1000, span_id,"
            " emitter)) AS alike FROM ledger_calls FINAL"
            f" WHERE response_key != 0 AND outcome_id > 0 AND ({in_hours('start_ns', around)})"
            f" AND start_ns >= {self.rows_since_ns}"
            " GROUP BY response_key HAVING count() > 1))"
            f" WHERE {in_hours('r.1', hours)}"
        )

    def _sums(self, table: Hourly) -> str:
        columns = ", ".join(("hour", *table.columns, table.counted))
        stored = f"SELECT {columns} FROM {table.name} WHERE {self._current()}"
        if not self.stale:
            return stored
        calls = f"({self.calls(self.repeats())})"
        rows = table.from_rows(calls, in_hours("c.start_ns", self.stale))
        return f"{stored} UNION ALL SELECT {columns} FROM ({rows})"

    def _current(self) -> str:
        """Return the condition that a stored row is from the run that counts for its hour."""
        latest = (
            f"SELECT hour, max(made) FROM ledger_summed WHERE made <= {self.as_of_ns} GROUP BY hour"
        )
        stale = " OR ".join(f"(hour >= {first} AND hour < {end})" for first, end in self.stale)
        return f"(hour, made) IN ({latest})" + (f" AND NOT ({stale})" if stale else "")


def in_hours(column: str, hours: Iterable[Hours]) -> str:
    """Return the SQL condition that the time *column* is in one of *hours*."""
    # The last hour in 64 bits is incomplete.
    return " OR ".join(
        f"({column} >= {first * NS_PER_HOUR}"
        f" AND {column} < {min(end * NS_PER_HOUR, END_OF_TIME_NS)})"
        for first, end in hours
    )


def _by_day(hourly: str, columns: str, counted: str) -> str:
    return f"SELECT intDiv(hour, {_HOURS_A_DAY}) AS day, {columns}, {counted} FROM ({hourly})"


_NO_VIOLATIONS: Final = (
    "SELECT toInt64(0) AS at_ns, toInt64(0) AS span_id, '' AS operation,"
    " toFixedString('', 16) AS trace_id, toInt64(0) AS budget_us, toInt64(0) AS actual_us"
    " WHERE 0"
)
_TOOL_ID: Final = "reinterpretAsInt64(sipHash64(service, tool, agent, error_type, failed))"
_TOOLS: Final = (
    f"SELECT DISTINCT {_TOOL_ID} AS id, service, tool, agent, 'span' AS source, error_type, failed"
    " FROM ledger_tool_calls"
)
_TOOL_CALLS: Final = (
    f"SELECT start_ns, span_id, 0 AS place, trace_id, {_TOOL_ID} AS tool_id, duration_us"
    " FROM ledger_tool_calls FINAL"
)
_DAILY_TOOLS: Final = (
    f"SELECT intDiv(start_ns, {_HOURS_A_DAY * NS_PER_HOUR}) AS day, {_TOOL_ID} AS tool_id,"
    " count() AS calls, count() AS timed, sum(t.duration_us) AS duration_us,"
    " max(t.duration_us) AS longest_us FROM ledger_tool_calls AS t FINAL"
)
