"""Default folder for files on disk."""

from __future__ import annotations

import os
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "otel-distro"
_PRIVATE: Final = 0o700


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_STATE_HOME/otel-distro`, or the default below the home folder.

    A relative `XDG_STATE_HOME` is ignored, as its specification requires. Without a writable home
    folder (unknown users in containers have none) it is a private folder of this user below the
    temporary folder. Never raises; the folder may not exist yet.
    """
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return Path(state) / NAME
    home = _home(environ)
    if home is None:
        return _temporary()
    folder = home / ".local" / "state" / NAME
    return folder if _can_be_made(folder) else _temporary(folder)


def needs_no_home(folder: Path) -> bool:
    """Return whether *folder* is the substitute for a missing home folder."""
    return folder.name.startswith(f"{NAME}-") and folder.parent == _temporary_root()


def _home(environ: Mapping[str, str]) -> Path | None:
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except (RuntimeError, KeyError, OSError):
        return None


def _can_be_made(folder: Path) -> bool:
    try:
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    except (OSError, ValueError, StopIteration):
        return False


def _temporary(otherwise: Path | None = None) -> Path:
    """Return a private folder of this user, shared by the user's processes where safe."""
    root = _temporary_root()
    if root is None:
        return otherwise or Path("/nonexistent") / NAME
    shared = root / f"{NAME}-{os.geteuid()}"
    try:
        shared.mkdir(mode=_PRIVATE)
    except FileExistsError:
        pass
    except OSError:
        return shared
    if _is_private(shared):
        return shared
    # Another user created it first. Files of other processes are not found, but none is exposed.
    return _of_this_process(root) or otherwise or Path("/nonexistent") / NAME


@cache
def _of_this_process(root: Path) -> Path | None:
    try:
        return Path(tempfile.mkdtemp(prefix=f"{NAME}-", dir=root))
    except OSError:
        return None


def _temporary_root() -> Path | None:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return None


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return False
        if status.st_mode & 0o077:
            folder.chmod(_PRIVATE)
    except OSError:
        return False
    return True
