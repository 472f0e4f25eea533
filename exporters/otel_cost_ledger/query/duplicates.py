"""Stored calls that may be the same provider call as a new one.

Spans of one call can reach the ledger in different batches, files or processes. Before a batch is
stored, its candidates are read, and all are decided together:

    decided = decide([*duplicate_candidates(ledger, batch), *batch])
    writer.revise(decided)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import END_OF_TIME_NS
from otel_cost_ledger.model.rows import fingerprint
from otel_cost_ledger.model.schema import NS_PER_US
from otel_cost_ledger.query.calls import StoredCall, read_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_cost_ledger.query.ledger import Ledger
    from otel_pricing.model.call import PricedCall

LONGEST_CALL_NS: Final = 3_600 * 10**9
CLOCK_SLACK_NS: Final = 1_000_000_000
"""Instrumentations read the clock at different times of one call."""


def overlapping(
    ledger: Ledger, start_ns: int, end_ns: int, *, longest_ns: int = LONGEST_CALL_NS
) -> tuple[StoredCall, ...]:
    """Return the calls that ran at any time from *start_ns* to *end_ns*, by time.

    Calls that began more than *longest_ns* before *start_ns* are ignored.
    """
    return read_calls(
        ledger,
        # Only the bounds on start_ns use the key, so it needs its own lower bound.
        ["start_ns >= ?", "start_ns <= ?", f"start_ns + latency_us * {NS_PER_US} >= ?"],
        [max(0, start_ns - longest_ns), min(end_ns, END_OF_TIME_NS), start_ns],
        order="start_ns, span_id",
    )


def duplicate_candidates(ledger: Ledger, batch: Sequence[PricedCall]) -> tuple[PricedCall, ...]:
    """Return stored calls that overlap *batch* in time and are not in it.

    The ledger stores only a fingerprint of response ids. An id of *batch* with the same fingerprint
    is restored; other stored ids become placeholders that equal no real id.
    """
    in_batch = {(priced.call.start_ns, priced.call.span_id) for priced in batch}
    ids = {fingerprint(p.call.response_id): p.call.response_id for p in batch}
    priced_calls: dict[tuple[int, int], PricedCall] = {}
    for start_ns, end_ns in _merged(batch):
        for stored in overlapping(ledger, start_ns, end_ns):
            call = stored.priced.call
            key = (call.start_ns, call.span_id)
            if key not in in_batch:
                priced_calls[key] = _with_response_id(stored, ids)
    return tuple(priced_calls.values())


def _with_response_id(stored: StoredCall, ids: dict[int | None, str | None]) -> PricedCall:
    mark = stored.response_fingerprint
    if mark is None:
        return stored.priced
    response_id = ids.get(mark) or f"fingerprint:{mark}"
    return replace(stored.priced, call=replace(stored.priced.call, response_id=response_id))


def _merged(batch: Iterable[PricedCall]) -> Iterator[tuple[int, int]]:
    """Yield the time spans of *batch*; adjacent ones are joined."""
    spans = sorted(
        (max(0, p.call.start_ns - CLOCK_SLACK_NS), p.call.end_ns + CLOCK_SLACK_NS) for p in batch
    )
    current: tuple[int, int] | None = None
    for start_ns, end_ns in spans:
        if current is not None and start_ns <= current[1]:
            current = (current[0], max(current[1], end_ns))
            continue
        if current is not None:
            yield current
        current = (start_ns, end_ns)
    if current is not None:
        yield current
