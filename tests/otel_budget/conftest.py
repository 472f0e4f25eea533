"""Books in a folder of their own, a clock turned by hand, and a provider that can be slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_budget.books import Books
from support.budgets import Clock, SlowProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def books(tmp_path: Path, clock: Clock) -> Iterator[Books]:
    opened = Books(tmp_path / "state", now_ns=clock)
    yield opened
    opened.close()


@pytest.fixture
def provider() -> Iterator[SlowProvider]:
    with SlowProvider() as fake:
        yield fake  # type: ignore[misc]
