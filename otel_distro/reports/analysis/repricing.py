"""Repricing of stored calls after a price was added or corrected; old figures are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_distro.base.errors import OtelDistroError
from otel_pricing import PriceBook, PricedCall, price_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.calls import StoredCall


class RepricingFailedError(OtelDistroError):
    """The ledger could not be written."""


@dataclass(frozen=True, slots=True)
class RepricingSummary:
    """Changes of one repricing."""

    calls: int
    """Calls that were checked."""
    changed: int
    before_nano_usd: int
    after_nano_usd: int
    """Cost of the changed calls, before and after."""


def changes(stored: Sequence[StoredCall], book: PriceBook) -> list[tuple[PricedCall, PricedCall]]:
    """Return (before, after) for each call whose price has changed.

    The billing decision is unchanged: it was made with all spans of the call available.
    """
    changes_found = []
    for before in (entry.priced for entry in stored):
        fresh = price_call(before.call, book)
        after = replace(
            fresh,
            billed=before.billed,
            billing_reason=before.billing_reason,
            billed_span_id=before.billed_span_id,
        )
        if (after.status, after.cost_nano_usd) != (before.status, before.cost_nano_usd):
            changes_found.append((before, after))
    return changes_found


def reprice(
    path: Location,
    since: datetime,
    book: PriceBook,
    *,
    write: bool,
    report: Callable[[str], None],
    filters: Filters | None = None,
    reason: str | None = None,
) -> RepricingSummary:
    """Reprice the calls since *since*; store the changes if *write*.

    *filters* and *reason*, the reason of a call's status, select calls; None selects all.

    Raises LedgerError for a ledger that cannot be read, RepricingFailedError if not written.
    """
    from otel_cost_ledger.query.calls import calls
    from otel_cost_ledger.query.ledger import open_ledger
    from otel_cost_ledger.write.writer import LedgerWriter

    with open_ledger(path) as ledger:
        stored = calls(ledger, since, filters=filters, limit=None)
    if reason is not None:
        stored = tuple(call for call in stored if call.priced.reason == reason)
    changed = changes(stored, book)
    if changed and write:
        writer = LedgerWriter(path, say=report, ring_calls=len(changed))
        result = writer.revise([after for _, after in changed])
        writer.shutdown()
        if result.fault is not None or result.waiting:
            raise RepricingFailedError(f"cannot write cost ledger {path}: {result.fault}")
    return RepricingSummary(
        calls=len(stored),
        changed=len(changed),
        before_nano_usd=_billed(before for before, _ in changed),
        after_nano_usd=_billed(after for _, after in changed),
    )


def _billed(calls: Iterable[PricedCall]) -> int:
    return sum(priced.cost_nano_usd or 0 for priced in calls if priced.billed)
