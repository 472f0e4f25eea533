"""Kill four writers of one ledger repeatedly, at random moments, and count lost calls.

    python benchmarks/ledger_kill.py [--rounds 100] [--writers 4] [--seed N]

Each round starts the writers on the same file, lets them write and acknowledge batches, kills all
of them with SIGKILL at a random moment and then looks at the file: every acknowledged call has to
be there, SQLite's and the ledger's own checks have to find nothing, and the sums have to be those
of the rows. Ends with 1 if anything is wrong. Calls that were not acknowledged may be there or not.
"""

from __future__ import annotations

import argparse
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from otel_cost_ledger import open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity

BATCH = 7
APART = 1_000_000
"""Size of the number range of one writer in one round."""

WRITER = """
import sys
from pathlib import Path
from otel_cost_ledger import LedgerWriter
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

path, at, size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
writer = LedgerWriter(path)

def call(number):
    start = 1_763_812_800_000_000_000 + number * 1_000_000
    return PricedCall(
        call=ModelCall(trace_id=number, span_id=number, start_ns=start, end_ns=start + 10**9,
                       scope="s", operation="chat", provider="openai",
                       response_model=f"model-{number % 5}",
                       usage=Usage(input_tokens=2, output_tokens=1)),
        status=CostStatus.PRICED, cost_nano_usd=number)

while True:
    if writer.write([call(at + n) for n in range(size)]).durable:
        print(at, flush=True)
    at += size
"""


def one_round(path: Path, first: int, writers: int, rng: random.Random) -> tuple[list[int], bool]:
    """Return the calls acknowledged before the kill, and whether all writers had begun."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first + n * APART), str(BATCH)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(writers)
    ]
    acknowledged = []
    # Every fifth round ends while the writers still start, which is when the file is opened.
    early = rng.random() < 0.2
    for process in () if early else processes:
        assert process.stdout is not None
        acknowledged.append(int(process.stdout.readline()))
    time.sleep(rng.random() * (1.0 if early else 0.2))
    for process in processes:
        process.send_signal(signal.SIGKILL)
    for process in processes:
        output, _ = process.communicate(timeout=60)
        # The kill may have cut the last line.
        acknowledged += [int(line) for line in output.split("\n")[:-1]]
    return acknowledged, not early


def snapshot(path: Path, acknowledged: list[int]) -> tuple[int, list[str]]:
    """Return the number of stored calls, and the faults."""
    if not path.exists():
        return 0, ["the ledger is gone"] if acknowledged else []
    with closing(sqlite3.connect(path)) as connection:
        (said,) = connection.execute("PRAGMA integrity_check").fetchone()
        spans = {span_id for (span_id,) in connection.execute("SELECT span_id FROM calls")}
    problems = [] if said == "ok" else [f"SQLite finds {said}"]
    with open_ledger(path) as ledger:
        # Recomputes every sum and histogram from the rows.
        problems += check_integrity(ledger).problems
    lost = {at + n for at in acknowledged for n in range(BATCH)} - spans
    if lost:
        problems.append(f"{len(lost)} acknowledged calls are not there")
    damaged = list(path.parent.glob(f"{path.name}.damaged-*"))
    return len(spans), problems + [f"{file.name} was set aside" for file in damaged]


def main() -> int:
    """Run the rounds and print their results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    acknowledged: list[int] = []
    problems: list[str] = []
    stored = busy = 0
    with tempfile.TemporaryDirectory(prefix="ledger-kill-") as directory:
        path = Path(directory) / "ledger.db"
        for number in range(options.rounds):
            first = 1 + number * options.writers * APART
            batches, begun = one_round(path, first, options.writers, rng)
            acknowledged += batches
            busy += begun
            stored, found = snapshot(path, acknowledged)
            problems += [f"round {number + 1}: {problem}" for problem in found]
    print(
        f"seed {options.seed}: {options.rounds} rounds of {options.writers} writers killed, "
        f"{busy} in mid-write, {options.rounds - busy} while starting; "
        f"{len(acknowledged) * BATCH:,} calls acknowledged, {stored:,} stored, "
        f"{len(problems)} problems"
    )
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
