"""Deduplicates calls that a client and its gateway both write to one ledger.

Both record a request, and the provider charges for one. The client's request goes to one of the
app's own hosts and encloses the gateway's in time; it has a provider's response id, or the same
trace and the same id or tokens. The gateway's is billed: it called the provider.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.location import PostgresUrl
from otel_pricing.model.instrumentations import WIRE_SCOPE
from otel_wire.hosts import is_own_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from otel_cost_ledger.query.calls import StoredCall
    from otel_cost_ledger.write.writer import LedgerWriter
    from otel_pricing import ModelCall, PricedCall

THROUGH_GATEWAY: Final = "billed as the request of the gateway that served it"
_MARKER: Final = "calls-to-own-hosts"
_RECENT_S: Final = 600.0
_LONGEST_NS: Final = 300 * 10**9
"""Longest client call that is matched with a gateway's."""
_SLACK_NS: Final = 50_000_000
_MOST_AT_ONCE: Final = 200
_RANDOM: Final = int.from_bytes(os.urandom(4), "big")


def process_number() -> int:
    """Return a number unique to this process, for calls to the app's own hosts."""
    return os.getpid() << 32 | _RANDOM


def number_for(host: str) -> int | None:
    """Return the number to store with a call to *host*; None for a provider's host."""
    return process_number() if is_own_host(host) else None


class GatewayCalls:
    """Finds client calls that are billed as their gateway's; for one ledger.

    Queries use the connection of *writer*: a session for each batch of calls would cost the server
    more than the query.
    """

    def __init__(self, writer: LedgerWriter, state_dir: Path) -> None:
        self._writer = writer
        self._marker = state_dir / _MARKER

    def revised(self, stored: Sequence[PricedCall]) -> list[PricedCall]:
        """Return client calls that are no longer billed, now that *stored* are stored.

        The process that stores last finds the pair. Raises LedgerError if the read fails.
        """
        calls = [p.call for p in stored if p.billed and p.call.scope == WIRE_SCOPE]
        if any(call.own_host_process is not None for call in calls):
            self._mark()
        if not calls or not self._may_have_clients():
            return []
        priced_calls: list[PricedCall] = []
        for start in range(0, len(calls), _MOST_AT_ONCE):
            priced_calls += pairs(self._related(calls[start : start + _MOST_AT_ONCE]))
        return priced_calls

    def _mark(self) -> None:
        try:
            self._marker.touch(mode=0o600)
        except OSError:  # another process finds no pair, and both calls stay billed
            return

    def _may_have_clients(self) -> bool:
        """Whether any process has called one of its own hosts lately; only those have gateways."""
        if isinstance(self._writer.location, PostgresUrl):
            return True
        try:
            return time.time() - self._marker.stat().st_mtime < _RECENT_S
        except OSError:
            return False

    def _related(self, calls: Sequence[ModelCall]) -> tuple[StoredCall, ...]:
        from otel_cost_ledger.model.filters import BILLED
        from otel_cost_ledger.model.rows import fingerprint, trace_bytes
        from otel_cost_ledger.query.calls import read_calls

        marks = sorted({m for c in calls if (m := fingerprint(c.response_id)) is not None})
        traces = sorted({trace_bytes(call.trace_id) for call in calls})
        same_id = f"response_fingerprint IN ({', '.join('?' * len(marks))}) OR " if marks else ""
        same_trace = f"trace_id IN ({', '.join('?' * len(traces))})"
        since_ns = max(0, min(call.start_ns for call in calls) - _LONGEST_NS)
        until_ns = max(call.end_ns for call in calls)
        with self._writer.reading() as ledger:
            return read_calls(
                ledger,
                ["start_ns >= ?", "start_ns <= ?", BILLED, f"({same_id}{same_trace})"],
                [since_ns, until_ns, *marks, *traces],
                order="start_ns, span_id",
            )


def pairs(related: Iterable[StoredCall]) -> list[PricedCall]:
    """Return the client calls among *related* that have a gateway call there, as not billed."""
    stored = [call for call in related if call.priced.call.scope == WIRE_SCOPE]
    taken: set[tuple[int, int]] = set()
    priced_calls: list[PricedCall] = []
    for outer in stored:
        if outer.priced.call.own_host_process is None:
            continue
        inner = next((other for other in stored if _is_gateway_request(other, outer, taken)), None)
        if inner is not None:
            taken.add(_key(inner))
            priced_calls.append(
                replace(
                    outer.priced,
                    billed=False,
                    billing_reason=THROUGH_GATEWAY,
                    billed_span_id=inner.priced.call.span_id,
                )
            )
    return priced_calls


def _is_gateway_request(inner: StoredCall, outer: StoredCall, taken: set[tuple[int, int]]) -> bool:
    """Whether *inner* is the gateway's request for the client's call *outer*."""
    request, client_call = inner.priced.call, outer.priced.call
    if request.own_host_process == client_call.own_host_process or _key(inner) in taken:
        return False
    # A gateway in front of another is a client too: only their nesting shows which serves which.
    slack_ns = _SLACK_NS if request.own_host_process is None else 0
    if (
        request.start_ns < client_call.start_ns - slack_ns
        or request.end_ns > client_call.end_ns + _SLACK_NS
    ):
        return False
    mark = inner.response_fingerprint
    same_id = mark is not None and mark == outer.response_fingerprint
    if request.trace_id != client_call.trace_id:
        # Test servers give every response the same id; providers do not.
        return same_id and request.own_host_process is None
    if same_id:
        return True
    if request.usage is None or client_call.usage is None:
        return False
    return (request.usage.input_tokens, request.usage.output_tokens) == (
        client_call.usage.input_tokens,
        client_call.usage.output_tokens,
    )


def _key(stored: StoredCall) -> tuple[int, int]:
    return stored.priced.call.trace_id, stored.priced.call.span_id
