"""Drain of a spool folder, oldest requests first; damaged files are set aside."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_distro.export.spool.export_outcome import ResponseClass
from otel_distro.export.spool.records import Damage, read_done, read_records
from otel_distro.export.spool.segment_folder import names
from otel_distro.export.spool.segments import LARGEST_BYTES, Segment, locked
from otel_host.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_distro.export.spool.export_outcome import SendResult

DAMAGED: Final = ".damaged"
_KEPT_DAMAGED: Final = 4
_LOCK: Final = "drain.lock"
_REQUEST_RECORDS: Final = 512
_REQUEST_BYTES: Final = 1 << 20


@dataclass(slots=True)
class DrainResult:
    """Result of a drain; counts are spans, log records or metric exports."""

    sent: int = 0
    rejected: int = 0
    damaged: int = 0
    set_aside: list[Path] = field(default_factory=list)
    in_use: int = 0
    """Segments skipped because another process has them locked."""
    refused: SendResult | None = None
    """Why it ended early; empty if everything was sent."""
    under_way: tuple[Segment, int] | None = None
    """The segment of the request in progress, and its previous sent position."""

    def withdraw(self) -> None:
        """Mark the request in progress for a retry: no thread waits for its response."""
        if self.under_way is not None:
            segment, sent = self.under_way
            with suppress(OSError):
                segment.mark_sent(sent)


@contextmanager
def drain_lock(folder: Path) -> Iterator[bool]:
    """Hold the folder's drain lock, if no other process has it; yield whether it is held."""
    try:
        descriptor = open_private(folder / _LOCK, os.O_RDWR | os.O_CREAT)
    except OSError:
        yield False
        return
    with locked(descriptor, folder / _LOCK) as acquired:
        yield acquired


def drain(
    folder: Path,
    send: Callable[[bytes, Callable[[], None]], SendResult],
    may_continue: Callable[[], bool] = lambda: True,
    done: DrainResult | None = None,
    *,
    joined: bool = True,
) -> DrainResult:
    """Send the requests of *folder* until it is empty, *send* fails or *may_continue* is False.

    The caller holds the drain lock, and may read *done* from another thread. Raises OSError if the
    folder cannot be read or written; requests sent by then are marked as sent. *joined* allows
    several records in one request.
    """
    done = done or DrainResult()
    for name in names(folder):
        if done.refused is not None or not may_continue():
            break
        try:
            segment = Segment.take(folder / name)
        except OSError:  # a link, or not readable: no reason to stop
            done.in_use += 1
            continue
        if segment is None:
            done.in_use += 1
            continue
        try:
            _drain_segment(segment, send, may_continue, done, joined=joined)
        finally:
            segment.release()
    return done


def _drain_segment(
    segment: Segment,
    send: Callable[[bytes, Callable[[], None]], SendResult],
    may_continue: Callable[[], bool],
    done: DrainResult,
    *,
    joined: bool,
) -> None:
    data = segment.read()
    start = read_done(data)
    if start is None:
        done.damaged += 1
        _set_aside(segment, done)
        return
    damaged, sent = segment.size > LARGEST_BYTES, start
    done.damaged += damaged
    for payload, count, end, damage in _requests(data, start, _REQUEST_RECORDS if joined else 0):
        if not may_continue():
            return
        if count:
            # Marked as soon as it is written: a kill before the response would otherwise send it
            # twice.
            done.under_way = segment, sent
            result = send(payload, partial(segment.mark_sent, end))
            done.under_way = None
            if result.response_class in {ResponseClass.TRY_LATER, ResponseClass.UNSUPPORTED}:
                segment.mark_sent(sent)
                done.refused = result
                return
            if result.response_class is ResponseClass.DELIVERED:
                rejected = min(count, result.rejected) if joined else 0
                done.sent += count - rejected
                done.rejected += rejected
            else:
                done.rejected += count
        if damage is not None and not damage.torn:
            damaged = True
            done.damaged += damage.count
        segment.mark_sent(end)
        sent = end
    if damaged:
        _set_aside(segment, done)
    else:
        segment.remove()


def _requests(
    data: bytes, start: int, most: int
) -> Iterator[tuple[bytes, int, int, Damage | None]]:
    """Yield requests of a suitable size, the count of each, and the damage after it.

    Encoded OTLP requests can be joined end to end: the result is one request with the content of
    all of them.
    """
    parts: list[bytes] = []
    count = size = 0
    end = start
    for item in read_records(data, start):
        if isinstance(item, Damage):
            yield b"".join(parts), count, item.end, item
            parts, count, size = [], 0, 0
            continue
        if parts and (count + item.count > most or size + len(item.payload) > _REQUEST_BYTES):
            yield b"".join(parts), count, end, None
            parts, count, size = [], 0, 0
        parts.append(item.payload)
        count, size, end = count + item.count, size + len(item.payload), item.end
    if parts:
        yield b"".join(parts), count, end, None


def _set_aside(segment: Segment, result: DrainResult) -> None:
    """Keep a damaged file for inspection, but never more than a few."""
    folder = segment.path.parent
    older = sorted(folder.glob(f"*{DAMAGED}"))
    for path in older[: max(0, len(older) - _KEPT_DAMAGED + 1)]:
        with suppress(OSError):
            path.unlink()
    target = segment.path.with_name(segment.path.name + DAMAGED)
    segment.path.rename(target)
    result.set_aside.append(target)
