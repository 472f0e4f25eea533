"""Budgets of a fleet: the leases of many processes on many hosts, in one real PostgreSQL.

    python benchmarks/budget_fleet.py                            # 50, then 200 simulated processes
    python benchmarks/budget_fleet.py --processes 50 --scenarios calm --every 0.1

A simulated process is a `BudgetAccounts` with its own connection, background thread and thread of
calls; a simulated host is a state folder that eight of them share. They are threads of five
programs, because one machine cannot run thousands of processes. Accounts and server are real (one
is started, with fsync); there is no network between them, and all share the processors of this
machine. A call reserves 2 to 20 m$, takes 0.2 to 1 second and costs 20 to 100 % of what it
reserved; refused calls do not wait for others.

Scenarios: `calm`; `limit`, which is reached half-way; `away`, the server is stopped for five
seconds; `split`, half of the hosts are cut off for five seconds (their sessions are ended and new
ones refused); `die`, a fifth of the hosts is killed (SIGKILL) shortly before the limit is reached.
"Turn" is the share of the time in which a transaction had locked the budget, from the first answer
to that of the commit. Exits with 1 if more than a limit was spent or charged, or if charges differ
from spending.
"""

from __future__ import annotations

import argparse
import heapq
import math
import multiprocessing
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psycopg

from otel_budget.accounts import postgres
from otel_budget.accounts.account import BudgetAccount, Claim, Denied
from otel_budget.accounts.postgres import SCHEMA, PostgresDatabase
from otel_budget.accounts.schema import BudgetFileError, Transaction
from otel_budget.budget_accounts import BudgetAccounts
from support.postgres_server import _run, as_user, programs
from support.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

PROGRAMS = 5
A_HOST = 8
WARM_UP_S = 4.0
MEAN_COST = 6_600_000
PLENTY = 10**15
TROUBLE_AT_S, TROUBLE_S = 6.0, 5.0
CUT_OFF = "cut_off"
"""The role of the hosts that a split cuts off."""


@dataclass
class Notes:
    """Report of a program: time, outcome and duration of calls; and transactions."""

    calls: list[tuple[float, str, float, int]] = field(default_factory=list)
    turns: list[tuple[float, float, float]] = field(default_factory=list)
    statements: int = 0
    round_trips: int = 0


class Counted(PostgresDatabase):
    """Notes of each transaction: when it had its turn, the wait for it, how long it had it.

    The wait includes the first round trip, whose answer says that the turn has come.
    """

    def __init__(self, parameters: dict[str, str], notes: Notes) -> None:
        super().__init__(parameters, "the database")
        self._notes = notes

    @contextmanager
    def transaction(
        self, accounts: Collection[BudgetAccount] | None = None, /
    ) -> Iterator[Transaction]:
        """Time it."""
        began, sent = time.monotonic(), []
        with super().transaction(accounts) as db:
            statements: Any = db
            send = statements.send

            def noting() -> None:
                count = len(statements._unsent)
                send()
                if count:
                    self._notes.statements += count
                    sent.append(time.monotonic())

            statements.send = noting
            yield db
        self._notes.round_trips += len(sent)
        self._notes.turns.append((sent[0], sent[0] - began, time.monotonic() - sent[0]))


@dataclass
class Plan:
    """Configuration of one program of the simulation."""

    number: int
    folder: str
    parameters: dict[str, str]
    hosts: list[int]
    processes: int
    limit: int
    rate: float
    seconds: float
    every_s: float | None


class SimulatedProcess:
    """Makes calls of random durations at random times."""

    def __init__(
        self, plan: Plan, host: int, notes: Notes, admitted: Callable[[int], None]
    ) -> None:
        parameters = plan.parameters | ({"user": CUT_OFF} if host % 2 else {})
        self._host, self._rate, self._notes, self._admitted = host, plan.rate, notes, admitted
        self._random = random.Random(f"{plan.number} {host} {id(self)}")
        self._account = BudgetAccount("day", "", 0, 0, plan.limit)
        self.accounts = BudgetAccounts(
            Path(plan.folder) / f"host{host}", store=Counted(parameters, notes)
        )

    def run(self, until: float) -> None:
        """Make calls until the end, then end the open ones."""
        ending: list[tuple[float, int, Any, int]] = []
        calls_at = time.monotonic() + self._random.expovariate(self._rate)
        while calls_at < until or ending:
            now = time.monotonic()
            at = min(calls_at, ending[0][0]) if ending else calls_at
            if at > now:
                time.sleep(at - now)
            elif ending and ending[0][0] <= now:
                _, _, reservation, cost = heapq.heappop(ending)
                settle = partial(self.accounts.settle, reservation, [(self._account, cost)])
                self.accounts.later(settle, soon=reservation.number is not None)
            elif calls_at < until:
                found = self._call()
                if found is not None:
                    ends = time.monotonic() + self._random.uniform(0.2, 1.0)
                    heapq.heappush(ending, (ends, id(found), *found))
                calls_at += self._random.expovariate(self._rate)
            else:
                calls_at = math.inf

    def _call(self) -> tuple[Any, int] | None:
        amount = self._random.randint(2_000_000, 20_000_000)
        cost = int(amount * self._random.uniform(0.2, 1.0))
        claim = Claim(self._account, amount, amount, amount)
        began = time.monotonic()
        try:
            result = self.accounts.reserve("a-model", ["input"], lambda _: [claim])
        except BudgetFileError:
            result, outcome = None, "fault"
        else:
            outcome = "refused" if isinstance(result, Denied) else "admitted"
        ended = time.monotonic()
        self._notes.calls.append((ended, outcome, ended - began, self._host))
        if outcome != "admitted":
            return None
        self._admitted(cost)
        return result, cost


def simulate(plan: Plan, spent: Any, pipe: Any) -> None:
    """Run the hosts of *plan*; *spent* is memory that outlives this program."""
    module: Any = postgres
    if plan.every_s is not None:
        module.WRITE_EVERY_S = plan.every_s
    notes, lock = Notes(), threading.Lock()

    def admitted(cost: int) -> None:
        with lock:
            spent[plan.number] += cost

    processes = [
        SimulatedProcess(plan, host, notes, admitted) for host in plan.hosts for _ in range(A_HOST)
    ][: plan.processes]
    pipe.send("ready")
    until = pipe.recv() + plan.seconds
    threads = [threading.Thread(target=each.run, args=(until,)) for each in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.accounts.close()
    pipe.send(notes)


class Server:
    """PostgreSQL, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        found = programs()
        if found is None:
            raise SystemExit("there is no initdb here; install PostgreSQL")
        self._bin, self._folder, self._port = found, folder, free_port()
        self._user = as_user(folder)
        create = [str(found / "initdb"), "-D", str(folder / "data"), "-U", "otel", "-E", "UTF8"]
        _run([*self._user, *create, "--auth=trust", "--locale=C"])
        self._process: subprocess.Popen[bytes] | None = None
        self.parameters: dict[str, Any] = {
            "host": "127.0.0.1", "port": str(self._port), "user": "otel", "dbname": "postgres",
        }  # fmt: skip

    def start(self) -> None:
        """Start it and wait for its first answer."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self._folder,
            "max_connections": 400,
            "shared_buffers": "64MB",
        }
        arguments = [text for key, value in options.items() for text in ("-c", f"{key}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._user, str(self._bin / "postgres"), "-D", str(self._folder / "data"),
                 *arguments], stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        until = time.monotonic() + 60
        while True:
            try:
                self.ask("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def ask(self, *statements: str) -> Any:
        """Run *statements*; return the rows of the last, or None."""
        with psycopg.connect("", autocommit=True, **self.parameters) as connection:
            found = [connection.execute(statement.encode()) for statement in statements][-1]
            return found.fetchall() if found.description else None


def booked(server: Server) -> tuple[int, int]:
    """Return the spent and reserved amounts of the accounts."""
    ((spent, reserved),) = server.ask(
        f"SELECT coalesce(sum(spent), 0)::bigint, coalesce(sum(reserved), 0)::bigint"
        f" FROM {SCHEMA}.books"
    )
    return spent, reserved


def held_by(server: Server, owners: set[str]) -> int:
    """Return the leases and reservations of *owners*."""
    rows = server.ask(
        f"SELECT owner, amount FROM {SCHEMA}.leases"
        f" UNION ALL SELECT owner, amount FROM {SCHEMA}.holds"
    )
    return sum(int(amount) for owner, amount in rows if owner in owners)


class Run:
    """One scenario: its programs and their reports."""

    def __init__(self, server: Server, processes: int, options: Any, limit: int, seconds: float):
        server.ask(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        self.server, self.limit, self.killed = server, limit, 0
        context = multiprocessing.get_context("spawn")
        self.spent = context.RawArray("q", PROGRAMS)
        hosts = math.ceil(processes / A_HOST)
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self._programs = []
        for number in range(PROGRAMS):
            ours = list(range(hosts))[number::PROGRAMS]
            count = min(len(ours) * A_HOST, processes)
            processes -= count
            plan = Plan(
                number, self._folder.name, server.parameters, ours, count, limit, options.rate,
                seconds, options.every,
            )  # fmt: skip
            pipe, theirs = context.Pipe()
            program = context.Process(target=simulate, args=(plan, self.spent, theirs))
            program.start()
            theirs.close()
            self._programs.append((program, pipe, plan))
        for _, pipe, _ in self._programs:
            pipe.recv()
        self.began = time.monotonic()
        for _, pipe, _ in self._programs:
            pipe.send(self.began)

    def wait(self, seconds: float) -> None:
        """Sleep until the given seconds after the beginning."""
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))

    def kill(self) -> set[str]:
        """Kill the first program, a fifth of the hosts; return the names of its owners."""
        program, _, plan = self._programs.pop(0)
        program.kill()
        program.join()
        self.killed = len(plan.hosts)
        folders = [self.folder / f"host{host}" / "budget.owners" for host in plan.hosts]
        names = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir()}
        for folder in folders:
            # Other hosts could not read them.
            folder.rename(folder.with_name("gone")) if folder.is_dir() else None
        return names

    def end(self) -> Notes:
        """Wait for all programs and merge their records."""
        all_notes = Notes()
        for program, pipe, _ in self._programs:
            notes = pipe.recv()
            program.join()
            all_notes.calls += notes.calls
            all_notes.turns += notes.turns
            all_notes.statements += notes.statements
            all_notes.round_trips += notes.round_trips
        return all_notes

    def clear(self) -> None:
        """Let the next process of each host charge unsettled calls."""
        for folder in self.folder.iterdir():
            accounts = BudgetAccounts(folder, store=Counted(self.server.parameters, Notes()))
            accounts.reap()
            accounts.close()
        self._folder.cleanup()


def percentile(values: list[float], share: float) -> str:
    """Return it in milliseconds, or a dash without values."""
    if not values:
        return "-"
    found = sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000
    return f"{found:.3f}" if found < 0.1 else f"{found:.1f}"


def scenario(name: str, server: Server, processes: int, options: Any) -> bool:
    """Run the scenario called *name*, print its row, and return whether limits held."""
    a_second = int(processes * options.rate * MEAN_COST)
    seconds = {"calm": 14.0, "limit": 14.0, "die": 78.0}.get(name, 18.0)
    limit = {"limit": 7 * a_second, "die": 9 * a_second}.get(name, PLENTY)
    run = Run(server, processes, options, limit, seconds)
    remarks = []
    back = math.inf
    if name == "away":
        run.wait(TROUBLE_AT_S)
        server.stop()
        run.wait(TROUBLE_AT_S + TROUBLE_S)
        server.start()
        back = time.monotonic()
    if name == "split":
        run.wait(TROUBLE_AT_S)
        server.ask(
            f"ALTER ROLE {CUT_OFF} NOLOGIN",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{CUT_OFF}'",
        )
        run.wait(TROUBLE_AT_S + TROUBLE_S)
        server.ask(f"ALTER ROLE {CUT_OFF} LOGIN")
        back = time.monotonic()
    if name == "die":
        remarks += die(run, seconds)
    notes = run.end()
    _, unsettled = booked(server)
    run.clear()
    spent: int = sum(run.spent)
    charged, reserved = booked(server)
    # Leases of dead processes are charged in full, as are calls whose end could not be written.
    exact = not run.killed and not unsettled
    good = max(spent, charged) <= limit and (charged == spent if exact else charged >= spent)
    if back < math.inf:
        remarks += recovery(notes, run.began + TROUBLE_AT_S, back)
    if name == "limit":
        remarks.append(f"{spent / limit:.1%} of the limit used")
    if unsettled and not run.killed:
        remarks.append(f"{unsettled / 1e9:.3f} $ unsettled at the end, charged by the next process")
    if reserved:
        remarks.append(f"{reserved / 1e9:.3f} $ still reserved")
    if not good:
        remarks.append(f"WRONG: {charged} nano-USD charged for {spent}")
    low, high = run.began + WARM_UP_S, run.began + seconds
    turns = [turn for turn in notes.turns if low <= turn[0] <= high]
    kept = [call for call in notes.calls if low <= call[0] <= high]
    took = {kind: [call[2] for call in kept if call[1] == kind] for kind in ("admitted", "refused")}
    waited = [turn[1] for turn in turns]
    held = [turn[2] for turn in turns]
    cells = [
        name,
        processes,
        f"{len(kept) / (high - low):.0f}",
        f"{len(turns) / (high - low):.0f}",
        f"{sum(held) / (high - low):.0%}",
        f"{percentile(held, 0.5)} / {percentile(held, 0.99)}",
        f"{percentile(waited, 0.5)} / {percentile(waited, 0.99)}",
        f"{percentile(took['admitted'], 0.5)} / {percentile(took['admitted'], 0.99)}",
        f"{percentile(took['refused'], 0.5)} / {percentile(took['refused'], 0.99)}",
        max(0, spent - limit, charged - limit),
        "; ".join(remarks) or "-",
    ]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    print(
        f"<!-- {len(notes.turns)} transactions, {notes.statements / len(notes.turns):.1f} "
        f"statements and {notes.round_trips / len(notes.turns):.1f} round trips each, "
        f"mean turn {1000 * sum(held) / len(held):.2f} ms, "
        f"{len(turns) / (high - low) / processes:.2f} a second and process -->",
        flush=True,
    )
    return good


def die(run: Run, seconds: float) -> list[str]:
    """Kill a fifth of the hosts, and observe their leases."""
    run.wait(6.0)
    owners = run.kill()
    at = time.monotonic()
    before = held = held_by(run.server, owners)
    freed_after = None
    while time.monotonic() < run.began + seconds - 1:
        held = held_by(run.server, owners)
        if not held:
            freed_after = time.monotonic() - at
            break
        time.sleep(0.25)
    freed = f"cleared after {freed_after:.0f} s" if freed_after else f"{held} not cleared"
    return [f"{run.killed} hosts held {before / 1e9:.3f} $ of {run.limit / 1e9:.2f} $, {freed}"]


def recovery(notes: Notes, began: float, back: float) -> list[str]:
    """Return the outcomes of calls during the fault, and the time of the last refusal."""
    during = [call for call in notes.calls if began <= call[0] < back]
    faults = [call for call in notes.calls if call[1] == "fault"]
    slowest = max((took for _, _, took, _ in faults), default=0.0)
    late = [at - back for at, _, _, _ in faults if at > back]
    text = (
        f"{sum(call[1] == 'admitted' for call in during)} calls admitted meanwhile, "
        f"{len(faults)} refused as faults (slowest {slowest:.1f} s), "
        f"the last {max(late, default=0):.1f} s after it was over"
    )
    hosts = {call[3] % 2 for call in faults}
    return [text + ("" if len(hosts) == 2 else "; the other hosts had none")]


def main() -> int:
    """Run the scenarios in turn."""
    options = arguments()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            server.start()
            server.ask(f"CREATE ROLE {CUT_OFF} LOGIN SUPERUSER")
            print(
                "| scenario | processes | calls/s | transactions/s | turn | turn p50 / p99 ms "
                "| wait for it | admitted p50 / p99 ms | refused | over the limit | |"
            )
            print("|---|---|---|---|---|---|---|---|---|---|---|")
            for processes in options.processes:
                for name in options.scenarios:
                    # A minute and more: once is enough.
                    if name != "die" or processes == options.processes[0]:
                        good &= scenario(name, server, processes, options)
        finally:
            server.stop()
    return 0 if good else 1


def arguments() -> Any:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    names = ["calm", "limit", "away", "split", "die"]
    parser.add_argument("--processes", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--scenarios", nargs="+", choices=names, default=names)
    parser.add_argument("--rate", type=float, default=2.0, help="calls a second of a process")
    parser.add_argument("--every", type=float, help="seconds between writes of a process")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
