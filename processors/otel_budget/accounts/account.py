"""Accounts and claims as plain values, so that settings need no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

END_OF_TIME_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class BudgetAccount:
    """Identifies the account of one scope value under one budget in one window."""

    budget: str
    scope: str
    since_ns: int
    """Entries from here on count."""
    start_ns: int
    """The entry to which spending is written."""
    limit: int
    """In the budget's unit: nano-USD, tokens or calls."""
    thresholds: tuple[int, ...] = (50, 80, 95, 100)
    until_ns: int = END_OF_TIME_NS
    """Start of the next window. Spending recorded there counts as well: after a clock is set back,
    the earlier window must not be spent twice.
    """

    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the hash once; every call needs it."""
        object.__setattr__(self, "_hash", hash((self.budget, self.scope, self.start_ns)))

    def __hash__(self) -> int:
        return self._hash


class Claim(NamedTuple):
    """The claim of one call on one account; a tuple, which is fast to create."""

    account: BudgetAccount
    amount: int
    """Amount to reserve: an upper bound of the cost, as far as known."""
    least: int
    """Amount that must be left to admit the call while no other call is in flight."""
    most: int
    """Amount charged if the caller disappears without reporting the cost."""


@dataclass(frozen=True, slots=True)
class State:
    """State of an account."""

    spent: int
    reserved: int
    """Reserved for calls in flight."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A claim was not granted."""

    account: BudgetAccount
    state: State
    may_change: bool
    """Whether it could be granted once calls in flight have ended for less than their reservations.
    """


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that the spending of an account has just passed; reported once a window."""

    account: BudgetAccount
    percent: int
    spent: int


@dataclass(frozen=True, slots=True)
class Change:
    """A manual change of an account."""

    at_ns: int
    budget: str
    scope: str
    detail: str
