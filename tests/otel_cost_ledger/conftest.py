"""Real ledgers in temporary files, and calls to put in them."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger import LedgerWriter
from otel_cost_ledger.model.location import Location, PostgresUrl
from otel_pricing.model.call import UNIT_NAMES, CostStatus, ModelCall, PricedCall, Usage

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]

NOON_NS = 1_763_812_800_000_000_000
"""2025-11-22 12:00:00 UTC."""


@pytest.fixture
def private_umask() -> Iterator[None]:
    """Run with umask 0, which hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Path of the ledger of a test."""
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def postgres(postgres_server: str) -> PostgresUrl:
    """A database without a ledger."""
    return PostgresUrl.parse(postgres_server)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def location(request: pytest.FixtureRequest, path: Path) -> Location:
    """Location of a ledger of each kind."""
    if request.param == "sqlite":
        return path
    found: PostgresUrl = request.getfixturevalue("postgres")
    return found


@pytest.fixture
def make_call() -> MakeCall:
    """Make a priced call; every argument is a field of PricedCall, ModelCall or Usage."""
    numbers = itertools.count(1)

    def make(**fields: Any) -> PricedCall:
        number = next(numbers)
        usage = {name: fields.pop(name) for name in list(fields) if name in UNIT_NAMES}
        latency_ms = fields.pop("latency_ms", 800)
        start_ns = fields.pop("start_ns", NOON_NS + number * 1_000_000)
        call = {name: fields.pop(name) for name in list(fields) if name in ModelCall.__slots__}
        defaults: dict[str, Any] = {
            "trace_id": number,
            "span_id": number,
            "start_ns": start_ns,
            "end_ns": start_ns + int(latency_ms * 1_000_000),
            "scope": "opentelemetry.instrumentation.genai.openai",
            "operation": "chat",
            "provider": "openai",
            "request_model": "gpt-4o",
            "response_model": "gpt-4o",
            "service": "shop",
            "usage": Usage(**{"input_tokens": 100, "output_tokens": 20, **usage}),
        }
        priced: dict[str, Any] = {"status": CostStatus.PRICED, "cost_nano_usd": 450_000}
        return PricedCall(call=ModelCall(**(defaults | call)), **(priced | fields))

    return make


@pytest.fixture
def make_writer(path: Path) -> Iterator[MakeWriter]:
    """Make writers on the test's ledger that collect messages and are shut down afterwards."""
    writers: list[LedgerWriter] = []
    spill = path.with_name("waiting.spill.jsonl")

    def make(**options: Any) -> LedgerWriter:
        defaults: dict[str, Any] = {
            "path": path,
            "pseudonym_key": b"0123456789abcdef",
            "say": lambda message: None,
        }
        options = defaults | options
        if isinstance(options["path"], PostgresUrl):
            spill.parent.mkdir(exist_ok=True)
            options.setdefault("spill_to", spill)
        writer = LedgerWriter(**options)
        writers.append(writer)
        return writer

    yield make
    for writer in writers:
        writer.shutdown()


@pytest.fixture
def writer(make_writer: MakeWriter) -> LedgerWriter:
    """One writer on the test's ledger."""
    return make_writer()


@pytest.fixture
def query(path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Run SQL on the test's ledger through a separate connection."""

    def run(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute(sql, values).fetchall()
            connection.commit()
            return found

    return run
