"""The key of user and session pseudonyms in this installation's ledger.

Created at first use, readable only by its owner. Deleting the file makes every pseudonym in the
ledger unlinkable to any person, permanently.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from otel_host.private_files import link_private

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "pseudonym.key"
_BYTES = 32


def installation_key(state_dir: Path) -> bytes | None:
    """Return the key in *state_dir*, created if missing; None if it cannot be stored.

    Processes that start together agree on one key: only the first can link its file into place.
    """
    path = state_dir / FILE_NAME
    try:
        if not path.exists():
            link_private(path, secrets.token_bytes(_BYTES))
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) >= _BYTES else None


def existing_key(state_dir: Path) -> bytes | None:
    """Return the key in *state_dir*; None if missing, without creating it."""
    try:
        key = (state_dir / FILE_NAME).read_bytes()
    except OSError:
        return None
    return key if len(key) >= _BYTES else None
