"""`SqliteCostExporter`: the ledger as a standard span exporter, for any OpenTelemetry SDK."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_cost_ledger.sqlite.forking import LONGEST_WAIT_S, watch
from otel_cost_ledger.sqlite.paths import default_ledger_path
from otel_cost_ledger.write.kept_here import is_kept
from otel_cost_ledger.write.writer import LedgerWriter
from otel_pricing import BillingWindow, PriceBook, from_readable_span, price_call, read_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_pricing import PricedCall

_log = logging.getLogger("otel_cost_ledger")


class SqliteCostExporter(SpanExporter):
    """Stores the cost of every model call; other spans are ignored.

    Put it behind a `BatchSpanProcessor`. *path* None means `default_ledger_path`. Names go through
    *clean* before they are stored; without *pseudonym_key* users and sessions are not. An exporter
    never receives spans that a sampler dropped, so costs are complete only with a sampler that
    keeps model calls.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        book: PriceBook | None = None,
        clean: Callable[[str], str] = str,
        pseudonym_key: bytes | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if path is None:
            # This class also works without the distro and its settings.
            path = default_ledger_path(os.environ if environ is None else environ)  # noqa: TID251
        self._path = Path(path)
        self._book = PriceBook() if book is None else book
        self._window = BillingWindow()
        self._lock = threading.Lock()
        self._complained = False
        self._writer = LedgerWriter(path, clean=clean, pseudonym_key=pseudonym_key)
        self._held_for_fork = False
        watch(self)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Price and store the model calls among *spans*.

        A ledger that cannot be written now is no failure: the writer keeps the calls. A ledger that
        the distribution writes in this process is skipped: it has every call.
        """
        if is_kept(self._path):
            return SpanExportResult.SUCCESS
        try:
            with self._lock:
                new, revised = self._decide(spans)
            if new:
                self._writer.write(new)
            if revised:
                self._writer.revise(revised)
        except Exception as error:  # an exporter must not raise into the SDK
            if not self._complained:
                self._complained = True
                # The type only: a message may quote values of a span.
                _log.warning("a batch of spans could not be priced: %s", type(error).__name__)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Store queued calls; the ledger's timeouts are shorter than any sensible one."""
        return self._writer.force_flush().durable

    def shutdown(self) -> None:
        """Store queued calls, leave the rest in the spill file, and close the ledger."""
        self._writer.shutdown()

    def before_fork(self) -> None:
        """Wait for current decisions to finish, so that the child's state is consistent."""
        self._held_for_fork = self._lock.acquire(timeout=LONGEST_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Release the lock."""
        if self._held_for_fork:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Reset after fork; the parent keeps its billing decisions."""
        self._lock = threading.Lock()
        self._window = BillingWindow()

    def _decide(self, spans: Sequence[ReadableSpan]) -> tuple[list[PricedCall], list[PricedCall]]:
        """Return the calls of *spans*, and earlier ones with a changed decision."""
        new: dict[tuple[int, int], PricedCall] = {}
        revised: dict[tuple[int, int], PricedCall] = {}
        for span in spans:
            call = read_call(from_readable_span(span))
            if call is None:
                continue
            decided, *changed = self._window.offer(price_call(call, self._book))
            new[call.trace_id, call.span_id] = decided
            for other in changed:
                key = (other.call.trace_id, other.call.span_id)
                (new if key in new else revised)[key] = other
        return list(new.values()), list(revised.values())
