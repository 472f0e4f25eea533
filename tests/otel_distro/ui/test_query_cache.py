"""Answers are cached while the ledger is unchanged, and long ones run in the background."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from otel_cost_ledger import open_ledger
from otel_distro.ui.query_cache import ROWS_AT_ONCE, QueryCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_cost_ledger.query.ledger import Ledger

MANY = ROWS_AT_ONCE + 1


@pytest.fixture
def ledger(month: Path) -> Iterator[Ledger]:
    with open_ledger(month) as opened:
        yield opened


@pytest.fixture
def query_cache(month: Path) -> Iterator[QueryCache]:
    made = QueryCache(month, patience=0.02)
    yield made
    made.close()


def test_a_query_runs_once_while_the_ledger_is_unchanged(
    ledger: Ledger, query_cache: QueryCache
) -> None:
    """And again when the version mark of the ledger changes."""
    queried = []

    def question(_: Ledger) -> int:
        queried.append(1)
        return len(queried)

    first = query_cache.run(ledger, "a", "key", question)
    same = query_cache.run(ledger, "a", "key", question)
    other = query_cache.run(ledger, "b", "key", question)

    assert (first.value, same.value, other.value) == (1, 1, 2)
    assert first.current


def test_a_long_query_does_not_block_the_page(ledger: Ledger, query_cache: QueryCache) -> None:
    """The first request returns None, a later one the answer."""
    go = threading.Event()
    done = threading.Event()

    def question(_: Ledger) -> str:
        go.wait(5)
        done.set()
        return "counted"

    first = query_cache.run(ledger, "a", "key", question, rows=lambda: MANY)
    go.set()
    done.wait(5)
    later = first
    for _ in range(100):
        later = query_cache.run(ledger, "a", "key", question, rows=lambda: MANY)
        if later.value is not None:
            break

    assert (first.value, first.current) == (None, False)
    assert later.value == "counted"


def test_meanwhile_the_last_answer_is_shown(
    ledger: Ledger, month: Path, query_cache: QueryCache
) -> None:
    """Marked as outdated."""
    go = threading.Event()
    query_cache.run(ledger, "old", "key", lambda _: "old")
    slow = query_cache.run(
        ledger, "new", "key", lambda _: "new" if go.wait(5) else "never", rows=lambda: MANY
    )
    go.set()

    assert (slow.value, slow.current) == ("old", False)


def test_a_report_waits_for_its_answers(ledger: Ledger, month: Path) -> None:
    """It is computed once."""
    patient = QueryCache(month, patience=None)
    result = patient.run(ledger, "a", "key", lambda _: 7, rows=lambda: MANY)
    patient.close()

    assert result.value == 7
