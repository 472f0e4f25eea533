"""Budget accounts and a provider for tests of budgets."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from otel_budget.book import Book, Claim
from otel_budget.books import Books
from otel_distro.demo.provider import FakeProvider

NOON_NS = 1_763_000_000_000_000_000
MakeBooks = Callable[..., Books]
Locked = Callable[[], AbstractContextManager[None]]


class Clock:
    """Nanoseconds since the epoch, as the test says."""

    def __init__(self) -> None:
        self.ns = NOON_NS

    def __call__(self) -> int:
        return self.ns


class SlowProvider(FakeProvider):
    """Takes *delay* seconds for every answer."""

    delay = 0.0

    def next_id(self, prefix: str) -> str:
        time.sleep(self.delay)
        return super().next_id(prefix)


def book(limit: int = 100, *, scope: str = "", start_ns: int = 0, name: str = "day") -> Book:
    return Book(name, scope, start_ns, start_ns, limit)


def claim(amount: int, of: Book | None = None, *, least: int | None = None) -> Claim:
    return Claim(of or book(), amount, amount if least is None else least, amount)


def kill(books: Books) -> None:
    """Leave *books* as `kill -9` would: nothing is written any more, and the lock is released."""
    books._keeper.stop()
    lending, books._lending = books._lending, None
    if lending is not None:
        lending.owner.abandon()
    books.store.close()
