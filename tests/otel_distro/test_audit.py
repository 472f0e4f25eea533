"""The audit trail: every decision once, in order, and tamper-evident."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from otel_distro.cli import main
from otel_distro.privacy import audit


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """Three entries."""
    for number in range(3):
        audit.record(tmp_path, "budget.reset", by="ada", number=number)
    return tmp_path / audit.FILE_NAME


Edit = Callable[[list[str]], list[str]]


def change(trail: Path, edit: Edit) -> tuple[str, ...]:
    lines = trail.read_text().splitlines(keepends=True)
    trail.write_text("".join(edit(lines)))
    return audit.verify(trail.parent).problems


def test_recorded_entries_are_read_back(trail: Path) -> None:
    """With author, action, time and number."""
    found = list(audit.entries(trail.parent))

    assert [(e.number, e.action, e.by, e.detail) for e in found] == [
        (n + 1, "budget.reset", "ada", {"number": n}) for n in range(3)
    ]
    assert audit.verify(trail.parent) == audit.Verdict(3, found[-1].hash, ())


def test_only_the_owner_can_read_it(trail: Path) -> None:
    """Both files."""
    for name in (audit.FILE_NAME, "audit.head"):
        assert stat.S_IMODE((trail.parent / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda lines: [lines[0], lines[1].replace("ada", "eve"), lines[2]], "line 2 was changed"),
        (lambda lines: [lines[0], lines[2]], "line 2 does not follow the line before it"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1 has number 2, expected 1"),
        (lambda lines: lines[:2], "the end of the trail is missing or was replaced"),
        (lambda lines: [lines[0], "nonsense\n", *lines[1:]], "line 2 is not an entry"),
        (lambda _lines: [], "the end of the trail is missing or was replaced"),
    ],
    ids=["changed", "removed", "swapped", "cut off", "put in", "emptied"],
)
def test_every_kind_of_change_shows(trail: Path, edit: Edit, problem: str) -> None:
    """Each with its own message."""
    assert problem in change(trail, edit)


def test_a_forged_chain_in_both_files_lacks_the_noted_hash(
    trail: Path,
) -> None:
    """Therefore the last hash should be stored elsewhere."""
    noted = audit.verify(trail.parent).last_hash
    trail.unlink()
    (trail.parent / "audit.head").unlink()
    audit.record(trail.parent, "budget.reset", by="eve")

    assert audit.verify(trail.parent).problems == ()
    expected = f"no entry has the expected hash {noted}"
    assert audit.verify(trail.parent, noted).problems == (expected,)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(at=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_no_byte_can_be_changed_unseen(trail: Path, at: int, flip: int) -> None:
    """At any position, to any value."""
    data = trail.read_bytes()
    changed = bytearray(data)
    changed[at % len(data)] ^= flip
    trail.write_bytes(bytes(changed))
    try:
        assert audit.verify(trail.parent).problems
    finally:
        trail.write_bytes(data)


def test_half_a_line_left_by_a_crash_is_taken_back(trail: Path) -> None:
    """It was never acknowledged; the next entry follows the last whole one."""
    with trail.open("a") as file:
        file.write('{"number": 4, "at": "20')
    audit.record(trail.parent, "consent.granted")

    assert audit.verify(trail.parent).problems == ()
    assert [entry.number for entry in audit.entries(trail.parent)] == [1, 2, 3, 4]


@pytest.mark.process
def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    """Nothing is lost and nothing written twice."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from otel_distro.privacy import audit
        for number in range(20):
            audit.record(Path(sys.argv[1]), "test", by=sys.argv[2], number=number)
        """
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(n)]) for n in range(4)
    ]
    assert [process.wait(60) for process in running] == [0] * 4

    assert audit.verify(tmp_path).problems == ()
    written = [(entry.by, entry.detail["number"]) for entry in audit.entries(tmp_path)]
    assert sorted(written) == sorted((str(by), n) for by in range(4) for n in range(20))


def test_an_unwritable_trail_is_reported(tmp_path: Path) -> None:
    """With the remedy."""
    (tmp_path / audit.FILE_NAME).mkdir()

    with pytest.raises(audit.AuditError, match="OTEL_DISTRO_STATE_DIR names another folder"):
        audit.record(tmp_path, "x")


def test_the_command_checks_it(trail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 for whole, 1 for changed."""
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(trail.parent))
    intact = CliRunner().invoke(main, ["privacy", "audit", "verify", "--json"])
    change(trail, lambda lines: [line.replace("ada", "eve") for line in lines])
    changed = CliRunner().invoke(main, ["privacy", "audit", "verify"])

    assert (intact.exit_code, json.loads(intact.stdout)["ok"]) == (0, True)
    assert (changed.exit_code, "not intact" in changed.output) == (1, True)
