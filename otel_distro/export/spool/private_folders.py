"""The folders of the spool: private to their user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_host.private_files import make_own_folder, make_private_folder

if TYPE_CHECKING:
    from pathlib import Path


def prepare_folder(state_dir: Path, *names: str) -> Path:
    """Create the private folder *names* below *state_dir* and return it; check it if it exists.

    Raises OSError if it cannot be created, and UnsafeFileError if one of the folders is a link,
    another user's, or replaceable by other users.
    """
    make_private_folder(state_dir)
    folder = state_dir
    for name in names:
        folder = folder / name
        make_own_folder(folder)
    return folder
