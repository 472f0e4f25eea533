"""Ledger paths, and checks against access by other users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.errors import LedgerError, UnsafePathError
from otel_cost_ledger.model.state_folder import default_state_dir
from otel_host import private_files
from otel_host.private_files import UnsafeFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SIDE_FILES: Final = ("-wal", "-shm", ".lock", ".maintenance", ".spill.jsonl")


def default_ledger_path(environ: Mapping[str, str]) -> Path:
    """Return the path of `ledger.db` in `default_state_dir`."""
    return default_state_dir(environ) / "ledger.db"


def prepare_file(path: Path) -> None:
    """Create the private file *path* and its directory if missing; raises `LedgerError`.

    SQLite gives `-wal` and `-shm` the mode of the main file, so creating that one with 0600 before
    SQLite opens it makes all of them private, independent of the process's umask.
    """
    _prepare_directory(path.parent)
    for side in _SIDE_FILES:
        check_private(path.with_name(path.name + side))
    try:
        private_files.create_missing(path)
    except UnsafeFileError as error:
        raise UnsafePathError(str(error)) from error
    except OSError as error:
        raise LedgerError(
            f"cannot open cost ledger {path}: {error.strerror}; choose a writable file"
        ) from error


def check_private(path: Path) -> None:
    """Raise `UnsafePathError` if *path* exists and is a link, a special file or another user's."""
    try:
        private_files.check_private(path)
    except UnsafeFileError as error:
        raise UnsafePathError(str(error)) from error
    except OSError as error:
        raise LedgerError(f"cannot inspect {path}: {error.strerror}") from error


def _prepare_directory(directory: Path) -> None:
    try:
        private_files.make_private_folder(directory)
    except UnsafeFileError as error:
        raise UnsafePathError(str(error)) from error
    except OSError as error:
        raise LedgerError(
            f"cannot use {directory} for the cost ledger: {error.strerror}; "
            f"choose a directory you can write to"
        ) from error


def identity(path: Path) -> tuple[int, int] | None:
    """Return the identity (device, inode) of the file; None without a file."""
    try:
        file_stat = path.stat()
    except FileNotFoundError:
        return None
    return file_stat.st_dev, file_stat.st_ino
