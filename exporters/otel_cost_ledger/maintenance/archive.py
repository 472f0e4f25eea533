"""Archives of calls as compressed CSV or Parquet; an archive with its final name is complete."""

from __future__ import annotations

import csv
import gzip
import io
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.csv_safe import write_csv
from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.model.filters import EPOCH, Window
from otel_cost_ledger.model.location import ClickHouseUrl
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_host.private_files import create_private, make_private_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from otel_cost_ledger.model.sql import Connection
    from otel_cost_ledger.query.ledger import Ledger

# The fastest level: higher levels compress prices and tokens little better, in many times the time.
_LEVEL: Final = 1


Totals = tuple[int, int, int]
"""Calls, nano-USD and input tokens of a file, for comparison with the ledger."""


@dataclass(frozen=True, slots=True)
class ArchiveKind:
    """A file format for archives."""

    suffix: str
    write: Callable[[IO[bytes], Sequence[str], Iterable[Sequence[Any]]], int]
    """Write columns and rows to an open file; return the number of rows."""
    read: Callable[[Path], Totals]
    """Read a file back."""


def archive_window(
    ledger: Ledger,
    directory: Path,
    since: datetime | None,
    until: datetime | None,
    *,
    parquet: bool = False,
) -> tuple[Path, int] | None:
    """Write the calls of a window to a file in *directory*; None without calls.

    Raises `LedgerError` if the file read back differs from the ledger, for *parquet* without
    pyarrow, and for ClickHouse, which has no view of calls for the comparison.
    """
    if isinstance(ledger.location, ClickHouseUrl):
        raise LedgerError(
            f"{ledger.location} is archived from a copy: otel-distro ledger copy URL ledger.db"
        )
    window = Window.between(since, until)
    ((first, last),) = ledger.rows(
        "SELECT min(start_ns), max(start_ns) FROM calls WHERE start_ns >= ? AND start_ns < ?",
        (window.since_ns, window.until_ns),
    )
    if first is None:
        return None
    return archive_calls(ledger.connection, directory, first, last + 1, parquet=parquet)


def archive_calls(
    connection: Connection,
    directory: Path,
    since_ns: int,
    until_ns: int,
    *,
    parquet: bool = False,
) -> tuple[Path, int]:
    """Write the calls of a window to a new file in *directory*; return it and the row count.

    The file is written under a temporary name, synced to disk, read back, compared with the ledger,
    and only then renamed. Raises `LedgerError` if the comparison fails.
    """
    kind = _parquet() if parquet else _CSV
    make_private_folder(directory)
    target = _free_name(directory, since_ns, until_ns, kind.suffix)
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = create_private(partial, os.O_WRONLY)
    # The view, not the table: an archive must be readable without the ledger's name tables.
    rows = connection.execute(
        "SELECT * FROM calls_v WHERE start_ns >= ? AND start_ns < ? ORDER BY start_ns, span_id",
        (since_ns, until_ns),
    )
    header = [column[0] for column in rows.description]
    with os.fdopen(descriptor, "wb") as raw:
        written = kind.write(raw, header, rows)
        raw.flush()
        os.fsync(raw.fileno())
    _verify(connection, partial, kind.read(partial), since_ns, until_ns)
    partial.rename(target)
    # Without this a power cut can undo the rename after the rows are deleted.
    sync_folder(directory)
    return target, written


def _write_csv(raw: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        return write_csv(text, header, rows)


def _read_csv(path: Path) -> Totals:
    calls = cost = tokens = 0
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            calls += 1
            cost += int(row["cost_nano_usd"] or 0)
            tokens += int(row["input_tokens"] or 0)
    return calls, cost, tokens


_CSV: Final = ArchiveKind(".csv.gz", _write_csv, _read_csv)


def _parquet() -> ArchiveKind:
    from otel_cost_ledger.maintenance.parquet import read_totals, write_parquet

    return ArchiveKind(".parquet", write_parquet, read_totals)


def _verify(
    connection: Connection, path: Path, totals: Totals, since_ns: int, until_ns: int
) -> None:
    expected = connection.execute(
        "SELECT count(*), coalesce(sum(cost_nano_usd), 0), coalesce(sum(input_tokens), 0)"
        " FROM calls WHERE start_ns >= ? AND start_ns < ?",
        (since_ns, until_ns),
    ).fetchone()
    if totals != expected:
        raise LedgerError(
            f"archive {path} has {totals} calls, nano-USD and tokens, the ledger"
            f" {expected}; nothing was deleted, check the disk and try again"
        )


def _free_name(directory: Path, since_ns: int, until_ns: int, suffix: str) -> Path:
    first, last = (_day(ns) for ns in (since_ns, until_ns - 1))
    stem = f"calls-{first}" if first == last else f"calls-{first}-to-{last}"
    for attempt in range(1, 10_000):
        target = directory / f"{stem}{'' if attempt == 1 else f'-{attempt}'}{suffix}"
        if not target.exists():
            return target
    raise LedgerError(f"no free name for an archive in {directory}; move old archives away")


def _day(ns: int) -> str:
    return (EPOCH + timedelta(days=ns // NS_PER_DAY)).date().isoformat()
