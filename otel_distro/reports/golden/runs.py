"""Runs of a golden set: every case once under a budget, stored for comparison."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from otel_distro.reports.golden.cases import failures
from otel_distro.reports.golden.model import ask
from otel_host.private_files import make_private_folder
from otel_pricing import NANO_PER_USD, CostStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal
    from pathlib import Path

    from otel_distro.reports.golden.cases import Case
    from otel_distro.reports.golden.model import Endpoint
    from otel_pricing import PriceBook

FILE_NAME = "golden-runs.jsonl"
OVER_BUDGET = "not asked: the budget of this run is spent"
_KEPT_RUNS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one case; never the text of the answer."""

    name: str
    problems: tuple[str, ...] = ()
    """Empty if the answer has every property of the case."""
    latency_ms: float | None = None
    cost_nano_usd: int | None = None
    """None if the cost is unknown."""

    @property
    def passed(self) -> bool:
        """Whether the answer has every property of the case."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a golden set against one model."""

    at: str
    """When it began: ISO 8601, UTC."""
    golden_set: str
    model: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> int:
        """Number of failed cases."""
        return sum(not result.passed for result in self.results)

    @property
    def cost_nano_usd(self) -> int:
        """The known cost, in nano-US-dollars."""
        return sum(result.cost_nano_usd or 0 for result in self.results)

    @property
    def unpriced(self) -> int:
        """Number of calls of unknown cost."""
        return sum(r.cost_nano_usd is None and r.latency_ms is not None for r in self.results)

    @property
    def mean_latency_ms(self) -> float | None:
        """The mean latency of the answers; None without any."""
        known = [r.latency_ms for r in self.results if r.latency_ms is not None]
        return sum(known) / len(known) if known else None


def run(
    cases: Sequence[Case],
    endpoint: Endpoint,
    prices: PriceBook,
    *,
    golden_set: str,
    budget_usd: Decimal | None = None,
    note: Callable[[Result], None] = lambda _result: None,
) -> Run:
    """Run every case and return the results; *note* receives each.

    Once *budget_usd* is spent, or would be by another call like the most expensive so far, the
    remaining cases are skipped and count as failed.
    """
    limit = None if budget_usd is None else int(budget_usd * NANO_PER_USD)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    results: list[Result] = []
    spent = highest = 0
    for case in cases:
        if limit is not None and spent + highest > limit:
            result = Result(name=case.name, problems=(OVER_BUDGET,))
        else:
            result = _ask(case, endpoint, prices)
            spent += result.cost_nano_usd or 0
            highest = max(highest, result.cost_nano_usd or 0)
        results.append(result)
        note(result)
    return Run(at=at, golden_set=golden_set, model=endpoint.model, results=tuple(results))


def _ask(case: Case, endpoint: Endpoint, prices: PriceBook) -> Result:
    answer = ask(endpoint, case.prompt, prices)
    priced = answer.priced
    known = priced is not None and priced.status is not CostStatus.UNPRICED
    problems = [answer.problem] if answer.problem else failures(case, answer.text)
    return Result(
        name=case.name,
        problems=tuple(problems),
        latency_ms=round(answer.latency_ms, 2),
        cost_nano_usd=priced.cost_nano_usd if priced is not None and known else None,
    )


def keep(folder: Path, done: Run) -> None:
    """Add *done* to the runs in *folder*, a private file; raises OSError."""
    make_private_folder(folder)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with os.fdopen(os.open(folder / FILE_NAME, flags, 0o600), "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(done), ensure_ascii=False) + "\n")


def kept_runs(folder: Path, *, golden_set: str | None = None) -> list[Run]:
    """Return the latest runs in *folder*, the oldest first; damaged lines are skipped."""
    try:
        lines = (folder / FILE_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    runs = [golden_run for line in lines[-_KEPT_RUNS:] if (golden_run := _run(line)) is not None]
    return [each for each in runs if golden_set is None or each.golden_set == golden_set]


def _run(line: str) -> Run | None:
    try:
        record = json.loads(line)
        results = tuple(
            Result(**{**each, "problems": tuple(each["problems"])})
            for each in record.pop("results")
        )
        return Run(**record, results=results)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
