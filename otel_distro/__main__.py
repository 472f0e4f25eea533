"""The `otel-distro` program, and `python -m otel_distro`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a program to be launched is, before any of it is loaded."""
    words = sys.argv[2:]
    if sys.argv[1:2] == ["run"] and words and (words[0] == "--" or not words[0].startswith("-")):
        program = words[1:] if words[0] == "--" else words
        if program:
            from otel_distro.bootstrap.launch import execute

            execute(program)
    from otel_distro.cli import main as commands

    commands()


if __name__ == "__main__":
    main()
