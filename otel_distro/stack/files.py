"""The stack's files and their copies for compose.

An installed wheel has them inside this package; a checkout at its root.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from otel_distro.base.errors import OtelDistroError

COMPOSE_FILE = "docker-compose.yml"
ENTRIES = (COMPOSE_FILE, ".env.example", "collector-config")
"""Everything that compose needs, relative to one folder."""

_IN_THE_WHEEL = Path(__file__).parent / "bundle"
_IN_A_CHECKOUT = Path(__file__).parents[2]
_PASSWORD = "GRAFANA_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable


class StackError(OtelDistroError):
    """The stack cannot be written or started, with the remedy."""


def bundled() -> Path:
    """Return the folder of the stack's files as shipped; raises `StackError` if there is none."""
    for folder in (_IN_THE_WHEEL, _IN_A_CHECKOUT):
        if all((folder / entry).exists() for entry in ENTRIES):
            return folder
    raise StackError(
        "the stack's files are not part of this installation; "
        "install the wheel, or take docker-compose.yml and collector-config/ from the sources"
    )


def write_files(folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Copy the stack's files into *folder*; return the written paths.

    Existing files are kept, unless *overwrite*: they may have been edited.
    """
    source = bundled()
    written = []
    for origin in _files(source):
        target = folder / origin.relative_to(source)
        if target.exists() and not overwrite:
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, target)
        except OSError as error:
            raise StackError(f"cannot write {target}: {error.strerror}") from error
        written.append(target)
    return written


def write_password(folder: Path) -> bool:
    """Create `.env` with a random Grafana password; return False if it already exists."""
    path = folder / ".env"
    if path.exists():
        return False
    example = (folder / ".env.example").read_text(encoding="utf-8")
    path.touch(mode=0o600)
    path.write_text(
        example.replace(f"{_PASSWORD}=\n", f"{_PASSWORD}={secrets.token_urlsafe(24)}\n"),
        encoding="utf-8",
    )
    return True


def _files(source: Path) -> list[Path]:
    files = []
    for entry in ENTRIES:
        path = source / entry
        files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return files
