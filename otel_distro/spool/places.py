"""Folders and files of the spool: private, ours, and not what somebody else put there."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_distro.errors import OtelDistroError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)


class UnsafeSpoolError(OtelDistroError):
    """A folder or file of the spool belongs to somebody else or is a link."""


def prepare_folder(state_dir: Path, *names: str) -> Path:
    """Make the private folder *names* below *state_dir* and return it; check it if it is there.

    Raises OSError when it cannot be made, and UnsafeSpoolError when one of the folders is a link,
    somebody else's, or in a place where everybody can replace it.
    """
    if not state_dir.is_dir():
        state_dir.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            state_dir.mkdir(mode=FOLDER_MODE)
    found = state_dir.stat()
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise UnsafeSpoolError(
            f"{state_dir} is writable by every user, who could replace the spool in it; "
            f"run: chmod o-w {state_dir}"
        )
    folder = state_dir
    for name in names:
        folder = folder / name
        _make_private(folder)
    return folder


def _make_private(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=FOLDER_MODE)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeSpoolError(f"{folder} is a link or no folder; move it away")
    check_owner(folder, found)
    if stat.S_IMODE(found.st_mode) != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)  # the umask may have removed bits, somebody may have added some


def check_owner(path: Path, found: os.stat_result) -> None:
    """Raise UnsafeSpoolError unless what was *found* at *path* is ours."""
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise UnsafeSpoolError(
            f"{path} belongs to user {found.st_uid}, not to us ({os.geteuid()}); move it away, or "
            "name another folder with OTEL_DISTRO_STATE_DIR"
        )


def create_private(path: Path) -> int:
    """Make the file *path*, which must not exist, readable by its owner only; return it open."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NOFOLLOW, FILE_MODE)
    _make_file_private(descriptor)
    return descriptor


def open_private(path: Path, flags: int = os.O_RDWR) -> int:
    """Open *path* unless it is a link, a special file or somebody else's."""
    # Without O_NONBLOCK a named pipe would hold us for ever.
    descriptor = os.open(path, flags | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0), FILE_MODE)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnsafeSpoolError(f"{path} is not a regular file; move it away")
        check_owner(path, found)
        if flags & os.O_CREAT:
            _make_file_private(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make_file_private(descriptor: int) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, FILE_MODE)


def sync_folder(folder: Path) -> None:
    """Make names in *folder* survive a power cut; systems that cannot do it do without."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
