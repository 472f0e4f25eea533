"""Creation and replacement of private files and folders; no other module does this.

A file is 0600 and a folder 0700 from its creation, with any umask. Links, special files and files
of other users are refused. Descriptors are never inherited by started programs.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_WIDE: Final = 0o077
# Without O_NONBLOCK, opening a named pipe would never return.
_SAFE: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
)


class UnsafeFileError(OSError):
    """A file or folder that another user could read or replace; `strerror` has the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EPERM, message)

    def __str__(self) -> str:
        return str(self.strerror)


def make_private_folder(folder: Path) -> None:
    """Create *folder*, 0700, unless it exists; missing parents follow the umask.

    Raises UnsafeFileError if every user may rename files in it, and OSError if it is no directory
    or cannot be created. The mode of an existing folder is unchanged.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=FOLDER_MODE)
            folder.chmod(FOLDER_MODE)  # the umask may have removed required bits
    file_stat = folder.stat()
    if not stat.S_ISDIR(file_stat.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    # In a sticky directory such as /tmp other users cannot rename these files.
    if file_stat.st_mode & stat.S_IWOTH and not file_stat.st_mode & stat.S_ISVTX:
        raise UnsafeFileError(
            f"{folder} is writable by every user, who could replace private files in it; "
            f"run: chmod o-w {folder}"
        )


def make_own_folder(folder: Path) -> None:
    """Create *folder*, 0700, in an existing parent; one that exists is checked and made 0700.

    Raises UnsafeFileError if it is a link, no directory or another user's.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=FOLDER_MODE)
    file_stat = folder.lstat()
    if not stat.S_ISDIR(file_stat.st_mode):
        raise UnsafeFileError(f"{folder} is a link or no directory; move it away")
    _check_owner(folder, file_stat)
    if stat.S_IMODE(file_stat.st_mode) != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def check_private(path: Path) -> None:
    """Raise UnsafeFileError if *path* is a link, a special file or another user's.

    A path without a file is accepted. Nothing is opened: closing a second descriptor of a SQLite
    file would release the locks of every connection of this process.
    """
    try:
        file_stat = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(file_stat.st_mode):
        raise UnsafeFileError(
            f"{path} is a symbolic link, which could redirect writes to another file; "
            "name the real file instead"
        )
    _check_file(path, file_stat)


def create_private(path: Path, flags: int = os.O_RDWR) -> int:
    """Create the file *path*, 0600, and return its descriptor; raises FileExistsError."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE)
    if hasattr(os, "fchmod"):
        try:
            os.fchmod(descriptor, FILE_MODE)  # the umask may have removed required bits
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def open_private(path: Path, flags: int = os.O_RDWR, *, narrow: bool = True) -> int:
    """Open *path* and return the descriptor; O_CREAT in *flags* creates a missing file.

    An existing file that other users may read is made 0600 when opened for writing, unless *narrow*
    is false, for paths that may refer to a file of another program. O_TRUNC takes effect only after
    the checks. Raises UnsafeFileError for a link, a special file or a file of another user.
    """
    truncate = flags & os.O_TRUNC
    while True:
        with suppress(FileNotFoundError):
            return _open_existing(path, flags & ~(os.O_CREAT | os.O_TRUNC), truncate, narrow)
        if not flags & os.O_CREAT:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with suppress(FileExistsError):
            return create_private(path, flags & ~os.O_TRUNC)


def _open_existing(path: Path, flags: int, truncate: int, narrow: bool) -> int:  # noqa: FBT001
    if flags & os.O_EXCL:
        raise FileNotFoundError(path)
    try:
        descriptor = os.open(path, flags | _SAFE)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK} and path.is_symlink():
            raise UnsafeFileError(
                f"{path} is a symbolic link, which could redirect writes to another file; "
                "move it away"
            ) from error
        raise
    try:
        file_stat = os.fstat(descriptor)
        _check_file(path, file_stat)
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        if writes and narrow and file_stat.st_mode & _WIDE and hasattr(os, "fchmod"):
            os.fchmod(descriptor, FILE_MODE)
        if truncate:
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def create_missing(path: Path) -> None:
    """Create an empty file *path*, 0600; an existing one is only checked.

    For files that SQLite opens next, which gives `-wal` and `-shm` the mode of the main file.
    Raises UnsafeFileError as `check_private`.
    """
    check_private(path)
    with suppress(FileExistsError):
        os.close(create_private(path))
    check_private(path)


def narrow_mode(path: Path) -> None:
    """Make the file *path* 0600 if other users may read it; a link or a missing file is ignored."""
    with suppress(OSError):
        file_stat = path.lstat()
        if stat.S_ISREG(file_stat.st_mode) and file_stat.st_mode & _WIDE:
            path.chmod(FILE_MODE)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file, 0600, that replaces *path* at the end of the body; raises OSError.

    The content is synced to disk before the rename. If the body raises, *path* is unchanged and the
    new file is removed. The folder must exist.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file: Any = os.fdopen(create_private(aside), "w+b")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def write_private(path: Path, data: bytes) -> None:
    """Replace the file *path* by *data*, 0600, atomically; creates the folder; raises OSError."""
    make_private_folder(path.parent)
    with replacing(path) as file:
        file.write(data)


def link_private(path: Path, data: bytes) -> None:
    """Create the file *path* with *data*, 0600, unless another process is first; raises OSError."""
    make_private_folder(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(create_private(aside), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        with suppress(OSError):
            aside.unlink()


def sync_folder(folder: Path) -> None:
    """Sync the names in *folder* to disk, if the system supports that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check_file(path: Path, file_stat: os.stat_result) -> None:
    if not stat.S_ISREG(file_stat.st_mode):
        raise UnsafeFileError(f"{path} is not a regular file; move it away or choose another path")
    _check_owner(path, file_stat)


def _check_owner(path: Path, file_stat: os.stat_result) -> None:
    if hasattr(os, "geteuid") and file_stat.st_uid != os.geteuid():
        raise UnsafeFileError(
            f"{path} belongs to user {file_stat.st_uid}, not to this user ({os.geteuid()}); "
            "move it away or choose another path"
        )
