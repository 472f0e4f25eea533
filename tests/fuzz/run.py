"""Search for input that breaks something.

    python tests/fuzz/run.py redactor [--seconds 120]     # a reader of bytes, see targets.py
    python tests/fuzz/run.py page [--seconds 120]         # an entry point, see entry_points/
    python tests/fuzz/run.py all --seconds 400            # all of them, in equal parts

Readers of bytes are searched with atheris (`pip install atheris`, Linux), guided by coverage, or
else by mutations of seeds; entry points by strategies of their input. Ends with the input when it
has found some.
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

READERS = ("redactor", "attributes", "otlp_json", "settings_file", "spool_file")
_A_ROUND = 200
"""Examples of an entry point from one seed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    from fuzz.entry_points import NAMES as ENTRY_POINTS

    names = (*READERS, *ENTRY_POINTS)
    parser.add_argument("target", choices=("all", *names))
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.randrange(2**32)
    if chosen.target == "all":
        each = chosen.seconds // len(names)
        return max([search(name, each, seed) for name in names])
    if chosen.target in READERS and importlib.util.find_spec("atheris") is not None:
        return guided(chosen.target, chosen.seconds)
    return search(chosen.target, chosen.seconds, seed)


def search(name: str, seconds: float, seed: int) -> int:
    """Search in one target; return 1 when something was found."""
    return (unguided if name in READERS else by_strategy)(name, seconds, seed)


def by_strategy(name: str, seconds: float, seed: int) -> int:
    from fuzz.entry_points import entry_point

    target, rng = entry_point(name), random.Random(seed)
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        try:
            target.search(_A_ROUND, rng.randrange(2**32))
        except Exception:
            traceback.print_exc()
            print(f"FOUND in {name}, seed {seed}", file=sys.stderr)
            return 1
        count += _A_ROUND
    print(f"{name}: about {count:,} inputs in {seconds:.0f} s, seed {seed}: nothing found")
    return 0


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
        for seed in target.seeds:  # many modules are imported at their first use
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
        printing(target),
    )
    atheris.Fuzz()
    return 0


def unguided(name: str, seconds: float, seed: int) -> int:
    from fuzz.mutation import mutated
    from fuzz.targets import TARGETS

    target, rng = TARGETS[name], random.Random(seed)
    feed = printing(target)
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        try:
            feed(mutated(target, rng))
        except Exception:
            traceback.print_exc()
            print(f"FOUND in {name}, seed {seed}", file=sys.stderr)
            return 1
        count += 1
    print(f"{name}: {count:,} inputs in {seconds:.0f} s, seed {seed}: nothing found")
    return 0


def printing(target: Target) -> Callable[[bytes], None]:
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
