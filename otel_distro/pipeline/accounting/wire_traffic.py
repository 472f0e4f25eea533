"""Connects the observer of HTTP clients to accounting: requests in, spans out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from otel_distro.api.budget import current_scope
from otel_distro.base.inherited_attributes import inherited
from otel_distro.pipeline.accounting.batch_spans import BatchSpans
from otel_distro.pipeline.accounting.wire_calls import (
    AGENT,
    FLAG,
    SESSION,
    TENANT,
    USER,
    VARIANT,
    WireCall,
)
from otel_distro.pipeline.accounting.wire_spans import WireSpans
from otel_pricing.model import scope_keys
from otel_pricing.model.instrumentations import BATCH_SCOPE, WIRE_SCOPE
from otel_pricing.model.values import first_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context

    from otel_distro.pipeline.accounting.claimed_results import ClaimedResults
    from otel_distro.pipeline.accounting.open_requests import OpenRequests
    from otel_distro.pipeline.accounting.settlement import Account, Settlement
    from otel_pricing import ModelCall
    from otel_wire.observer import Observer
    from otel_wire.record import WireRecord

_SCOPES = {
    "tenant": (TENANT, scope_keys.TENANT),
    "user": (USER, scope_keys.USER),
    "session": (SESSION, scope_keys.SESSION),
    "agent": (AGENT, scope_keys.AGENT),
}
"""Scope of budgets -> attribute on spans of ours, and the attributes it is read from."""
_REMEMBERED = 4096
"""Number of request times kept, to distinguish cached responses from others."""


class WireTraffic:
    """The requests of this process to model providers.

    *context_attributes* returns the inherited attributes of a context.
    """

    def __init__(
        self,
        context_attributes: Callable[[Context], Mapping[str, Any]],
    ) -> None:
        self._observer: Observer | None = None
        self._context_attributes = context_attributes
        self.kept: OpenRequests | None = None
        """Keeps requests until the ledger has them; None without a ledger."""
        self.claims: ClaimedResults | None = None
        """Batch results claimed by all processes; None deduplicates within this process only."""
        self._stored: deque[int] = deque()
        self._claimed: deque[int] = deque()
        self._settlement: Settlement | None = None
        self._wake: Callable[[], None] = lambda: None
        self._stop: Callable[[], None] = lambda: None
        self._times: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._spans = WireSpans(self._is_described)
        self._results = BatchSpans()
        self.service = ""
        self.on_admitted: Callable[[tuple[int, int], Any], None] = lambda _key, _admission: None
        """Called with the key of each call that a budget admitted."""

    def attach(self, settlement: Settlement, wake: Callable[[], None]) -> None:
        """Account for requests in *settlement* from now on; also again in a forked child."""
        self._settlement, self._wake = settlement, wake
        provider, self._spans = self._spans.provider, WireSpans(self._is_described)
        self._spans.provider = provider
        self._times.clear()
        self._stored.clear()
        self._claimed.clear()

    def install(self, tracer_provider: Any) -> None:
        """Emit spans for undescribed requests and batch results through *tracer_provider*."""
        resource = getattr(tracer_provider, "resource", None)
        if resource is not None:
            self.service = str(resource.attributes.get("service.name", ""))
            self._spans.provider = self._results.provider = tracer_provider
        from otel_wire.observer import observer

        self._observer = observer
        observer.kept = self.kept
        self._results.claims = self.claims
        self._stop = observer.observe_results(
            lambda result, spans: self._results.take(result, spans, self._about)
        )

    def close(self) -> None:
        """Stop taking batch results and recording requests."""
        self._stop()
        if self._observer is not None:
            self._observer.kept = None

    def decided(self, calls: Sequence[ModelCall], *, durable: bool) -> None:
        """Clear the recorded requests of *calls* in the ledger once they are *durable*."""
        if self.claims is not None:
            self._claimed.extend(call.span_id for call in calls if call.scope == BATCH_SCOPE)
            if durable and self._claimed:
                self.claims.stored(self._claimed.popleft() for _ in range(len(self._claimed)))
        if self.kept is None:
            return
        self._stored.extend(call.span_id for call in calls if call.scope == WIRE_SCOPE)
        if durable and self._stored:
            self.kept.end([self._stored.popleft() for _ in range(len(self._stored))])

    def take(self, record: WireRecord) -> None:
        """Queue one finished request; called on the observer's thread."""
        wire = WireCall.of(record, self.service, self._about(record.context))
        if wire is None or self._settlement is None:
            if self.kept is not None:
                self.kept.end([record.call_id])
            return
        self._times.append((record.start_ns, record.end_ns))
        if record.admission is not None:
            self.on_admitted(wire.key, record.admission)
        self._settlement.put_request(wire)
        self._wake()

    def _about(self, context: Context) -> Mapping[str, Any]:
        span: Any = trace.get_current_span(context)
        around: list[Mapping[str, Any]] = [getattr(span, "attributes", None) or {}, inherited(span)]
        scope = current_scope(context)
        scope_attributes = {key: scope[name] for name, (key, _) in _SCOPES.items() if name in scope}
        known = {
            key: value
            for key, keys in _SCOPES.values()
            if (value := next((v for each in around if (v := first_text(each, keys))), None))
        }
        flags = next((each for each in around if each.get(FLAG)), {})
        known.update((key, flags[key]) for key in (FLAG, VARIANT) if key in flags)
        return {**known, **self._context_attributes(context), **scope_attributes}

    def drain(self) -> None:
        """Read the responses that have ended since the last call."""
        if self._observer is not None:
            self._observer.drain()

    def is_open(self) -> bool:
        """Return whether a response is in progress."""
        return self._observer is not None and bool(self._observer.started_ns())

    def sent_between(self, since_ns: int, until_ns: int, *, and_is_open: bool) -> bool:
        """Whether a request was sent in that time; *and_is_open*: and is still open."""
        under_way = self._observer.started_ns() if self._observer is not None else ()
        if any(since_ns <= start_ns <= until_ns for start_ns in under_way):
            return True
        return not and_is_open and any(
            since_ns <= start_ns <= until_ns for start_ns, _ in list(self._times)
        )

    def show(self, account: Account, call: ModelCall) -> None:
        """Emit a span for a request, unless an instrumentation describes it."""
        self._spans.add(account, call)

    def due_in(self) -> float | None:
        """Return the seconds until a span is due; None when none waits."""
        return self._spans.due_in()

    def end_due(self, *, all_of_them: bool = False) -> None:
        """End the spans of requests that no instrumentation described in time."""
        self._spans.end_due(all_of_them=all_of_them)

    def _is_described(self, wire: WireCall) -> bool:
        return self._settlement is None or self._settlement.is_described(wire)
