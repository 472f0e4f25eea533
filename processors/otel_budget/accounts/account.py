"""Accounts and claims on them: values alone, so that settings need no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

END_OF_TIME_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class BudgetAccount:
    """Which account: the spending of one scope value under one budget in one window."""

    budget: str
    scope: str
    since_ns: int
    """Entries from here on count."""
    start_ns: int
    """The entry that is written to."""
    limit: int
    """In the budget's unit: nano-USD, tokens or calls."""
    thresholds: tuple[int, ...] = (50, 80, 95, 100)
    until_ns: int = END_OF_TIME_NS
    """When the next window begins. What is booked there counts as well: after a clock was set
    back, the earlier window must not be given out a second time."""

    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the hash, which is asked for on the way of every call."""
        object.__setattr__(self, "_hash", hash((self.budget, self.scope, self.start_ns)))

    def __hash__(self) -> int:
        return self._hash


class Claim(NamedTuple):
    """What one call asks of one account; a tuple, which is quick to make."""

    account: BudgetAccount
    amount: int
    """What should be held: more than the call can cost, as far as anybody knows."""
    least: int
    """What must be left for the call to be let through while nothing else is on its way."""
    most: int
    """What is charged if the caller disappears without saying what the call cost."""


@dataclass(frozen=True, slots=True)
class State:
    """What an account says."""

    spent: int
    reserved: int
    """Held for calls on their way."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A claim was not granted."""

    account: BudgetAccount
    state: State
    may_change: bool
    """Whether it could be once calls on their way have ended, for less than is held for them."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that the spending of an account has just passed; reported once a window."""

    account: BudgetAccount
    percent: int
    spent: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody made by hand."""

    at_ns: int
    budget: str
    scope: str
    detail: str
