"""Evidence of the billed calls: requests seen on the wire, spans of instrumentations, or both."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.rows import signed_64
from otel_cost_ledger.query.model_names import with_same_models
from otel_pricing.model.billing_reasons import CACHED
from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from otel_cost_ledger.query.ledger import Ledger

MOST_ROWS: Final = 100_000
"""Maximum rows to read, the latest ones, in a fraction of a second."""


@dataclass(slots=True)
class ProviderCoverage:
    """The billed calls of one provider by their evidence."""

    provider: str
    """Provider name in spans; empty if none was reported."""
    both: int = 0
    """Calls seen on the wire with a span of an instrumentation."""
    wire_only: int = 0
    """Calls seen on the wire without a span of an instrumentation."""
    span_only: int = 0
    """Calls with only a span: of other processes, imports, and unobserved transports."""
    cached: int = 0
    """Spans of responses from a framework's cache; not among the calls."""
    scopes: Counter[str] = field(default_factory=Counter)
    """Instrumentation scope -> calls with its spans; stacked ones share calls."""

    @property
    def calls(self) -> int:
        """Billed calls."""
        return self.both + self.wire_only + self.span_only


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """Evidence by provider, the one with most calls first."""

    providers: tuple[ProviderCoverage, ...]
    complete: bool
    """False if the window has more than `MOST_ROWS` rows: only the latest are counted."""


def coverage(
    ledger: Ledger, since: datetime | None = None, until: datetime | None = None
) -> CoverageReport:
    """Return the evidence of the calls that started between *since* and *until*.

    Times are aware; None means unbounded.
    """
    return coverage_of(ledger, Window.between(since, until))


def coverage_of(ledger: Ledger, window: Window, filters: Filters | None = None) -> CoverageReport:
    """Return the evidence of the calls in *window* that match *filters*."""
    conditions, values = with_same_models(ledger, filters or Filters()).conditions("calls")
    where = " AND ".join(["start_ns >= ?", "start_ns < ?", *conditions])
    sql = f"""
        SELECT c.span_id, c.extra, d.provider, o.scope, r.billed, r.billing_reason
        FROM (SELECT * FROM calls WHERE {where} ORDER BY start_ns DESC LIMIT ?) c
        JOIN dims d ON d.id = c.dim_id
        JOIN origins o ON o.id = c.origin_id
        JOIN outcomes r ON r.id = c.outcome_id
    """  # constants only, values are bound
    rows = list(ledger.rows(sql, [window.since_ns, window.until_ns, *values, MOST_ROWS]))
    found = _providers(rows)
    ordered = sorted(found, key=lambda each: (-each.calls, each.provider))
    return CoverageReport(tuple(ordered), complete=len(rows) < MOST_ROWS)


def _providers(rows: Iterable[tuple[Any, ...]]) -> Iterable[ProviderCoverage]:
    billed: dict[int, tuple[str, set[str]]] = {}
    """Span id -> provider, and the scopes that report the call."""
    repeats: list[tuple[int, str]] = []
    by_provider: dict[str, ProviderCoverage] = {}
    for span_id, extra, provider, scope, is_billed, reason in rows:
        if is_billed:
            billed[span_id] = provider, {scope}
        elif reason == CACHED:
            by_provider.setdefault(provider, ProviderCoverage(provider)).cached += 1
        elif (instead := _billed_instead(extra)) is not None:
            repeats.append((instead, scope))
    for instead, scope in repeats:
        if instead in billed:
            billed[instead][1].add(scope)
    for provider, scopes in billed.values():
        line = by_provider.setdefault(provider, ProviderCoverage(provider))
        described = scopes - {WIRE_SCOPE}
        line.scopes.update(described)
        if WIRE_SCOPE not in scopes:
            line.span_only += 1
        elif described:
            line.both += 1
        else:
            line.wire_only += 1
    return by_provider.values()


def _billed_instead(extra: Any) -> int | None:
    if not extra:
        return None
    read = json.loads(extra) if isinstance(extra, (str, bytes)) else extra
    span_id = read.get("billed_span_id")
    return None if span_id is None else signed_64(span_id)
