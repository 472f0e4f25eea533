"""Paths and permissions of the ledger."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_cost_ledger import (
    LedgerError,
    LedgerNotFoundError,
    LedgerWriter,
    default_ledger_path,
    open_ledger,
)
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.query.queries import costs
from otel_cost_ledger.write.spill import SpillFile
from otel_pricing.model.call import PricedCall

MakeWriter = Callable[..., LedgerWriter]
MakeCall = Callable[..., PricedCall]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/ann"}, "/state/otel-distro/ledger.db"),
        ({"HOME": "/home/ann"}, "/home/ann/.local/state/otel-distro/ledger.db"),
        (
            {"XDG_STATE_HOME": "relative", "HOME": "/home/ann"},
            "/home/ann/.local/state/otel-distro/ledger.db",
        ),
    ],
)
def test_the_default_path_follows_the_xdg_directories(
    environ: dict[str, str], expected: str
) -> None:
    """A relative directory is ignored, as specified."""
    assert str(default_ledger_path(environ)) == expected


def test_every_file_is_private_under_any_umask(
    private_umask: None, make_writer: MakeWriter, make_call: MakeCall, path: Path, tmp_path: Path
) -> None:
    """0700 for the directory; 0600 for the database, WAL, shared memory, locks and archives."""
    writer = make_writer(busy_timeout_ms=0, ring_calls=0)
    writer.write([make_call() for _ in range(10)])
    during = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    retain(path, days=1, archive_to=tmp_path / "archive")
    after = [*path.parent.iterdir(), *(tmp_path / "archive").iterdir()]

    assert set(during) == {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"}
    assert set(during.values()) == {0o600}
    assert {stat.S_IMODE(file.stat().st_mode) for file in after} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "archive").stat().st_mode) == 0o700


def test_the_spill_file_is_private(private_umask: None, path: Path) -> None:
    """It has the same data as the ledger."""
    path.parent.mkdir(mode=0o700)
    spill = SpillFile(path.with_name("ledger.db.spill.jsonl"))

    spill.append([])

    assert stat.S_IMODE(spill.path.stat().st_mode) == 0o600


def test_a_missing_ledger_is_reported(path: Path) -> None:
    """Reading never creates a file."""
    with pytest.raises(LedgerNotFoundError, match="there is no cost ledger"), open_ledger(path):
        pass

    assert not path.exists()


def test_a_file_that_is_not_a_ledger_cannot_be_read(tmp_path: Path) -> None:
    """The message says that it is left alone."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary " * 100)

    with pytest.raises(LedgerError, match="is not a cost ledger"), open_ledger(path):
        pass


def test_an_empty_file_reads_as_an_empty_ledger(tmp_path: Path) -> None:
    """Between creation and the first write every answer is zero."""
    path = tmp_path / "ledger.db"
    path.touch()

    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 0


def test_reading_while_a_writer_is_open_sees_committed_calls(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """And one reader sees one snapshot, despite concurrent writes."""
    writer.write([make_call()])
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 1
        writer.write([make_call()])

        assert costs(ledger).total.calls == 1


def test_a_reader_cannot_write(writer: LedgerWriter, make_call: MakeCall, path: Path) -> None:
    """Not even by direct SQL."""
    writer.write([make_call()])

    with open_ledger(path) as ledger, pytest.raises(LedgerError, match=r"readonly|read-only"):
        list(ledger.rows("DELETE FROM calls"))
