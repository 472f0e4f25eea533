"""The state folder, with and without a home folder."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from otel_cost_ledger.model import state_folder
from otel_cost_ledger.model.state_folder import default_state_dir, needs_no_home


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this machine, empty."""
    root = tmp_path / "tmp"
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    state_folder._of_this_process.cache_clear()
    return root


def own(root: Path) -> Path:
    return root / f"otel-distro-{os.geteuid()}"


def test_the_variable_wins_and_a_relative_one_is_ignored(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert default_state_dir({**home, "XDG_STATE_HOME": "/var/state"}) == Path(
        "/var/state/otel-distro"
    )
    assert default_state_dir({**home, "XDG_STATE_HOME": "state"}) == (
        tmp_path / ".local" / "state" / "otel-distro"
    )


def test_without_a_home_it_is_a_private_folder_of_the_user(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of one user share it."""

    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    found = default_state_dir({})

    assert found == own(temporary) == default_state_dir({})
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    assert needs_no_home(found)
    assert not needs_no_home(temporary)


def test_a_home_that_is_a_file_is_none(temporary: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    assert default_state_dir({"HOME": str(home)}) == own(temporary)


def test_a_folder_that_others_may_read_is_made_private(temporary: Path, tmp_path: Path) -> None:
    own(temporary).mkdir(mode=0o755)
    (tmp_path / "home").write_text("")
    found = default_state_dir({"HOME": str(tmp_path / "home")})

    assert found == own(temporary)
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_a_folder_created_by_another_user_is_not_used(temporary: Path, tmp_path: Path) -> None:
    """It may be a link; each process then has its own folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    own(temporary).symlink_to(elsewhere)
    (tmp_path / "home").write_text("")
    found = default_state_dir({"HOME": str(tmp_path / "home")})

    assert found not in (own(temporary), elsewhere)
    assert found.parent == temporary
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    assert list(elsewhere.iterdir()) == []


def test_without_a_writable_folder_a_path_is_still_returned(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers report the error; finding the folder never raises."""
    (tmp_path / "home").write_text("")
    home = {"HOME": str(tmp_path / "home")}

    def refused(*_: object, **__: object) -> str:
        raise OSError("no")

    own(temporary).symlink_to(tmp_path)
    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    assert default_state_dir(home) == tmp_path / "home" / ".local" / "state" / "otel-distro"
    monkeypatch.setattr(tempfile, "gettempdir", refused)
    assert default_state_dir(home) == tmp_path / "home" / ".local" / "state" / "otel-distro"
    assert not needs_no_home(own(temporary))


def test_a_temporary_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    (tmp_path / "home").write_text("")
    assert default_state_dir({"HOME": str(tmp_path / "home")}) == own(tmp_path / "gone")
