"""A folder of the spool: private, bounded, and never the app's problem."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from otel_distro.export.spool.drain import DAMAGED, drain, drain_lock
from otel_distro.export.spool.export_outcome import ResponseClass, SendResult
from otel_distro.export.spool.folder import SEGMENT_BYTES, SpoolFolder
from otel_distro.export.spool.limits import SpoolLimits
from otel_distro.export.spool.segments import Segment
from otel_host.descriptors import OwnDescriptor
from support.spool import ADDRESS, SpoolReports, Wire

AWAY = SendResult(ResponseClass.TRY_LATER, "refused")


def test_spooled_records_can_be_sent_by_another_process(
    folder: SpoolFolder, wire: Wire, tmp_path: Path, reports: SpoolReports
) -> None:
    """It needs only the folder."""
    assert folder.keep(b"one", 3)
    assert folder.keep(b"two", 2)
    folder.release_segments()
    done = drain(folder.path, wire.send)

    assert b"".join(wire.requests) == b"onetwo"
    assert (done.sent, folder.waiting()) == (5, [])


def test_folders_and_files_are_private_under_any_umask(folder: SpoolFolder) -> None:
    """Telemetry is redacted, and still private."""
    before = os.umask(0)
    try:
        folder.keep(b"payload", 1)
    finally:
        os.umask(before)
    made = [folder.path.parent, folder.path, *folder.path.iterdir()]

    for path in made:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.lstat().st_mode) == expected, path


def test_a_tight_umask_does_not_lock_us_out(folder: SpoolFolder) -> None:
    """Some services run with 0777."""
    before = os.umask(0o777)
    try:
        assert folder.keep(b"payload", 1)
    finally:
        os.umask(before)


def test_a_folder_that_is_a_link_is_refused(
    folder: SpoolFolder, reports: SpoolReports, tmp_path: Path
) -> None:
    """It could point anywhere."""
    folder.path.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    folder.path.symlink_to(tmp_path / "elsewhere")

    assert not folder.keep(b"payload", 1)
    assert "is a link" in str(reports.faults[0])
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_that_is_a_link_is_not_followed(
    folder: SpoolFolder, wire: Wire, tmp_path: Path
) -> None:
    """Draining it would delete or reveal its target."""
    folder.keep(b"payload", 1)
    folder.release_segments()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder.path / "00000000000000000000-1-aaaaaa.spool").symlink_to(secret)
    done = drain(folder.path, wire.send)

    assert secret.read_text() == "secret"
    assert wire.requests == [b"payload"]
    assert done.sent == 1


def test_a_named_pipe_does_not_block_the_drain(folder: SpoolFolder, wire: Wire) -> None:
    """Opening one blocks until there is a writer, unless opened non-blocking."""
    folder.keep(b"payload", 1)
    folder.release_segments()
    os.mkfifo(folder.path / "00000000000000000000-1-aaaaaa.spool")
    done = drain(folder.path, wire.send)

    assert wire.requests == [b"payload"]
    assert done.in_use == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of somebody else")
def test_a_folder_of_another_user_is_refused(folder: SpoolFolder, reports: SpoolReports) -> None:
    """That user could read or replace its files."""
    folder.path.mkdir(parents=True)
    os.chown(folder.path, 4242, 4242)

    assert not folder.keep(b"payload", 1)
    assert "belongs to user 4242" in str(reports.faults[0])


def test_a_state_folder_that_everybody_can_write_is_refused(
    tmp_path: Path, reports: SpoolReports
) -> None:
    """Any user could replace the spool."""
    state = tmp_path / "open"
    state.mkdir()
    state.chmod(0o777)

    assert not SpoolFolder(state, ADDRESS, reports, SpoolLimits()).keep(b"payload", 1)
    assert "chmod o-w" in str(reports.faults[0])


def test_at_the_limit_the_oldest_is_dropped_and_counted(
    tmp_path: Path, reports: SpoolReports, wire: Wire
) -> None:
    """kept = sent + dropped, exactly."""
    limit = 8 * SEGMENT_BYTES
    folder = SpoolFolder(tmp_path, ADDRESS, reports, SpoolLimits(limit))
    block = bytes(SEGMENT_BYTES // 4)
    for number in range(60):
        assert folder.keep(number.to_bytes(4, "big") + block, 1)
        assert sum(path.stat().st_size for path in folder.path.iterdir()) <= limit + 1000
    folder.release_segments()
    done = drain(folder.path, wire.send)
    numbers = [int.from_bytes(request[:4], "big") for request in wire.requests]

    assert done.sent + reports.lost["spool_full"] == 60
    assert numbers == list(range(60 - done.sent, 60))
    assert done.sent >= 25


def test_a_request_larger_than_the_limit_is_not_spooled(
    tmp_path: Path, reports: SpoolReports
) -> None:
    """It would evict all other requests."""
    folder = SpoolFolder(tmp_path, ADDRESS, reports, SpoolLimits(1000))

    assert not folder.keep(bytes(2000), 1)


def test_a_full_disk_is_reported_and_stored_records_stay_readable(
    folder: SpoolFolder, reports: SpoolReports, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partial record is truncated."""
    folder.keep(b"before", 1)
    write = os.pwrite

    def full(descriptor: int, data: bytes, position: int) -> int:
        if len(data) > 8:
            write(descriptor, data[:8], position)
            raise OSError(28, "No space left on device")
        return write(descriptor, data, position)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        assert not folder.keep(b"during", 1)
    monkeypatch.setattr(folder, "_retry_at", 0.0)
    assert folder.keep(b"after", 1)
    folder.release_segments()
    drain(folder.path, wire.send)

    assert b"".join(wire.requests) == b"beforeafter"
    assert "No space left" in str(reports.faults[0])


def test_a_full_device_is_reported(folder: SpoolFolder, reports: SpoolReports) -> None:
    """With the message of the system."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    folder.keep(b"before", 1)
    segment = folder._segment
    assert segment is not None
    full = os.open("/dev/full", os.O_RDWR)
    segment._own = OwnDescriptor(full, "/dev/full")

    assert not folder.keep(b"payload", 1)
    assert isinstance(reports.faults[0], OSError)


def test_a_deleted_folder_is_recreated(folder: SpoolFolder, wire: Wire) -> None:
    """Users delete caches."""
    import shutil

    folder.keep(b"gone", 1)
    folder.release_segments()
    shutil.rmtree(folder.path)
    folder.keep(b"lost to the race", 1)
    folder._retry_at = 0.0

    assert folder.keep(b"new", 1)


def test_unsent_records_stay(folder: SpoolFolder, wire: Wire) -> None:
    """And is sent once, next time."""
    for number in range(3):
        folder.keep(bytes([number]) * 600_000, 1)
    folder.release_segments()
    wire.answers = [SendResult(ResponseClass.DELIVERED), AWAY]
    first = drain(folder.path, wire.send)
    second_drain = drain(folder.path, wire.send)

    assert (first.sent, first.refused) == (1, AWAY)
    assert second_drain.sent == 2


def test_permanently_rejected_records_do_not_block_the_rest(
    folder: SpoolFolder, wire: Wire
) -> None:
    """It is counted."""
    folder.keep(bytes(900_000), 7)
    folder.keep(bytes(900_000), 5)
    folder.release_segments()
    wire.answers = [SendResult(ResponseClass.REJECTED, "it answered 400")]
    done = drain(folder.path, wire.send)

    assert (done.rejected, done.sent, folder.waiting()) == (7, 5, [])


def test_spooled_records_stay_without_a_receiver(folder: SpoolFolder, wire: Wire) -> None:
    """A wrong address may be fixed later."""
    folder.keep(b"payload", 1)
    folder.release_segments()
    wire.answers = [SendResult(ResponseClass.UNSUPPORTED, "it answered 404")]
    drain(folder.path, wire.send)

    assert len(folder.waiting()) == 1


def test_a_damaged_file_is_sent_as_far_as_it_is_sound_and_set_aside(
    folder: SpoolFolder, wire: Wire
) -> None:
    """The rest is not affected."""
    for payload in (b"a" * 50, b"b" * 50, b"c" * 50):
        folder.keep(payload, 2)
    folder.release_segments()
    folder.keep(b"next file", 1)
    folder.release_segments()
    first = folder.path / folder.waiting()[0]
    data = bytearray(first.read_bytes())
    data[data.index(b"b" * 50) + 3] ^= 1
    first.write_bytes(data)
    done = drain(folder.path, wire.send)

    assert wire.requests == [b"a" * 50, b"c" * 50, b"next file"]
    assert (done.sent, done.damaged, folder.waiting()) == (5, 2, [])
    assert done.set_aside == [first.with_name(first.name + DAMAGED)]


def test_damaged_files_do_not_pile_up(folder: SpoolFolder, wire: Wire) -> None:
    """A few are enough for a diagnosis."""
    for _ in range(9):
        folder.keep(b"payload", 1)
        folder.release_segments()
        (folder.path / folder.waiting()[0]).write_bytes(b"not ours")
        drain(folder.path, wire.send)

    assert len(list(folder.path.glob(f"*{DAMAGED}"))) == 4


def test_a_segment_in_use_is_left_to_its_writer(folder: SpoolFolder, wire: Wire) -> None:
    """Until they close it or die."""
    folder.keep(b"payload", 1)
    busy = drain(folder.path, wire.send)
    folder.release_segments()
    free = drain(folder.path, wire.send)

    assert (busy.sent, busy.in_use) == (0, 1)
    assert (free.sent, free.in_use) == (1, 0)


def test_only_one_sends_at_a_time(folder: SpoolFolder) -> None:
    """The second sender gets an error."""
    folder.keep(b"payload", 1)
    with drain_lock(folder.path) as first, drain_lock(folder.path) as second:
        assert (first, second) == (True, False)
    with drain_lock(folder.path) as later:
        assert later


def test_small_records_are_joined_into_requests_of_a_fair_size(
    folder: SpoolFolder, wire: Wire
) -> None:
    """A journal has one span per record."""
    for _ in range(1100):
        folder.keep(b"x" * 10, 1)
    folder.release_segments()
    done = drain(folder.path, wire.send)

    assert [len(request) for request in wire.requests] == [5120, 5120, 760]
    assert done.sent == 1100


def test_apps_places_and_signals_have_separate_folders() -> None:
    """No app sends records of another app, or to another endpoint."""
    from dataclasses import replace

    addresses = [
        ADDRESS,
        replace(ADDRESS, service="other"),
        replace(ADDRESS, endpoint="http://other/v1/traces"),
        replace(ADDRESS, signal="logs"),
    ]

    assert len({address.names for address in addresses}) == 4


def test_a_segment_is_never_seen_before_it_is_locked(tmp_path: Path) -> None:
    """Otherwise another process could take it from its writer."""
    segment = Segment.create(tmp_path)

    assert Segment.take(segment.path) is None
    segment.release()
    taken = Segment.take(segment.path)
    assert taken is not None
    taken.release()
