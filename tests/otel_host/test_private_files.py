"""Every written file is private from its creation, and never another user's or behind a link."""

# pyright: reportArgumentType=false

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_budget.accounts.sqlite import Database
from otel_budget.reservations.owners import Owner
from otel_cost_ledger.model.entries import Entry
from otel_cost_ledger.sqlite.connection import open_writer
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_cost_ledger.write.spill import SpillFile
from otel_distro.base.installation_key import installation_key
from otel_distro.export import daily_delivery_counts
from otel_distro.export.spool.address import Address
from otel_distro.export.spool.drain import drain_lock
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.limits import SpoolLimits
from otel_distro.pipeline.logs.forgetting import forget_in_files
from otel_distro.pipeline.logs.rotation import RotatingFile
from otel_distro.pipeline.redaction_tally import append
from otel_distro.privacy import audit, consent_state
from otel_distro.privacy.content import store as content_store
from otel_distro.reports.alerts.incidents import Memory
from otel_distro.reports.health.board import Board
from otel_host.private_files import (
    UnsafeFileError,
    make_private_folder,
    open_private,
    replacing,
    write_private,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


class Writer(NamedTuple):
    name: str
    write: Callable[[Path], object]
    """Write below the folder; may raise its documented errors."""
    target: str = ""
    """A file with a fixed name, which an attacker could plant; empty where names are random."""


class _IgnoredReports:
    def __getattr__(self, _name: str) -> Any:
        return lambda *_args: None


def _spool(folder: Path) -> None:
    address = Address("traces", "app", "http://127.0.0.1:4318/v1/traces", "http/protobuf")
    spool = SpoolFolder(folder, address, _IgnoredReports(), SpoolLimits(10**6))
    if not spool.keep(b"x", 1):
        raise OSError("not kept")
    spool.release_segments()


def _drain_lock(folder: Path) -> None:
    make_private_folder(folder)
    with drain_lock(folder):
        pass


def _log_forgetting(folder: Path) -> None:
    log = RotatingFile(folder / "app.log", megabytes=0.000001, backups=2)
    log.append(["user_1 one\n", "two\n"])
    log.append(["user_1 three\n"])
    forget_in_files(folder / "app.log", "user_1")
    assert b"user_1" not in (folder / "app.log").read_bytes()
    assert b"user_1" not in gzip.decompress((folder / "app.log.1.gz").read_bytes())


def _ledger(folder: Path) -> None:
    connection = open_writer(folder / "ledger.db")
    connection.execute("PRAGMA user_version")
    connection.close()


def _budgets(folder: Path) -> None:
    database = Database(folder / "budget.db")
    with database.transaction() as db:
        db.execute("SELECT count(*) FROM books")


def _gate(folder: Path) -> None:
    make_private_folder(folder)
    lock = WriterLock(folder / "ledger.db.lock", 1)
    with lock.held():
        pass
    lock.close()


def _spill(folder: Path) -> None:
    make_private_folder(folder)
    SpillFile(folder / "ledger.db.spill.jsonl").append(_no_entries())


def _no_entries() -> list[Entry]:
    return []


def _owner(folder: Path) -> None:
    Owner(folder / "budget.owners").close(remove=False)


def _content(folder: Path) -> None:
    content_store.write(folder / "content.db", [])


WRITERS = [
    Writer("audit", lambda f: audit.record(f, "test.done"), "audit.jsonl"),
    Writer("consent", lambda f: consent_state.write(f, "granted", "test"), "consent.json"),
    Writer("alerts", lambda f: Memory(f / "alerts.json").write({}), "alerts.json"),
    Writer(
        "daily counts", lambda f: daily_delivery_counts.add(f, {"spans": {"emitted": 1}}), "spool"
    ),
    Writer("tally", lambda f: append(f / "redactions.jsonl", "x\n"), "redactions.jsonl"),
    Writer("board", lambda f: Board(f, lambda: {"a": 1}).write(), "processes"),
    Writer("key", installation_key, "pseudonym.key"),
    Writer("log", _log_forgetting, "app.log"),
    Writer("spool", _spool, "spool"),
    Writer("drain", _drain_lock, "drain.lock"),
    Writer("ledger", _ledger, "ledger.db"),
    Writer("budgets", _budgets, "budget.db"),
    Writer("ledger gate", _gate, "ledger.db.lock"),
    Writer("spill", _spill, "ledger.db.spill.jsonl"),
    Writer("budget owner", _owner, "budget.owners"),
    Writer("content", _content, "content.db"),
    Writer("any", lambda f: write_private(f / "some.json", b"{}"), "some.json"),
]
REPLACED = {"consent", "alerts", "any", "drain"}
"""Writers that rename a new file over the name: a link there is replaced, its target untouched."""
every_writer = pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def _modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in folder.rglob("*")
        if not path.is_symlink()
    }


def assert_refusal(writer: Writer, state: Path, reason: str) -> None:
    """Assert that *writer* succeeds, or refuses for *reason*; the spool reports differently."""
    refusal = ""
    try:
        writer.write(state)
    except Exception as error:
        refusal = str(error)
    assert not refusal or reason in refusal or "not kept" in refusal


@every_writer
@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_written_files_are_private_under_any_umask(
    tmp_path: Path, writer: Writer, umask: int
) -> None:
    state = tmp_path / "state"
    before = os.umask(umask)
    try:
        writer.write(state)
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    found = _modes(state)
    assert found
    for name, mode in found.items():
        assert mode == (0o700 if (state / name).is_dir() else 0o600), name


@every_writer
def test_a_planted_link_is_never_followed(tmp_path: Path, writer: Writer, no_umask: None) -> None:
    state, victim = tmp_path / "state", tmp_path / "victim"
    state.mkdir(mode=0o700)
    victim.mkdir()
    precious = victim / "precious"
    precious.write_text("precious")
    precious.chmod(0o644)
    folders = {"processes", "spool", "budget.owners"}
    (state / writer.target).symlink_to(victim if writer.target in folders else precious)
    assert_refusal(writer, state, "link")
    assert precious.read_text() == "precious"
    assert stat.S_IMODE(precious.stat().st_mode) == 0o644
    assert [path.name for path in victim.iterdir()] == ["precious"]


@pytest.mark.skipif(not ROOT, reason="only root can give files to another user")
@every_writer
def test_another_users_file_is_never_written(tmp_path: Path, writer: Writer) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    foreign = state / writer.target
    if writer.target in {"processes", "spool", "budget.owners"}:
        foreign.mkdir()
    else:
        foreign.write_text("theirs")
    os.chown(foreign, 12345, 12345)
    assert_refusal(writer, state, "belongs to user 12345")
    if foreign.is_dir():
        assert not list(foreign.iterdir())
    elif foreign.stat().st_uid == 12345:
        assert foreign.read_text() == "theirs"


@every_writer
def test_a_folder_in_which_every_user_may_rename_is_refused(
    tmp_path: Path, writer: Writer, no_umask: None
) -> None:
    if writer.name in {"drain", "ledger gate", "spill", "log"}:
        pytest.skip("its folder is checked by whoever makes it")
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    assert_refusal(writer, state, "chmod o-w")
    assert not [path for path in state.rglob("*") if path.is_file()]


@every_writer
def test_an_existing_wide_mode_is_narrowed(tmp_path: Path, writer: Writer, no_umask: None) -> None:
    state = tmp_path / "state"
    writer.write(state)
    for path in state.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if writer.name == "log":
        return  # a log shipper of another user may have to read it
    target = state / writer.target
    writer.write(state)
    if writer.name != "key":  # which is only read again
        assert stat.S_IMODE(target.stat().st_mode) == (0o700 if target.is_dir() else 0o600)


def test_a_special_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((UnsafeFileError, OSError), match=r"not a regular file|No such device"):
        open_private(tmp_path / "pipe", os.O_WRONLY | os.O_CREAT)


def test_truncating_comes_after_the_checks(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "link").symlink_to(precious)
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        open_private(tmp_path / "link", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    assert precious.read_text() == "precious"


def test_a_replacement_that_fails_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"before")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_descriptors_are_not_inherited_by_programs_that_are_started(tmp_path: Path) -> None:
    descriptor = open_private(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)
