"""The `otel-distro` program, and `python -m otel_distro`."""

from __future__ import annotations

import os
import sys

from otel_distro.base.platforms import unsupported


def main() -> None:
    """Run the command line; `run` launches its program before importing any of it."""
    if problem := unsupported():
        print(f"otel-distro: {problem}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    words = sys.argv[2:]
    if sys.argv[1:2] == ["run"] and words and (words[0] == "--" or not words[0].startswith("-")):
        program = words[1:] if words[0] == "--" else words
        if program:
            from otel_distro.bootstrap.launch import execute

            execute(program)
    from otel_distro.bootstrap.standard_variables import repair

    repair(os.environ)  # before the SDK is imported, which raises on some values
    from otel_distro.cli import main as commands

    commands()


if __name__ == "__main__":
    main()
