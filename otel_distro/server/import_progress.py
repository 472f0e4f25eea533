"""How far an interrupted import of an archive came, so that the next one continues there."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_host.private_files import write_private
from otel_pricing.reading.archive_lines import Place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from otel_cost_ledger.model.location import Location
    from otel_pricing import PricedCall

_HEAD: Final = 2**16
"""Bytes of a file that must be the same as at the interrupted import."""


class FilePlace(NamedTuple):
    """A line of one file."""

    file: Path
    place: Place


class ImportProgress:
    """Remembers places of files before which every call is in one ledger.

    A place counts only while the file is the same, or longer, and the last call that was stored is
    still in the ledger: a new ledger, or one of a backup, is filled from the beginning. Failures to
    remember are ignored, since an import may always begin again.
    """

    def __init__(self, state_dir: Path, ledger: Location) -> None:
        self._folder = state_dir / "imports"
        self._ledger = ledger

    def save(self, at: FilePlace, last: PricedCall) -> None:
        """Remember that all calls before *at* are stored, *last* among the latest."""
        with suppress(OSError):
            remembered = {
                **_identity(at.file),
                "line": at.place.number,
                "offset": at.place.offset,
                "start_ns": last.call.start_ns,
                "span_id": last.call.span_id,
            }
            write_private(self._path(at.file), json.dumps(remembered).encode())

    def place(self, file: Path) -> Place | None:
        """Return where the next import of *file* may begin; None for the beginning."""
        try:
            saved = json.loads(self._path(file).read_bytes())
            current = _identity(file)
            place = Place(int(saved["line"]), int(saved["offset"]))
            call = int(saved["start_ns"]), int(saved["span_id"])
            same = saved["head"] == current["head"] and (
                saved["size"] < current["size"]
                or (saved["size"], saved["changed_ns"]) == (current["size"], current["changed_ns"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return place if same and place.offset > 0 and self._is_stored(*call) else None

    def forget(self, files: Iterable[Path]) -> None:
        """Forget the places of *files*, which were read to the end."""
        for file in files:
            with suppress(OSError):
                self._path(file).unlink(missing_ok=True)

    def _path(self, file: Path) -> Path:
        of = f"{self._ledger}\0{file.resolve()}"
        return (
            self._folder / f"{hashlib.sha256(of.encode('utf-8', 'replace')).hexdigest()[:32]}.json"
        )

    def _is_stored(self, start_ns: int, span_id: int) -> bool:
        from otel_cost_ledger.query.duplicates import overlapping
        from otel_cost_ledger.query.ledger import open_ledger

        with open_ledger(self._ledger, missing_ok=True) as ledger:
            calls = (stored.priced.call for stored in overlapping(ledger, start_ns, start_ns))
            return any((call.start_ns, call.span_id) == (start_ns, span_id) for call in calls)


def _identity(file: Path) -> dict[str, object]:
    with file.open("rb") as stream:
        head = hashlib.sha256(stream.read(_HEAD)).hexdigest()
    stat = file.stat()
    return {"head": head, "size": stat.st_size, "changed_ns": stat.st_mtime_ns}
