"""Models of stored calls without a price, and the models that responded to the same names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_cost_ledger.model.filters import BILLED, Window

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.query.ledger import Ledger


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    """Billed calls of one model without a price."""

    provider: str
    """Name in the calls; empty without one."""
    model: str
    request_model: str
    calls: int
    tokens: int
    """Input and output of the calls that report them."""
    exposure_nano_usd: int
    """Upper bound of their cost, as far as known."""
    last_ns: int
    """Start of the latest of them, in nanoseconds since 1970."""


def unpriced_models(
    ledger: Ledger, since: datetime | None = None, until: datetime | None = None
) -> list[UnpricedModel]:
    """Return the models without a price, the one with most calls first."""
    window = Window.between(since, until)
    sql = f"""
        SELECT d.provider, d.model, o.request_model, count(*),
               coalesce(sum(coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0)), 0),
               coalesce(sum(c.exposure_nano_usd), 0), max(c.start_ns)
        FROM calls c
        JOIN dims d ON d.id = c.dim_id
        JOIN origins o ON o.id = c.origin_id
        JOIN outcomes r ON r.id = c.outcome_id
        WHERE c.start_ns >= ? AND c.start_ns < ? AND c.{BILLED} AND r.status = 'unpriced'
          AND (r.price_source = '' OR r.reason LIKE 'in the price list without a price%')
          AND d.model <> ''
        GROUP BY 1, 2, 3
        ORDER BY 4 DESC, 1, 2, 3
    """  # constants only, values are bound
    rows = ledger.rows(sql, [window.since_ns, window.until_ns])
    return [UnpricedModel(*row[:3], *(int(n) for n in row[3:])) for row in rows]


def answered_models(ledger: Ledger) -> dict[tuple[str, str], str]:
    """Return (provider, requested model) -> the latest responding model with a cost."""
    sql = """
        SELECT d.provider, o.request_model, d.model, max(c.start_ns)
        FROM calls c
        JOIN dims d ON d.id = c.dim_id
        JOIN origins o ON o.id = c.origin_id
        WHERE c.cost_nano_usd > 0 AND o.request_model <> '' AND o.request_model <> d.model
        GROUP BY 1, 2, 3
        ORDER BY 4
    """
    return {(row[0], row[1]): row[2] for row in ledger.rows(sql)}
