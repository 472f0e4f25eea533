"""A short-lived cache of refusals, so that not every call under a spent budget queries it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_budget.accounts.account import BudgetAccount, Claim, Denied

_MOST = 10_000


class Refusals:
    """Refusals that only a new window or a manual correction can change; thread-safe.

    A correction takes effect when the entry expires.
    """

    def __init__(self, lasting_s: float) -> None:
        """Cache refusals for *lasting_s* seconds; 0 disables the cache."""
        self._lasting_s = lasting_s
        self._found: dict[BudgetAccount, tuple[float, Denied]] = {}

    def note(self, denied: Denied) -> None:
        """Cache *denied*, unless reserved amounts may still be returned."""
        if self._lasting_s and not denied.may_change:
            if len(self._found) >= _MOST:
                self._found = {}
            self._found[denied.account] = time.monotonic() + self._lasting_s, denied

    def find(self, claims: Iterable[Claim]) -> Denied | None:
        """Return a refusal of one of *claims*; None if the accounts must decide."""
        found = self._found
        if not found:
            return None
        now = time.monotonic()
        for claim in claims:
            until, denied = found.get(claim.account, (0.0, None))
            # Reserved amounts may be returned meanwhile; spent amounts are not.
            if (
                denied is not None
                and now < until
                and claim.least > claim.account.limit - denied.state.spent
            ):
                return denied
        return None

    def clear(self) -> None:
        """Clear the cache, for example after a refund."""
        self._found = {}
