"""Bounds on time and size, with a margin that holds on any machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from otel_cost_ledger import LedgerWriter
from otel_pricing.model.call import PricedCall

MakeCall = Callable[..., PricedCall]
CALLS = 6_000
BATCH = 512


def test_thousands_of_calls_a_second_of_a_hundred_bytes_each(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """At least 5,000 in a second of processor time, at most 600 bytes, sums and names included.

    `benchmarks/ledger.py` measures the actual figures.
    """
    calls = [
        make_call(
            tenant=f"tenant-{n % 7}",
            user=f"user-{n % 300}",
            session=f"session-{n % 900}",
            response_id=f"chatcmpl-{n:024x}",
            latency_ms=100 + n % 2000,
        )
        for n in range(CALLS)
    ]
    writer.write([])
    began = time.process_time()
    for start in range(0, CALLS, BATCH):
        assert writer.write(calls[start : start + BATCH]).fault is None
    seconds = time.process_time() - began
    writer.shutdown()

    assert CALLS / seconds > 5_000
    assert path.stat().st_size / CALLS < 600
