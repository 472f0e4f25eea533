"""Calls of processes that are killed at random, beside the provider's own account.

    python benchmarks/kills.py                       # 10,000 calls, 8 processes
    python benchmarks/kills.py --calls 1000 --processes 4 --postgres URL

Processes under `otel-distro run`, with a hard budget far above what they spend, send requests over
HTTP. One of them after another is killed with SIGKILL at a random moment and replaced. At the end
every request that the provider served must be in the ledger, with its exact cost or, where its
process was killed before it was stored, as a call of unknown cost. Nothing may be there twice.
`budgets` must show the sum of `costs` and the reservations of unknown calls, to the nano-dollar.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.charging_provider import ChargingProvider

BIN = Path(sys.executable).parent
WORKER = """
import os, sys, httpx2
url = os.environ["PROVIDER_URL"] + "/v1/chat/completions"
body = {"model": "gpt-4o", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]}
with httpx2.Client(timeout=120) as client:
    for _ in range(int(sys.argv[1])):
        try:
            client.post(url, json=body).raise_for_status()
        except httpx2.TransportError:
            pass
"""
EXACT = ("priced", "reported")
"""Statuses of calls with the provider's charge; `reported` by the budget of a killed process."""
FOREVER = 10**9


def run(calls: int, processes: int, seed: int, postgres: str) -> int:
    """Print both accounts; return 1 if they differ."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as home, ChargingProvider() as provider:
        environ = _environment(Path(home), provider.url, postgres)
        began = time.monotonic()
        workers = [_start(environ) for _ in range(processes)]
        killed = 0
        while len(provider.account.served()) < calls:
            time.sleep(chance.uniform(1.0, 4.0))
            place = chance.randrange(processes)
            workers[place].send_signal(signal.SIGKILL)
            workers[place].wait()
            killed += 1
            workers[place] = _start(environ)
        for worker in workers:  # the rest too, as the worst case
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        killed += len(workers)
        time.sleep(1)  # the provider records unread responses as well
        last = subprocess.Popen(
            [*_command(), "1"], env=environ
        )  # takes over the requests left behind
        last.wait()
        served = provider.account.served()
        seconds = time.monotonic() - began
        ledger = _ask(environ, "calls", "--limit", "100000")["calls"]
        total = _ask(environ, "costs")["total"]
        (budget,) = _ask(environ, "budgets")["budgets"]
    exact = [call["cost_nano_usd"] for call in ledger if call["cost_status"] in EXACT]
    kept_by_budget = sum(call["cost_status"] == "reported" for call in ledger)
    reserved = sum(
        call["exposure_nano_usd"] or 0 for call in ledger if call["cost_status"] == "unpriced"
    )
    unknown = len(ledger) - len(exact)
    charged = Counter(request.nano_usd for request in served)
    invented = Counter(exact) - charged
    spent = budget["spent"]
    print(f"{len(served):,} served, {killed} processes killed, in {seconds:.0f} s")
    print(f"ledger: {len(ledger):,} calls, {len(exact):,} exact and {unknown:,} unknown")
    print(f"exact only by what the budget had charged: {kept_by_budget:,}")
    print(f"exact costs that the provider did not charge: {sum(invented.values())}")
    cost = total["cost_nano_usd"]
    print(f"costs ${cost / 1e9:.9f} and at most ${reserved / 1e9:.9f} for the unknown calls")
    print(f"budgets ${spent / 1e9:.9f}; beyond both: {spent - cost - reserved} nano-US-dollars")
    over = len(ledger) - len(served)
    print(f"calls in the ledger beyond those served: {over}")
    right = not invented and 0 <= over <= killed and spent == cost + reserved
    return 0 if right else 1


def _command() -> list[str]:
    return [str(BIN / "otel-distro"), "run", sys.executable, "-c", WORKER]


def _start(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*_command(), str(FOREVER)], env=environ, stderr=subprocess.DEVNULL)


def _ask(environ: dict[str, str], *command: str) -> Any:
    done = subprocess.run(
        [str(BIN / "otel-distro"), *command, "--json"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _environment(home: Path, url: str, postgres: str) -> dict[str, str]:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "PROVIDER_URL": url,
        "NO_PROXY": "127.0.0.1",
        "OTEL_DISTRO_BUDGET_USD_PER_DAY": "1000000",
        "OTEL_DISTRO_BUDGET_ACTION": "refuse",
        **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
    }
    if postgres:
        environ["OTEL_DISTRO_LEDGER"] = postgres
    return environ


def main() -> int:
    """Run once."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--postgres", default="", help="URL of a ledger in PostgreSQL")
    options = parser.parse_args()
    return run(options.calls, options.processes, options.seed, options.postgres)


if __name__ == "__main__":
    sys.exit(main())
