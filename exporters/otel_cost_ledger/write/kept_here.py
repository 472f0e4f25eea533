"""Ledgers written by the distribution in this process, from more data than an exporter sees.

An additional cost exporter would decide on the same calls separately and store some of them twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location

_kept: Final[set[Location]] = set()


def keep(ledger: Location) -> None:
    """Stop exporters of this process from writing *ledger*."""
    _kept.add(ledger)


def is_kept(ledger: Location) -> bool:
    """Return whether the distribution writes *ledger* in this process."""
    return ledger in _kept
