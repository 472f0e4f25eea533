"""The command line of a generator: the one path that it writes to."""

from __future__ import annotations

import argparse
from pathlib import Path


def target(description: str | None) -> Path:
    """Return the path on the command line; `--help` prints the first line of *description*.

    Anything else than one path ends the program with a message and status 2.
    """
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("path", type=Path, help="file or folder to write")
    path: Path = parser.parse_args().path
    return path
