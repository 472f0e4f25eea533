"""Counts of redacted values by day and kind: one small file in the state folder.

Each process appends its counts as one line, so processes need no lock; the process that exceeds the
size limit folds the file into one line a day. It contains only numbers and names of kinds.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from otel_host.private_files import make_private_folder, open_private, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from otel_redaction.observers import Observer as RedactionObserver

_DAY_S: Final = 86_400
_EVERY_S: Final = 10.0
_LONGEST: Final = 256 * 1024


def tally_file(state_dir: Path) -> Path:
    """Return the path of the counts."""
    return state_dir / "redactions.jsonl"


class RedactionTally:
    """Counts redactions of this process and forwards them; thread-safe, never raises OSError.

    The shield's observer, in front of *observer*. While *may_write* returns False, nothing is
    written and earlier counts are discarded.
    """

    def __init__(
        self, state_dir: Path, observer: RedactionObserver, may_write: Callable[[], bool]
    ) -> None:
        self._path = tally_file(state_dir)
        self._observer = observer
        self._may_write = may_write
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._written_at = time.monotonic()

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        """Count matches by kind on one record of *signal*."""
        self._observer.redacted(signal, tally)
        with self._lock:
            self._counts.update(tally)
            due = time.monotonic() - self._written_at > _EVERY_S
        if due:
            self.write()

    def failed(self, signal: str, error: BaseException) -> None:
        """Forward that a record's content was withheld."""
        self._observer.failed(signal, error)

    def write(self) -> None:
        """Append the counts since the last flush."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._written_at = time.monotonic()
        if not counts or not self._may_write():
            return
        line = json.dumps([int(time.time()) // _DAY_S, counts], separators=(",", ":")) + "\n"
        try:
            if append(self._path, line) > _LONGEST:
                _fold(self._path)
        except OSError:
            return  # a full disk is reported elsewhere

    def at_fork(self) -> None:
        """Reset the counts after fork."""
        self._reset()


def append(path: Path, line: str) -> int:
    """Append *line* in one write, readable only by the owner; return the size of the file."""
    make_private_folder(path.parent)
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, line.encode())
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _fold(path: Path) -> None:
    # A line that another process appends now is lost: one count, at most once in 256 KiB.
    folded = "".join(
        json.dumps([at_ns // (_DAY_S * 10**9), counts], separators=(",", ":")) + "\n"
        for at_ns, counts in read_tally(path.parent)
    )
    write_private(path, folded.encode())


def read_tally(state_dir: Path) -> list[tuple[int, dict[str, int]]]:
    """Return the counts by kind of each day, in order; a day is its start in ns."""
    days: dict[int, Counter[str]] = {}
    try:
        lines = tally_file(state_dir).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            day, counts = json.loads(line)
            numbers = {str(kind): int(number) for kind, number in counts.items()}
            days.setdefault(int(day), Counter()).update(numbers)
        except (ValueError, TypeError, AttributeError):
            continue  # a line cut off by a crash
    return [(day * _DAY_S * 10**9, dict(days[day])) for day in sorted(days)]
