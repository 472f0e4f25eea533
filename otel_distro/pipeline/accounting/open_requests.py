"""Requests that are not in the ledger yet, in memory that survives the process.

A killed process loses the calls it has sent and not stored. Before each request a short record of
it is written to a locked, memory-mapped file; the record is cleared when the call is in the ledger.
The lock ends with the process, even if killed: the next program that opens the ledger stores the
remaining records as calls of unknown cost, so that they are not missing.
"""

from __future__ import annotations

import random
import struct
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from otel_budget.reservations.owners import Owner
    from otel_wire.exchange import Exchange

FOLDER: Final = "open-requests"
"""Name of the folder in the state folder."""
SLOTS: Final = 1024
"""Requests of one process that can be open or not stored yet; further ones are not recorded."""
_WORDS: Final = 26
LAYOUT: Final = struct.Struct("<qQ16sQ64s88sqq")
"""Start in nanoseconds (0 for an empty slot), span id, trace id, parent span id, host, path. Then
the budget's reservation, and its charge plus one; 0 without one."""
_CHARGED: Final = struct.Struct("<q")
_CHARGED_AT: Final = LAYOUT.size - _CHARGED.size

_IDS: Final = random.SystemRandom()
"""Not the shared generator: the app may seed it, but span ids must be unique."""


class OpenRequests:
    """The requests of this process; reset after fork.

    *folder* holds the files of all processes. *may_store* is checked before each write.
    """

    def __init__(self, folder: Path, may_store: Callable[[], bool]) -> None:
        self._folder = folder
        self._may_store = may_store
        self._owner: Owner | None = None
        self._memory: memoryview | None = None
        self._slots: dict[int, int] = {}
        self._failed = False
        self._opening = threading.Lock()

    def begin(self, exchange: Exchange) -> int:
        """Record *exchange* before it is sent; return the id of its call, or 0 if not recorded.

        Costs the app's thread a few microseconds. Never raises.
        """
        try:
            return self._begin(exchange)
        except Exception:
            self._failed = True
            return 0

    def _begin(self, exchange: Exchange) -> int:
        if self._failed or not self._may_store():
            return 0
        owner = self._owner or self._open()
        slot = owner.take_slot()
        if slot is None or self._memory is None:
            return 0
        span_id = _IDS.getrandbits(64) or 1
        span = trace.get_current_span(exchange.context).get_span_context()
        admission = getattr(exchange, "admission", None)
        LAYOUT.pack_into(
            self._memory,
            slot * LAYOUT.size,
            exchange.start_ns,
            span_id,
            (span.trace_id or getattr(exchange, "made_trace", 0)).to_bytes(16, "big"),
            span.span_id,
            exchange.host.encode("utf-8", "replace")[:64],
            exchange.path.encode("utf-8", "replace")[:88],
            getattr(admission, "reserved_nano_usd", 0),
            0,
        )
        self._slots[span_id] = slot
        if admission is not None:
            admission.on_settled = partial(self._charged, span_id)
        return span_id

    def _charged(self, span_id: int, nano_usd: int) -> None:
        """Record that a budget is about to charge the call with *nano_usd*."""
        slot, memory = self._slots.get(span_id), self._memory
        if slot is not None and memory is not None:
            with suppress(ValueError):  # released concurrently: the process ends or has forked
                _CHARGED.pack_into(memory, slot * LAYOUT.size + _CHARGED_AT, nano_usd + 1)

    def _open(self) -> Owner:
        from otel_budget.reservations.owners import Owner

        with self._opening:
            if self._owner is None:
                owner = Owner(self._folder, slots=SLOTS, words_a_slot=_WORDS)
                self._memory = owner.owed.cast("B")
                self._owner = owner
            return self._owner

    def end(self, span_ids: Iterable[int]) -> None:
        """Clear the records with these ids: the calls are stored, or were no calls."""
        owner = self._owner
        for span_id in span_ids:
            slot = self._slots.pop(span_id, None)
            if slot is not None and owner is not None:
                owner.free_slot(slot)

    def abandon(self) -> None:
        """Release the parent's file in a forked child."""
        self._opening = threading.Lock()
        owner = self._detach()
        if owner is not None:
            owner.abandon()

    def close(self, *, remove: bool) -> None:
        """Release the file at exit; *remove* if all calls are stored or in another file."""
        self._failed = True
        owner = self._detach()
        if owner is not None:
            owner.close(remove=remove)

    def _detach(self) -> Owner | None:
        """Drop all slots and the file; return its owner, if any."""
        owner, self._owner = self._owner, None
        memory, self._memory = self._memory, None
        self._slots = {}
        if memory is not None:
            memory.release()
        return owner
