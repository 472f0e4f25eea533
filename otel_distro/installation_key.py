"""The key under which this installation's ledger knows users and sessions.

Made at first use, readable by its owner only. Deleting the file makes every pseudonym in the
ledger unlinkable to anybody, for ever.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "pseudonym.key"
_BYTES = 32


def installation_key(state_dir: Path) -> bytes | None:
    """Return the key kept in *state_dir*, made if there is none; None if it cannot be kept.

    Processes that start together agree on one key: it is written aside and linked into place,
    which only the first of them can do.
    """
    path = state_dir / FILE_NAME
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) >= _BYTES else None


def existing_key(state_dir: Path) -> bytes | None:
    """Return the key kept in *state_dir*; None if there is none, and none is made."""
    try:
        key = (state_dir / FILE_NAME).read_bytes()
    except OSError:
        return None
    return key if len(key) >= _BYTES else None


def _make(path: Path) -> None:
    aside = path.with_name(f"{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
