"""Fork a thousand times while threads emit everything, and count hangs and arrivals.

    python benchmarks/forks.py [--forks 1000]

The app of `tests/otel_distro/test_forks.py`: four threads emit spans, log records, metrics and
model calls, with the ledger and a budget open, while the main thread forks. Exits with 1 if a child
hung or failed, or if an emitted record is missing at the receiver, in the ledger or in the budget.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

from support.forks import CALL_NANO_USD, fork_under_load  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--forks", type=int, default=1000)
    forks = parser.parse_args().forks
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="otel-distro-forks-") as home:
        forked = fork_under_load(Path(home), forks, timeout=60 + 2.0 * forks)
    told, rounds = forked.told, forked.told["rounds"]
    print(f"{forks} forks in {time.monotonic() - began:.0f} s: {told['hung']} hung,", end=" ")
    print(f"{len(told['failed'])} failed; a fork p50 {told['fork_ms_p50']} ms,", end=" ")
    print(f"at most {told['fork_ms_max']} ms")
    wrong = told["hung"] or told["failed"]
    for what, found, expected in (
        ("spans that arrived", forked.spans, 2 * rounds),
        ("log records that arrived", forked.log_records, rounds),
        ("calls in the ledger", forked.ledger_calls, rounds),
        ("nano-dollars booked", forked.budget_nano_usd, rounds * CALL_NANO_USD),
    ):
        print(f"{what}: {found} of {expected}")
        wrong = wrong or found != expected
    if wrong:
        print(forked.stderr[-20000:], file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
