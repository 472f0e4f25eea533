"""Counts of redactions by day and kind in a small file: numbers only, with consent only."""

from __future__ import annotations

import json
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.pipeline import redaction_tally
from otel_distro.pipeline.redaction_tally import RedactionTally, append, read_tally, tally_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class RecordingObserver:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        self.seen.append((signal, dict(tally)))

    def failed(self, signal: str, error: BaseException) -> None:
        self.seen.append((signal, error))


def tally_in(folder: Path, *, may_write: bool = True) -> RedactionTally:
    return RedactionTally(folder, RecordingObserver(), lambda: may_write)


def test_counts_of_all_processes_add_up_by_day(tmp_path: Path) -> None:
    """Two processes, one day."""
    for _ in range(2):
        tally = tally_in(tmp_path)
        tally.redacted("traces", {"email": 2, "card": 1})
        tally.redacted("logs", {"email": 1})
        tally.write()

    ((day_ns, counts),) = read_tally(tmp_path)
    assert counts == {"email": 6, "card": 2}
    assert 0 <= time.time_ns() - day_ns < 86_400 * 10**9


def test_everything_is_passed_on(tmp_path: Path) -> None:
    """Counting runs before the metrics."""
    observer = RecordingObserver()
    tally = RedactionTally(tmp_path, observer, lambda: True)
    error = ValueError()
    tally.redacted("logs", {"email": 1})
    tally.failed("traces", error)

    assert observer.seen == [("logs", {"email": 1}), ("traces", error)]


def test_nothing_is_written_without_consent(tmp_path: Path) -> None:
    """Nor without redactions."""
    tally = tally_in(tmp_path / "a", may_write=False)
    tally.redacted("logs", {"email": 1})
    tally.write()
    tally_in(tmp_path / "a").write()

    assert not (tmp_path / "a").exists()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """0600 in 0700."""
    tally = tally_in(tmp_path / "state")
    tally.redacted("logs", {"email": 1})
    tally.write()

    assert stat.S_IMODE(tally_file(tmp_path / "state").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_link_at_its_path_is_not_followed(tmp_path: Path) -> None:
    """Without an error in the app."""
    target = tmp_path / "target"
    tally_file(tmp_path).symlink_to(target)
    tally = tally_in(tmp_path)
    tally.redacted("logs", {"email": 1})
    tally.write()

    assert not target.exists()


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    """A crash may truncate a line."""
    append(tally_file(tmp_path), '[1,{"email":2}]\nnonsense\n[2]\n[3,{"card":"x"}]\n[4,{"card":1')

    assert read_tally(tmp_path) == [(86_400 * 10**9, {"email": 2})]


def test_a_long_file_is_folded_to_a_line_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same sums."""
    monkeypatch.setattr(redaction_tally, "_LONGEST", 300)
    for _ in range(50):
        tally = tally_in(tmp_path)
        tally.redacted("logs", {"email": 1})
        tally.write()

    assert [counts for _, counts in read_tally(tmp_path)] == [{"email": 50}]
    assert len(tally_file(tmp_path).read_text().splitlines()) < 20


def test_threads_lose_no_count(tmp_path: Path) -> None:
    """Four threads, a thousand each."""
    tally = tally_in(tmp_path)

    def count() -> None:
        for _ in range(1000):
            tally.redacted("logs", {"a": 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.write()

    assert json.loads(tally_file(tmp_path).read_text())[1] == {"a": 4000}
