"""Calls of processes that were killed before storing them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_budget.reservations.owners import UnknownOwnerError, remains
from otel_distro.pipeline.accounting.open_requests import LAYOUT
from otel_pricing import CostStatus, ModelCall, PricedCall
from otel_pricing.costing.cost import REPORTED_BY, unpriced
from otel_pricing.model.instrumentations import WIRE_SCOPE
from otel_wire.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


KILLED: Final = "process_killed"
"""Error type of a call whose process ended before it was stored."""
_REASON: Final = "the process ended before the call was stored"


class Left(NamedTuple):
    """The file of an ended process, and the requests in it."""

    path: Path
    requests: tuple[PricedCall, ...]


def left_behind(folder: Path) -> Iterator[Left]:
    """Yield the files that killed processes of this host left in *folder*."""
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            with suppress(OSError, UnknownOwnerError):
                if remains(folder, path.name) is not None:
                    yield Left(path, tuple(_requests(path.read_bytes())))


def left_calls(folder: Path) -> int:
    """Return how many calls of killed processes are in no ledger yet."""
    if not folder.is_dir():
        return 0
    return sum(len(left.requests) for left in left_behind(folder))


def recover(folder: Path, store: Callable[[list[PricedCall]], bool]) -> int:
    """Pass the calls of killed processes to *store*; return the number of calls.

    The file is removed only if *store* returns that they are stored durably.
    """
    taken = 0
    for left in left_behind(folder):
        calls = list(left.requests)
        if not calls or store(calls):
            taken += len(calls)
            with suppress(OSError):
                left.path.unlink()
    return taken


def _requests(content: bytes) -> Iterator[PricedCall]:
    whole = len(content) - len(content) % LAYOUT.size
    for fields in LAYOUT.iter_unpack(content[:whole]):
        start_ns, span_id, trace_id, parent, host, path, reserved, charged = fields
        if start_ns <= 0:
            continue
        request = read_request(_text(host), _text(path), None)
        call = ModelCall(
            trace_id=int.from_bytes(trace_id, "big") or span_id,
            span_id=span_id,
            parent_span_id=parent or None,
            start_ns=start_ns,
            end_ns=start_ns,
            scope=WIRE_SCOPE,
            operation=request.operation if request is not None else "chat",
            provider=request.provider if request is not None else "",
            request_model=request.model if request is not None else "",
            error_type=KILLED,
        )
        yield _priced(call, reserved, charged - 1)


def _priced(call: ModelCall, reserved: int, charged: int) -> PricedCall:
    """Return *call* at the cost its budget charged, or with the reservation as its bound."""
    if charged < 0:
        bound = reserved if reserved > 0 else None
        return replace(unpriced(call, _REASON), exposure_nano_usd=bound)
    return PricedCall(
        call=call,
        status=CostStatus.REPORTED if charged else CostStatus.FREE,
        cost_nano_usd=charged,
        reason=_REASON,
        price_source=f"{REPORTED_BY}its budget" if charged else "",
    )


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
