"""Optional journal: every record is on disk when its span has ended.

The app's thread redacts, encodes and writes each record, which takes some hundred microseconds. In
return a kill -9 loses no ended record: the app's next process sends undelivered ones.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_distro.export.spool.folder import SEGMENT_BYTES
from otel_distro.export.spool.otlp_requests import encode
from otel_distro.export.spool.records import HEADER_SIZE, read_done
from otel_host.descriptors import DescriptorLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otel_distro.export.spool.folder import SpoolFolder
    from otel_distro.export.spool.segments import Segment
    from otel_distro.export.spool.spooling_transport import SpoolingTransport

_PATIENCE: Final = 0.2
"""Seconds to wait for a lock that the app's thread, interrupted by a signal, may hold forever."""
_RETRY_SECONDS: Final = 1.0
_SYNC_SECONDS: Final = 5.0


@dataclass(slots=True, eq=False)
class _Page:
    """A segment and whether its records are still delivered from memory."""

    segment: Segment
    live: bool = True
    """False once its records belong to the resender."""
    full: bool = False
    sent: int = HEADER_SIZE
    """Position up to which it is acknowledged."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Position of a record in the journal."""

    page: _Page
    end: int

    @property
    def live(self) -> bool:
        """Whether the record is still to be delivered from memory."""
        return self.page.live


class Journal:
    """The journal of one exporter; thread-safe, never raises."""

    def __init__(self, transport: SpoolingTransport, folder: SpoolFolder) -> None:
        self._transport = transport
        self._folder = folder
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._page: _Page | None = None
        self._pages: list[_Page] = []
        self._busy = False
        self._closed = False
        self._in_hand: dict[_Page, int] = {}
        self._retry_at = 0.0
        self._synced_at = 0.0

    def write(self, record: Any, enqueue: Callable[[Mark | None], None]) -> bool:
        """Write *record*, then queue it; return False if the resender sends it instead.

        A record that cannot be written is queued without a mark.
        """
        payload = self._encoded(record) if time.monotonic() >= self._retry_at else None
        if payload is None:
            enqueue(None)
            return True
        with self._lock:
            # Queued under the lock: an acknowledgement covers everything up to a mark.
            mark = self._written(payload)
            if mark is None or mark.live:
                enqueue(mark)
                return True
        self._transport.wake_resender()
        return False

    def _encoded(self, record: Any) -> bytes | None:
        try:
            return encode(self._transport.signal, [record])
        except Exception:  # the exporter will handle it
            return None

    def _written(self, payload: bytes) -> Mark | None:
        if self._busy or self._closed:  # locked: a signal handler interrupted this very thread
            return None
        self._busy = True
        try:
            page, end = self._append(payload)
            page.full = end >= SEGMENT_BYTES
            return Mark(page, end)
        except OSError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            self._folder.note_fault(error)
            return None
        finally:
            self._busy = False

    def _append(self, payload: bytes) -> tuple[_Page, int]:
        page = self._opened()
        try:
            return page, page.segment.append(payload, 1)
        except DescriptorLostError:
            # The program closed our descriptor and another process has locked the file: it sends
            # it.
            self._drop_page(page)
            page = self._opened()
            return page, page.segment.append(payload, 1)

    def _drop_page(self, page: _Page) -> None:
        page.live = False
        page.segment.release()
        self._page = None
        self._pages = [open_page for open_page in self._pages if open_page is not page]

    def _opened(self) -> _Page:
        page, to_disk = self._page, self._transport.sends_to_disk()
        if page is not None and not page.full and (page.live or to_disk):
            return page
        if page is not None and not page.live:
            page.segment.release()
            self._transport.wake_resender()
        if not self._folder.make_room(SEGMENT_BYTES):
            raise OSError("its limit is reached and no record can be dropped")
        page = _Page(self._folder.new_segment(), live=not to_disk)
        self._page = page
        self._pages = [open_page for open_page in self._pages if open_page.live]
        self._pages.append(page)
        return page

    def begin(self, marks: Iterable[Mark]) -> None:
        """Prepare for sending the records at *marks*, the oldest first."""
        self._in_hand = {mark.page: mark.end for mark in marks}

    def assume_sent(self) -> None:
        """Mark the begun export as sent: it arrives even if the process is killed now.

        Otherwise the records of a process killed before the response would be sent twice.
        """
        if not self._transport.proven:  # then it may not arrive
            return
        with self._locked() as acquired:
            for page, end in self._in_hand.items() if acquired else ():
                self._mark(page, end)

    def withdraw(self) -> None:
        """Undo the mark: the export failed."""
        with self._locked() as acquired:
            for page in self._in_hand if acquired else ():
                self._mark(page, page.sent)

    def acknowledge(self, marks: Iterable[Mark]) -> None:
        """Acknowledge the records at *marks*, oldest first: they are not sent again."""
        last = {mark.page: mark.end for mark in marks}
        with self._locked() as acquired:
            for page, end in last.items() if acquired else ():
                self._mark(page, end)
                page.sent = end
                if page.live and end == page.segment.size and page.full:
                    self._remove(page)
            self._sync()

    def _mark(self, page: _Page, position: int) -> None:
        if page.live:
            with suppress(OSError):
                page.segment.mark_sent(position)

    def release_unsent(self) -> None:
        """Leave all unacknowledged records to the resender."""
        self.withdraw()
        with self._locked():  # an unavailable lock must not delay the exit
            for page in self._pages:
                page.live = False
                if page is not self._page:
                    page.segment.release()
            self._pages = [page for page in self._pages if page is self._page]
        self._transport.wake_resender()

    def release_segments(self) -> None:
        """Release the remaining records to the resender."""
        with self._locked() as acquired:
            page = self._page
            if acquired and page is not None and not page.live:
                page.segment.release()
                self._page = None
                self._pages = [open_page for open_page in self._pages if open_page is not page]

    def close(self) -> None:
        """Remove delivered records, release the others, and stop writing."""
        self._closed = True
        with self._locked() as acquired:
            pages, self._pages, self._page = self._pages, [], None
            for page in pages if acquired else ():
                with suppress(OSError):
                    if read_done(page.segment.read()) == page.segment.size:
                        page.segment.remove()
                    else:
                        page.segment.sync()
                        page.segment.release()

    def at_fork(self) -> None:
        """Reset after fork: the pages are the parent's."""
        self._reset()

    def _sync(self) -> None:
        page, now = self._page, time.monotonic()
        if page is not None and now > self._synced_at + _SYNC_SECONDS:
            self._synced_at = now
            with suppress(OSError):
                page.segment.sync()

    def _remove(self, page: _Page) -> None:
        with suppress(OSError):
            page.segment.remove()
        self._pages = [open_page for open_page in self._pages if open_page is not page]
        if self._page is page:
            self._page = None

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        acquired = self._lock.acquire(timeout=_PATIENCE)
        try:
            yield acquired
        finally:
            if acquired:
                self._lock.release()
