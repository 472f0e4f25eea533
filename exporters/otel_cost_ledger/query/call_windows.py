"""SQL conditions on the calls of a window, narrowed to the days on which a person has calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_cost_ledger.model.sums import DAILY_PEOPLE
from otel_cost_ledger.query.model_names import with_same_models

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.query.ledger import Ledger


def call_conditions(
    ledger: Ledger, since: datetime | None, until: datetime | None, filters: Filters | None
) -> tuple[list[str], list[SqlValue]]:
    """Return the SQL conditions on calls that started in a window, and their values.

    A model of *filters* is selected under all of its stored names.
    """
    filters = filters or Filters()
    within, bounds = _window_conditions(ledger, Window.between(since, until), filters)
    conditions, values = with_same_models(ledger, filters).conditions("calls")
    return [*within, *conditions], [*bounds, *values]


def _window_conditions(
    ledger: Ledger, window: Window, filters: Filters
) -> tuple[list[str], list[SqlValue]]:
    """Return the SQL conditions on the time of calls in *window*, and their values.

    For one user or session they exclude the days without its calls, as far as the sums by person
    cover them.
    """
    bounds: list[SqlValue] = [window.since_ns, window.until_ns]
    whole = ["start_ns >= ?", "start_ns < ?"], bounds
    person = Filters(user=filters.user, session=filters.session)
    summed = ledger.summed
    if summed is None or not person.names():
        return whole
    conditions, values = person.conditions(DAILY_PEOPLE.name)
    ((first, last),) = ledger.rows(
        f"SELECT min(day), max(day) FROM {DAILY_PEOPLE.name} WHERE {' AND '.join(conditions)}",
        values,
    )
    known_since = max(summed.days_since_ns, ledger.rows_kept_since_ns)
    if window.since_ns < known_since or window.since_ns >= summed.until_ns:
        return whole
    if first is None:
        first, last = 0, -1
    since_ns = max(window.since_ns, int(first) * NS_PER_DAY)
    until_ns = min(window.until_ns, summed.until_ns, (int(last) + 1) * NS_PER_DAY)
    within = "(start_ns >= ? AND start_ns < ?)"
    ranges: list[SqlValue] = [since_ns, until_ns, summed.until_ns, window.until_ns]
    return [f"({within} OR {within})"], ranges
