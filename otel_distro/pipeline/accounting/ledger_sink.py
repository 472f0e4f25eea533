"""Writes settled calls to the cost ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.entries import LatencyViolation
from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.model.location import ClickHouseUrl, spill_path
from otel_cost_ledger.write.kept_here import keep
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.base import messages
from otel_distro.base.formatting import counted
from otel_distro.base.installation_key import installation_key
from otel_distro.pipeline.accounting.gateway_calls import GatewayCalls
from otel_distro.pipeline.accounting.maintenance import Maintenance
from otel_distro.pipeline.accounting.open_requests import FOLDER
from otel_distro.pipeline.pipeline import ALLOW_ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_budget.latency import LatencyRecord
    from otel_distro.pipeline.pipeline import ExportGate
    from otel_distro.settings import Settings
    from otel_pricing import PricedCall
    from otel_pricing.model.tool_call import ToolCall


def sink_for(
    settings: Settings, clean: Callable[[str], str], gate: ExportGate = ALLOW_ALL
) -> LedgerSink | None:
    """Return the sink for the calls of this process; None without a ledger to write to.

    A Collector fills a ledger in ClickHouse, from spans; this is reported once.
    """
    if isinstance(settings.ledger, ClickHouseUrl):
        messages.warn_once(
            f"{settings.ledger} is read-only for programs: send spans to a "
            "Collector that fills it (OTEL_EXPORTER_OTLP_ENDPOINT, docs/backends/clickhouse.md)"
        )
        return None
    return None if settings.ledger is None else LedgerSink(settings, clean, gate)


class LedgerSink:
    """Writes calls and latency violations; used on the accounting thread only."""

    def __init__(
        self, settings: Settings, clean: Callable[[str], str], gate: ExportGate = ALLOW_ALL
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._clean = clean
        self._opened: LedgerWriter | None = None
        self._maintained = False
        self._gateways: GatewayCalls | None = None
        if settings.ledger is not None:
            keep(settings.ledger)

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Store new calls and the changed decisions on earlier ones."""
        new, revised = self._admitted(new), self._admitted(revised)
        if not new and not revised:
            return
        writer = self._writer()
        if new:
            writer.write(new)
        if revised:
            writer.revise(revised)
        self._settle_with_gateways(writer, new)
        from otel_pricing.reading.tools import tools_of_provider

        by_provider = [tool for priced in new for tool in tools_of_provider(priced)]
        if by_provider:
            writer.record_tools(by_provider)
        _, fault = writer.lag()
        if not self._maintained and not fault:
            self._maintained = True
            settings = self._settings
            Maintenance(
                writer.location,
                settings.ledger_retention_days,
                settings.state_dir,
                message_days=settings.content_retention_days,
            ).start()

    def _settle_with_gateways(self, writer: LedgerWriter, new: Sequence[PricedCall]) -> None:
        if self._gateways is None:
            self._gateways = GatewayCalls(writer, self._settings.state_dir)
        try:
            through_gateways = self._gateways.revised(new)
        except LedgerError:  # the ledger cannot be read now; both calls stay billed
            return
        if through_gateways:
            writer.revise(through_gateways)

    def executed(self, tools: Sequence[ToolCall]) -> None:
        """Store executions of tools."""
        admitted = [tool for tool in tools if self._gate.admits(tool.start_ns)]
        if admitted:
            self._writer().record_tools(admitted)

    def judged(self, records: Sequence[LatencyRecord]) -> None:
        """Store the verdicts that are violations."""
        violations = [
            _violation(record)
            for record in records
            if record.verdict.exceeded and self._gate.admits(record.end_ns)
        ]
        if violations:
            self._writer().record_violations(violations)

    def _admitted(self, calls: Sequence[PricedCall]) -> Sequence[PricedCall]:
        return [priced for priced in calls if self._gate.admits(priced.call.start_ns)]

    def lag(self) -> tuple[int, str]:
        """Return how many calls wait for the ledger, and why if it cannot be written."""
        return self._opened.lag() if self._opened is not None else (0, "")

    def is_durable(self) -> bool:
        """Return whether all calls taken so far are in the ledger."""
        return not self.lag()[0]

    def save(self) -> bool:
        """Return whether all calls taken so far would survive a kill: stored, or in a file."""
        return self._opened is None or self._opened.spill()

    def flush(self) -> None:
        """Store all pending calls, even if the last attempt has just failed."""
        if self._opened is not None:
            self._opened.force_flush()

    def leave(self, unpriced: Sequence[PricedCall] = ()) -> bool:
        """Leave pending calls and *unpriced* for the next process to store; for the process's end.

        Callable from any thread; does not wait for the ledger. Returns whether all calls are safe.
        """
        unpriced = self._admitted(unpriced)
        if not unpriced and self._opened is None:
            return True
        # Not those of other processes: there is no time for that at exit.
        saved = self._writer(takes_over=False).save_waiting(unpriced)
        count = sum(priced.billed for priced in unpriced)
        if count and saved:
            messages.warn(
                f"{counted(count, 'model call')} could not be priced before the process "
                f"ended (OTEL_DISTRO_EXIT_TIMEOUT is {self._settings.exit_timeout:g} s); the next "
                "command that reads the ledger, such as `otel-distro costs`, stores and prices them"
            )
        return saved

    def _writer(self, *, takes_over: bool = True) -> LedgerWriter:
        # Opened at the first call: a process that never calls a model never touches the disk.
        if self._opened is None:
            path = self._settings.ledger
            assert path is not None  # noqa: S101 - a sink is created only with a ledger
            self._opened = LedgerWriter(
                path,
                clean=self._clean,
                pseudonym_key=installation_key(self._settings.state_dir),
                spill_to=spill_path(path, self._settings.state_dir),
                say=messages.warn,
            )
            if takes_over:
                self._recover_killed(self._opened)
        return self._opened

    def _recover_killed(self, writer: LedgerWriter) -> None:
        """Store the calls that killed processes sent and did not store."""
        folder = self._settings.state_dir / FOLDER
        if not folder.is_dir():
            return
        from otel_distro.pipeline.accounting.killed_requests import recover

        def store(calls: list[PricedCall]) -> bool:
            writer.write(self._admitted(calls))
            return not writer.lag()[0]

        taken = recover(folder, store)
        if taken:
            messages.warn(
                f"{counted(taken, 'model call')} of processes that were killed "
                "are in the ledger: at what their budget charged, else unpriced"
            )


def _violation(record: LatencyRecord) -> LatencyViolation:
    return LatencyViolation(
        operation=record.verdict.budget.operation,
        budget_ms=record.verdict.budget.ms,
        actual_ms=record.verdict.actual_ms,
        at_ns=record.end_ns,
        trace_id=record.context.trace_id,
        span_id=record.context.span_id,
    )
