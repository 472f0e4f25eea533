"""Where state is kept for a user that has no home, as containers with arbitrary user ids have."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

_TRIES: Final = 10


def folder_without_home() -> Path:
    """Return a folder among the temporary files that is private and this user's own.

    The same one for all processes of the user. Others may write among the temporary files, so a
    folder of theirs, or a link, under the name is passed over.
    """
    base = Path(tempfile.gettempdir())
    user = os.getuid()
    for number in range(_TRIES):
        folder = base / (f"otel-distro-{user}" if number == 0 else f"otel-distro-{user}.{number}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError:
            return folder  # nothing can be kept there, which is reported by whoever tries to
        if _is_private(folder, user):
            return folder
    return Path(tempfile.mkdtemp(prefix=f"otel-distro-{user}-"))


def _is_private(folder: Path, user: int) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o077
