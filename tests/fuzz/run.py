"""Search for bytes that break something.

    python tests/fuzz/run.py redactor [--seconds 120]
    python tests/fuzz/run.py attributes | otlp_json | settings_file | spool_file

With atheris (`pip install atheris`, Linux) guided by coverage; without, by mutations of seeds. Ends
with the input, as Python bytes, when it has found some.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), *(str(TESTS.parent / name) for name in ("processors", "exporters"))]

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz.targets import Target

NAMES = ("redactor", "attributes", "otlp_json", "settings_file", "spool_file")


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    if importlib.util.find_spec("atheris") is not None:
        return guided(chosen.target, chosen.seconds)
    seed = chosen.seed if chosen.seed is not None else random.randrange(2**32)
    return unguided(chosen.target, chosen.seconds, seed)


def guided(name: str, seconds: int) -> int:
    atheris = importlib.import_module("atheris")  # optional, and without types

    with atheris.instrument_imports(
        include=[
            "otel_redaction",
            "otel_pricing",
            "otel_distro",
            "otel_budget",
            "otel_wire",
            "tomllib",
        ]
    ):
        from fuzz.targets import TARGETS

        target = TARGETS[name]
        for seed in target.seeds:  # much is imported when it is first used
            target.feed(seed)
    folder = Path(tempfile.mkdtemp(prefix=f"otel-distro-fuzz-{name}-"))
    for number, seed in enumerate(target.seeds):
        (folder / str(number)).write_bytes(seed)
    words = folder.with_suffix(".dict")
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in quoted))
    options = [f"-max_total_time={seconds}", f"-dict={words}", "-max_len=4096", "-timeout=20"]
    atheris.Setup(
        [name, *options, f"-artifact_prefix={folder}-", "-print_final_stats=1", str(folder)],
        telling(target),
    )
    atheris.Fuzz()
    return 0


def unguided(name: str, seconds: int, seed: int) -> int:
    from fuzz.mutation import mutated
    from fuzz.targets import TARGETS

    target, rng = TARGETS[name], random.Random(seed)
    feed = telling(target)
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        try:
            feed(mutated(target, rng))
        except Exception:
            traceback.print_exc()
            return 1
        count += 1
    print(f"{name}: {count:,} inputs in {seconds} s, seed {seed}: nothing found")
    return 0


def telling(target: Target) -> Callable[[bytes], None]:
    """Return the target; it prints the input that breaks it, ready for a test."""

    def feed(data: bytes) -> None:
        try:
            target.feed(data)
        except BaseException:
            print(f"broken by {data!r}", file=sys.stderr)
            raise

    return feed


if __name__ == "__main__":
    sys.exit(main())
