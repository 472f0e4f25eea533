"""Claims on the calls of batch results, shared by the processes of this machine.

A result may be fetched by several processes at once, on several days, and be imported as a file:
each of its calls counts once. A call is claimed when its line is read, for some minutes; it stays
claimed once it is stored. If the process ends in between, the next one to fetch the result claims
it.
"""

from __future__ import annotations

import time
import zlib
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_host.private_files import create_missing, make_private_folder
from otel_pricing.model.instrumentations import BATCH_SCOPE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from otel_cost_ledger.model.location import Location
    from otel_pricing import PricedCall

FILE_NAME: Final = "batch-results.db"
"""Name of the file in the state folder."""
CLAIMED_S: Final = 600
"""How long a call that is not stored stays claimed."""
KEPT_S: Final = 100 * 86_400
"""How long a stored call is remembered; providers keep results for about 30 days."""
_TIDY_EVERY_S: Final = 3_600
_BUSY_S: Final = 5.0
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS claims (span_id INTEGER NOT NULL, ledger INTEGER NOT NULL,"
    " until_s INTEGER NOT NULL, PRIMARY KEY (span_id, ledger)) WITHOUT ROWID"
)


class ClaimedResults:
    """Claims in *state_dir* of calls for *ledger*; None without a ledger.

    *may_store* is checked before each write. Without a usable file every call is new: the ledger
    keeps one of those with a time.
    """

    def __init__(
        self, state_dir: Path, ledger: Location | None, may_store: Callable[[], bool] = lambda: True
    ) -> None:
        self._path = state_dir / FILE_NAME
        name = str(ledger.absolute() if isinstance(ledger, Path) else ledger)
        self._ledger = zlib.crc32(name.encode("utf-8", "surrogatepass"))
        self._may_store = may_store
        self._tidy_at_s = 0

    def claim(self, span_ids: Sequence[int]) -> set[int]:
        """Claim those of *span_ids* that are unclaimed, and return them."""
        if not span_ids or not self._may_store():
            return set(span_ids)
        import sqlite3

        from otel_cost_ledger.model.rows import signed_64

        now_s = int(time.time())
        new: set[int] = set()
        try:
            with self._opened() as db:
                for span_id in span_ids:
                    row = [signed_64(span_id), self._ledger, now_s + CLAIMED_S, now_s]
                    taken = db.execute(
                        "INSERT INTO claims VALUES (?, ?, ?) ON CONFLICT (span_id, ledger)"
                        " DO UPDATE SET until_s = excluded.until_s WHERE claims.until_s < ?",
                        row,
                    )
                    if taken.rowcount:
                        new.add(span_id)
        except (OSError, sqlite3.Error):
            return set(span_ids)
        return new

    def stored(self, span_ids: Iterable[int]) -> None:
        """Remember *span_ids*: they are stored."""
        from otel_cost_ledger.model.rows import signed_64

        now_s = int(time.time())
        rows = [(signed_64(span_id), self._ledger, now_s + KEPT_S) for span_id in span_ids]
        if not rows or not self._may_store():
            return
        import sqlite3

        try:
            with self._opened() as db:
                db.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", rows)
                if now_s >= self._tidy_at_s:  # it reads every claim
                    db.execute("DELETE FROM claims WHERE until_s < ?", [now_s - CLAIMED_S])
                    self._tidy_at_s = now_s + _TIDY_EVERY_S
        except (OSError, sqlite3.Error):
            return

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for the body."""
        import sqlite3

        make_private_folder(self._path.parent)
        create_missing(self._path)
        # Not sqlite3.connect, which an instrumentation may have wrapped.
        connection = sqlite3.Connection(self._path, timeout=_BUSY_S, isolation_level=None)
        with closing(connection) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(_TABLE)
            yield db
            db.execute("COMMIT")


def remember_imported(calls: Iterable[PricedCall], claims: ClaimedResults) -> None:
    """Mark the batch results among *calls* as stored, so that other processes skip them."""
    claims.stored(p.call.span_id for p in calls if p.call.scope == BATCH_SCOPE)
