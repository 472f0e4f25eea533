"""Builders of pricing values with defaults, so that a test names only relevant fields."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_pricing import (
    CostStatus,
    ModelCall,
    PriceBook,
    PricedCall,
    SpanRecord,
    Usage,
    read_call,
)

if TYPE_CHECKING:
    from collections.abc import Callable

START_NS = 1_795_000_000_000_000_000
"""A day in November 2026."""
MS = 1_000_000

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "genai-spans"


@pytest.fixture(scope="session")
def book() -> PriceBook:
    """The default price list, without overrides."""
    return PriceBook()


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Recordings of real instrumentations, stored beside the project."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings of real spans are not beside this checkout")
    return RECORDINGS


def make_record(attributes: dict[str, object], **fields: Any) -> SpanRecord:
    """Return a span of 100 ms with *attributes*."""
    defaults: dict[str, Any] = {
        "trace_id": 1,
        "span_id": 2,
        "name": "chat",
        "start_ns": START_NS,
        "end_ns": START_NS + 100 * MS,
        "kind": 3,
        "scope_name": "opentelemetry.instrumentation.genai.openai",
    }
    return SpanRecord(attributes=attributes, **(defaults | fields))


@pytest.fixture
def record() -> Callable[..., SpanRecord]:
    """Return the builder of spans."""
    return make_record


@pytest.fixture
def read() -> Callable[..., ModelCall]:
    """Return a reader of attributes that must be a model call."""

    def read_attributes(attributes: dict[str, object], **fields: Any) -> ModelCall:
        call = read_call(make_record(attributes, **fields))
        assert call is not None
        return call

    return read_attributes


def make_call(**fields: Any) -> ModelCall:
    """Return a call of gpt-4o with 1200 tokens in and 300 out."""
    defaults: dict[str, Any] = {
        "trace_id": 1,
        "span_id": 2,
        "start_ns": START_NS,
        "end_ns": START_NS + 100 * MS,
        "scope": "client",
        "operation": "chat",
        "provider": "openai",
        "request_model": "gpt-4o",
        "usage": Usage(input_tokens=1200, output_tokens=300),
        "service": "app",
    }
    return ModelCall(**(defaults | fields))


@pytest.fixture
def call() -> Callable[..., ModelCall]:
    """Return the builder of calls."""
    return make_call


_ids = count(1)


def make_priced(
    *, at: tuple[int, int] = (0, 100), status: CostStatus = CostStatus.PRICED, **fields: Any
) -> PricedCall:
    """Return a priced call that runs from *at[0]* to *at[1]* ms, with new ids."""
    number = next(_ids)
    defaults: dict[str, Any] = {
        "trace_id": number,
        "span_id": number,
        "start_ns": START_NS + at[0] * MS,
        "end_ns": START_NS + at[1] * MS,
    }
    cost = None if status is CostStatus.UNPRICED else 0 if status is CostStatus.FREE else 6_000_000
    return PricedCall(call=make_call(**(defaults | fields)), status=status, cost_nano_usd=cost)


@pytest.fixture
def priced() -> Callable[..., PricedCall]:
    """Return the builder of priced calls."""
    return make_priced


@pytest.fixture
def inside() -> Callable[..., PricedCall]:
    """Return the builder of a priced call whose parent is another one."""

    def make(outer: PricedCall, **fields: Any) -> PricedCall:
        start, end = outer.call.start_ns, outer.call.end_ns
        defaults: dict[str, Any] = {
            "trace_id": outer.call.trace_id,
            "parent_span_id": outer.call.span_id,
        }
        child = make_priced(**(defaults | fields))
        if "at" in fields:
            return child
        within = replace(child.call, start_ns=start + MS, end_ns=end - MS)
        return replace(child, call=within)

    return make
