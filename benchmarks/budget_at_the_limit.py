"""A budget under load of ten times its limit.

    python benchmarks/budget_at_the_limit.py                  # 8 processes, 8 threads, 200 calls
    python benchmarks/budget_at_the_limit.py --kill           # processes are killed in mid-call
    python benchmarks/budget_at_the_limit.py --midnight 25    # a new day begins after 25 seconds
    python benchmarks/budget_at_the_limit.py --postgres URL   # several hosts, one database

Real OpenAI clients call a fake provider on loopback, which counts its requests as a real one would
bill them. Prints the limit, the billed and the charged amount, and the share of the limit that was
used. Exits with 1 if more than the limit or less than 97 % of it was billed.
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
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.windows import DAY_NS
from otel_distro.demo.provider import FakeProvider

CALL_NANO_USD = 6_000_000
LEAST_USABLE = 0.97
WORKER = """
import sys, threading, time
from decimal import Decimal
from pathlib import Path
import httpx2, openai
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate
from otel_pricing import PriceBook
from otel_wire import clients
from otel_wire.observer import observer

folder, url, usd, threads, calls, shift_ns, postgres = sys.argv[1:]
clock = lambda: time.time_ns() + int(shift_ns)
store = None
if postgres:
    from otel_budget.accounts.postgres import PostgresDatabase
    from otel_cost_ledger.model.location import PostgresUrl
    found = PostgresUrl.parse(postgres)
    store = PostgresDatabase(found.parameters, str(found))
books = BudgetAccounts(Path(folder), store=store, now_ns=clock)
prices = PriceBook()
budget = CostBudget.per_day(Decimal(usd), Action.REFUSE)
gate = Gate([budget], books, lambda: prices, now_ns=clock)
clients.install(httpx2)
observer.admission = gate
client = openai.OpenAI(base_url=url + "/v1", api_key="sk-x")
counts = {"ok": 0, "refused": 0}
lock = threading.Lock()

def work():
    for _ in range(int(calls)):
        try:
            client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}], max_tokens=300
            )
            outcome = "ok"
        except openai.APIStatusError as error:
            assert error.status_code == 402, error
            outcome = "refused"
        with lock:
            counts[outcome] += 1

pool = [threading.Thread(target=work) for _ in range(int(threads))]
for thread in pool: thread.start()
for thread in pool: thread.join()
books.close()
print(counts["ok"], counts["refused"])
"""


class Slow(FakeProvider):
    """Delays every response."""

    def start(self) -> FakeProvider:
        """Serve without reports of broken connections."""
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        return super().start()

    def next_id(self, prefix: str) -> str:
        """Wait first."""
        time.sleep(0.02)
        return super().next_id(prefix)


def main() -> int:
    options = arguments()
    calls = options.processes * options.threads * options.calls
    days = 2 if options.midnight else 1
    limit = calls // 10 // days * CALL_NANO_USD
    usd = str(Decimal(limit) / 1_000_000_000)
    budget = CostBudget.per_day(Decimal(usd), Action.REFUSE)
    # The workers' clocks are some seconds before midnight.
    shift_ns = 0
    if options.midnight:
        shift_ns = -time.time_ns() % DAY_NS - options.midnight * 1_000_000_000
    with tempfile.TemporaryDirectory() as folder, Slow() as provider:
        command = [sys.executable, "-c", WORKER, folder, provider.url, usd]
        command += [str(options.threads), str(options.calls), str(shift_ns), options.postgres]
        began = time.monotonic()
        first = budget.account_of("", time.time_ns() + shift_ns)
        pool = [start(command) for _ in range(options.processes)]
        killed = kill_some(pool, command, provider) if options.kill else 0
        outputs = [process.communicate(timeout=900) for process in pool]
        seconds = time.monotonic() - began
        counts = [list(map(int, out.split())) for out, _ in outputs if out.strip()]
        errors = "".join(err for _, err in outputs)
        went, refused = (sum(count[i] for count in counts) for i in (0, 1))
        accounts = BudgetAccounts(Path(folder), store=store(options.postgres))
        accounts.reap()
        last = budget.account_of("", time.time_ns() + shift_ns)
        # Each day separately: spending on the next day counts against a day too.
        days_met = [
            replace(account, until_ns=account.start_ns) for account in dict.fromkeys((first, last))
        ]
        states = [accounts.state(account) for account in days_met]
        accounts.close()
        # A provider ignores the partial request of a killed process.
        billed = sum("model" in body for _, body in provider.requests) * CALL_NANO_USD
    total = limit * len(states)
    print(errors, end="", file=sys.stderr)
    result: dict[str, Any] = {
        "seconds": round(seconds, 1),
        "calls that went through": went,
        "calls refused": refused,
        "processes killed": killed,
        "limit in nano-USD": total,
        "billed by the provider": billed,
        "booked": [state.spent for state in states],
        "still held": [state.reserved for state in states],
        "usable": round(billed / total, 4),
        "over": max(0, billed - total, *(state.spent - limit for state in states)),
    }
    print(json.dumps(result, indent=2))
    good = not result["over"] and not errors and result["usable"] >= LEAST_USABLE
    return 0 if good else 1


def store(url: str) -> Any:
    if not url:
        return None
    from otel_budget.accounts.postgres import PostgresDatabase
    from otel_cost_ledger.model.location import PostgresUrl

    found = PostgresUrl.parse(url)
    return PostgresDatabase(found.parameters, str(found))


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def kill_some(pool: list[Any], command: list[str], provider: FakeProvider) -> int:
    """Kill a process every half second in mid-call, eight in all, and start another."""
    killed = 0
    while killed < 8 and any(process.poll() is None for process in pool):
        before = len(provider.requests)
        until = time.monotonic() + 20
        while len(provider.requests) < before + 10 and time.monotonic() < until:
            time.sleep(0.005)
        running = [process for process in pool if process.poll() is None]
        if not running:
            break
        victim = random.choice(running)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        pool.remove(victim)
        pool.append(start(command))
        killed += 1
    return killed


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--midnight", type=int, default=0, metavar="SECONDS")
    parser.add_argument("--postgres", default="", metavar="URL")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
