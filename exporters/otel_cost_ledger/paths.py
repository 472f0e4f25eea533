"""Where a ledger lives, and the checks that nobody else can read or replace it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.errors import LedgerError, UnsafePathError
from otel_cost_ledger.state_folder import default_state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600

_SIDE_FILES: Final = ("-wal", "-shm", ".lock", ".maintenance", ".spill.jsonl")


def default_ledger_path(environ: Mapping[str, str]) -> Path:
    """Return `ledger.db` in the folder that `default_state_dir` names."""
    return default_state_dir(environ) / "ledger.db"


def prepare_file(path: Path) -> None:
    """Make *path* an existing private file in an existing directory, or raise `LedgerError`.

    SQLite gives `-wal` and `-shm` the mode of the main file, so creating that one with 0600
    before SQLite sees it makes all of them private whatever the process's umask is.
    """
    _prepare_directory(path.parent)
    for side in _SIDE_FILES:
        check_private(path.with_name(path.name + side))
    check_private(path)
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise LedgerError(
            f"cannot open cost ledger {path}: {error.strerror}; choose a writable file"
        ) from error
    os.close(descriptor)


def open_private(path: Path, flags: int) -> int:
    """Open *path* with *flags* and return the descriptor; a new file is 0600, a link refused."""
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), FILE_MODE)
    if flags & os.O_CREAT and hasattr(os, "fchmod"):
        # The umask may have removed bits we need; files of others never get this far.
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def check_private(path: Path) -> None:
    """Raise `UnsafePathError` if *path* exists and is a link, a special file or another user's."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise LedgerError(f"cannot look at {path}: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode):
        raise UnsafePathError(
            f"{path} is a symbolic link, which could make us write to another file; "
            f"name the real file instead"
        )
    if not stat.S_ISREG(found.st_mode):
        raise UnsafePathError(f"{path} is not a regular file; choose another path")
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        raise UnsafePathError(
            f"{path} belongs to user {found.st_uid}, not to us ({os.geteuid()}); "
            f"choose a file of your own"
        )


def _prepare_directory(directory: Path) -> None:
    try:
        # Only the last directory is ours to make private; parents follow the umask.
        directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            directory.mkdir(mode=DIRECTORY_MODE)
        except FileExistsError:
            pass
        else:
            directory.chmod(DIRECTORY_MODE)
        found = directory.stat()
    except OSError as error:
        raise LedgerError(
            f"cannot use {directory} for the cost ledger: {error.strerror}; "
            f"choose a directory you can write to"
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise LedgerError(f"{directory} is not a directory; choose another path for the ledger")
    # In a sticky directory such as /tmp nobody can replace our files, and files that others
    # left there under these names have been refused.
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise UnsafePathError(
            f"{directory} is writable by every user, who could replace the cost ledger; "
            f"choose a private directory, or run: chmod o-w {directory}"
        )


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this file from one that took its name; None when there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
