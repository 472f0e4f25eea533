"""Ledgers that this process keeps by itself, from more than the spans an exporter sees.

An exporter of costs beside it would decide on the same calls apart, and store some of them twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location

_kept: Final[set[Location]] = set()


def keep(ledger: Location) -> None:
    """Have exporters of this process leave *ledger* alone from now on."""
    _kept.add(ledger)


def is_kept(ledger: Location) -> bool:
    """Return whether this process keeps *ledger* by itself."""
    return ledger in _kept
