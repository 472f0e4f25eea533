"""State of a process and its checks: the guard, the ledger, internal errors."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from otel_distro.base import formatting as figures
from otel_distro.reports.health.checks import HealthCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.export.delivery_reports import Deliveries
    from otel_distro.pipeline.accounting.ledger_sink import LedgerSink
    from otel_distro.pipeline.pipeline import Pipeline
    from otel_redaction.shield import Shield

LAG_CALLS = 1000
"""Number of calls waiting for the ledger that indicates a problem."""
_MOST_NAMES = 20
_LONGEST_NAME = 100
_REST = "(others)"


class Watched(Protocol):
    """The parts of a running distribution that its health depends on."""

    ledger: LedgerSink | None
    internal_errors: InternalErrors
    pipeline: Pipeline
    shield: Shield

    @property
    def guard_ok(self) -> bool:
        """Whether the guard is installed and the canary was masked."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Export counters."""
        ...


def state_of(runtime: Watched, service: str) -> dict[str, Any]:
    """Return the state of this process; numbers and names only."""
    waiting, fault = runtime.ledger.lag() if runtime.ledger is not None else (0, "")
    return {
        "pid": os.getpid(),
        "service": service,
        "guard_ok": runtime.guard_ok,
        "ledger_waiting": waiting,
        "ledger_fault": fault,
        "export_waiting": {
            signal: tally.waiting for signal, tally in runtime.deliveries.tallies().items()
        },
        "faults": runtime.internal_errors.counts(),
        "open_spans": _open_spans(runtime),
    }


def _open_spans(runtime: Watched) -> dict[str, int]:
    """Return the number of open spans by redacted name, the most frequent ones and all others."""
    counts = runtime.pipeline.open_spans.counts()
    found: Counter[str] = Counter()
    for name, count in counts.most_common(_MOST_NAMES):
        found[runtime.shield.name(name, "traces")[:_LONGEST_NAME]] += count
    if rest := counts.total() - found.total():
        found[_REST] += rest
    return found


def check_processes(states: Iterable[Mapping[str, Any]]) -> Iterator[HealthCheck]:
    """Check the guard, the ledger and internal errors over all processes."""
    known = list(states)
    if not known:
        return
    bare = [state for state in known if not state.get("guard_ok", True)]
    detail = f"in place in {len(known) - len(bare)} of {_processes(known)}"
    yield HealthCheck("guard", "critical" if bare else "healthy", detail, len(bare))
    yield _lag(known)
    queued = sum(sum(state.get("export_waiting", {}).values()) for state in known)
    yield HealthCheck("export queues", "healthy", f"{queued:,} records wait", queued)
    faults = sum(sum(state.get("faults", {}).values()) for state in known)
    status = "warning" if faults else "healthy"
    yield HealthCheck("own errors", status, f"{faults:,} in {_processes(known)}", faults)
    yield _open(known)


def _open(known: list[Mapping[str, Any]]) -> HealthCheck:
    """Report operations in progress."""
    counts: Counter[str] = Counter()
    for state in known:
        counts.update(state.get("open_spans", {}))
    named = [f"{figures.printable(name)} ({count:,})" for name, count in counts.most_common(5)]
    more = ", ..." if len(counts) > len(named) else ""
    detail = f"{counts.total():,} now" + (f": {', '.join(named)}{more}" if named else "")
    return HealthCheck("open spans", "healthy", detail, counts.total())


def _lag(known: list[Mapping[str, Any]]) -> HealthCheck:
    waiting = sum(int(state.get("ledger_waiting", 0)) for state in known)
    faults = sorted({str(state["ledger_fault"]) for state in known if state.get("ledger_fault")})
    detail = f"{waiting:,} calls wait" + (f": {', '.join(faults)}" if faults else "")
    status = "degraded" if faults else "warning" if waiting > LAG_CALLS else "healthy"
    return HealthCheck("ledger lag", status, detail, waiting)


def _processes(known: list[Mapping[str, Any]]) -> str:
    return f"{len(known)} process" + ("" if len(known) == 1 else "es")
