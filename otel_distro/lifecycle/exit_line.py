"""The summary line on stderr at exit of a process that called a model.

A `CallSink` that counts the settled calls, so that the line needs no database.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from otel_distro.base import formatting as figures
from otel_distro.base import messages
from otel_distro.base.percentiles import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_distro.pipeline.budgets.wiring import Budgets
    from otel_distro.settings import Settings
    from otel_pricing import PricedCall

_REMEMBERED: Final = 10_000
"""Number of calls that a revision can still correct, and of latencies for the percentile."""
_NEXT: Final = "otel-distro ui"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Totals of the billed calls of a process."""

    calls: int = 0
    failed: int = 0
    unpriced: int = 0
    partial: int = 0
    reported: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0
    exposure_nano_usd: int = 0

    def with_call(self, priced: PricedCall, sign: int = 1) -> Sums:
        """Return the sums with *priced* added, or subtracted with a *sign* of -1."""
        if not priced.billed:
            return self
        usage = priced.call.usage
        return replace(
            self,
            calls=self.calls + sign,
            failed=self.failed + sign * priced.call.failed,
            unpriced=self.unpriced + sign * (priced.status == "unpriced"),
            partial=self.partial + sign * (priced.status == "partial"),
            reported=self.reported + sign * (priced.status == "reported"),
            input_tokens=self.input_tokens + sign * ((usage and usage.input_tokens) or 0),
            output_tokens=self.output_tokens + sign * ((usage and usage.output_tokens) or 0),
            cost_nano_usd=self.cost_nano_usd + sign * (priced.cost_nano_usd or 0),
            exposure_nano_usd=self.exposure_nano_usd + sign * (priced.exposure_nano_usd or 0),
        )


class ExitLine:
    """Counts the calls of this process and prints their totals at exit."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._forked = False
        self._reset()

    def _reset(self) -> None:
        self._sums = Sums()
        self._known: OrderedDict[tuple[int, int], PricedCall] = OrderedDict()
        self._latencies_ms: deque[float] = deque(maxlen=_REMEMBERED)

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Count calls, and correct the counts of revised ones."""
        for priced in (*new, *revised):
            key = priced.call.trace_id, priced.call.span_id
            before = self._known.pop(key, None)
            if before is not None:
                self._sums = self._sums.with_call(before, -1)
            elif priced.billed:
                self._latencies_ms.append((priced.call.end_ns - priced.call.start_ns) / 1e6)
            self._sums = self._sums.with_call(priced)
            self._known[key] = priced
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def flush(self) -> None:
        """Do nothing: no call is deferred."""

    def at_fork(self) -> None:
        """Reset the counts after fork."""
        self._forked = True
        self._reset()

    def write(
        self,
        budgets: Budgets | None,
        environ: Mapping[str, str],
        *,
        may_store: bool = True,
        waiting: int = 0,
    ) -> None:
        """Print the line to stderr; nothing without a model call.

        *waiting* is the number of calls not stored in the ledger yet.
        """
        if not self._sums.calls:
            return
        parts = [describe(self._sums, percentile(self._latencies_ms, 95))]
        # The budget file may be in any state, and must not stop the exit.
        with contextlib.suppress(Exception):
            if (left := _budget_left(self._settings, budgets)) is not None:
                parts.append(left)
        from otel_cost_ledger.model.location import ClickHouseUrl

        ledger = self._settings.ledger
        if ledger is None:
            parts.append("not stored: OTEL_DISTRO_LEDGER=none")
        elif not may_store:
            no_consent = "no consent (otel-distro privacy consent)"
            why = "DO_NOT_TRACK is set" if self._settings.do_not_track else no_consent
            parts.append(f"not stored: {why}")
        elif isinstance(ledger, ClickHouseUrl):
            parts.append("not stored from here: a Collector fills the ledger")
        else:
            where = f"in {figures.home_relative(str(ledger), environ)}"
            parts.append(f"{waiting:,} not yet {where}" if waiting else f"{where} ({_NEXT})")
        who = f"process {os.getpid()}: " if self._forked else ""
        messages.warn(figures.printable(who + "; ".join(parts)))


def describe(sums: Sums, p95: float | None) -> str:
    """Return *sums* as text; calls without a known price are named, never shown as zero."""
    calls = figures.counted(sums.calls, "model call")
    parts = [f"{calls} ({sums.failed:,} failed)" if sums.failed else calls]
    parts.append(f"{sums.input_tokens:,} tokens in, {sums.output_tokens:,} out")
    parts.append(f"cost {_cost(sums)}")
    if p95 is not None:
        parts.append(f"p95 {figures.duration(p95)}")
    return ", ".join(parts)


def _cost(sums: Sums) -> str:
    amount = figures.cost(
        sums.cost_nano_usd, calls=sums.calls, unpriced=sums.unpriced, partial=sums.partial
    )
    why = []
    if sums.unpriced:
        why.append(f"{sums.unpriced:,} unpriced")
    if sums.partial:
        why.append(f"{sums.partial:,} priced in part")
    if sums.reported:
        why.append(f"{sums.reported:,} at reported cost")
    if why and sums.exposure_nano_usd:
        why.append(f"at most {figures.usd(sums.exposure_nano_usd)} more")
    return f"{amount} ({', '.join(why)})" if why else amount


def _budget_left(settings: Settings, budgets: Budgets | None) -> str | None:
    """Return the remainder of the tightest budget, of those in total or for one fixed value."""
    if budgets is None:
        return None
    from otel_budget.cost_budget import Unit
    from otel_budget.inspection import reading_accounts

    now_ns = time.time_ns()
    figures_left = []
    with reading_accounts(settings.state_dir) as accounts:
        for budget in budgets.all:
            if not budget.limit or (budget.scope != "total" and budget.match is None):
                continue
            account = budget.account({budget.scope: budget.match}, now_ns, budgets.hide)
            state = None if account is None else accounts.state(account)
            if state is not None:
                left = max(0, budget.limit - state.spent - state.reserved)
                figures_left.append((left / budget.limit, left, budget))
    if not figures_left:
        return None
    _, left, budget = min(figures_left, key=lambda line: line[0])
    if budget.unit is Unit.USD:
        amounts = f"{figures.usd(left)} of {figures.usd(budget.limit)}"
    else:
        amounts = f"{left:,} of {budget.limit:,} {budget.unit}"
    return f"budget {budget.name}: {amounts} left"
