"""A guarded SDK inside the test process whose accounts observe requests to model providers."""

from __future__ import annotations

import http.client
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
import urllib3
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_budget import LatencyBudgets
from otel_distro.api import context as contexts
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.accounting.wire_traffic import WireTraffic
from otel_distro.pipeline.install import guard_tracer_provider
from otel_distro.pipeline.pipeline import ALLOW_ALL, Pipeline
from otel_pricing import PriceBook
from otel_redaction import Redactor
from otel_redaction.shield import Shield
from otel_wire import clients
from otel_wire.observer import observer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.sampling import Sampler

    from otel_distro.pipeline.pipeline import ExportGate
    from otel_pricing import PricedCall
    from support.charging_provider import ChargingProvider

FLUSH_S = 60.0
"""Longer than any flush takes, the first price included."""
QUESTION: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hi, I am ada@lovelace.example"}],
}
OPENAI_SCOPE = "opentelemetry.instrumentation.genai.openai"
FRAMEWORK_SCOPE = "openinference.instrumentation.langchain"


class WiredSdk:
    """A tracer provider with an in-memory exporter, the accounts, and a model provider."""

    def __init__(
        self,
        provider: ChargingProvider,
        *,
        sampler: Sampler | None = None,
        gate: ExportGate = ALLOW_ALL,
    ) -> None:
        for module in (aiohttp, httpx2, urllib3, http.client):
            clients.install(module)
        self.provider = provider
        self.internal_errors = InternalErrors()
        self.calls: dict[tuple[int, int], PricedCall] = {}
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(
            sampler=sampler, resource=Resource({"service.name": "shop"}), shutdown_on_exit=False
        )
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.traffic = WireTraffic(partial(contexts.attributes, trusted_keys=("session.id",)))
        self.accounts = Accounts(
            load_prices=PriceBook,
            latency=LatencyBudgets(),
            internal_errors=self.internal_errors,
            call_sinks=[self],
            wire=self.traffic,
        )
        pipeline = Pipeline(Shield(Redactor()), self.accounts, self.internal_errors, gate=gate)
        guard_tracer_provider(self.tracer_provider, pipeline)
        self.traffic.install(self.tracer_provider)
        self._stop = observer.observe(self.traffic.take)

    def close(self) -> None:
        """Stop observing."""
        observer.end_all()
        self._stop()
        self.traffic.close()

    # A sink of the accounts.

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Store the last decision on each call."""
        for priced in (*new, *revised):
            self.calls[priced.call.trace_id, priced.call.span_id] = priced

    def flush(self) -> None:
        """There is no queue."""

    # Actions of a program.

    def ask(self, path: str = "/v1/chat/completions", **more: Any) -> httpx2.Response:
        """Send one request without a provider's client library."""
        return httpx2.post(self.provider.url + path, json={**QUESTION, **more}, timeout=30)

    def describe(
        self, scope: str, answer: Mapping[str, Any] | None = None, **more: Any
    ) -> _Described:
        """Return a context manager: the span of an instrumentation around a call.

        *answer* is its report of the response, if it is known before the call.
        """
        return _Described(self, scope, answer or {}, more)

    # Results.

    def billed(self) -> list[PricedCall]:
        """Return the billed calls, after all settlements."""
        assert self.accounts.flush(FLUSH_S)
        assert self.accounts.flush(FLUSH_S)  # spans that the first one ended
        return [priced for priced in self.calls.values() if priced.billed]

    def account(self) -> tuple[int, int]:
        """Return the number and the cost in nano-USD of calls for the ledger."""
        billed = self.billed()
        return len(billed), sum(priced.cost_nano_usd or 0 for priced in billed)

    def served(self) -> tuple[int, int]:
        """Return the number and the cost in nano-USD of served requests."""
        served = self.provider.account.served()
        return len(served), sum(request.nano_usd or 0 for request in served)

    def spans(self, scope: str | None = None) -> list[ReadableSpan]:
        """Return the exported spans, after all settlements."""
        self.billed()
        return [
            span
            for span in self.exporter.get_finished_spans()
            if scope is None
            or (span.instrumentation_scope is not None and span.instrumentation_scope.name == scope)
        ]


class _Described:
    def __init__(
        self, sdk: WiredSdk, scope: str, answer: Mapping[str, Any], more: Mapping[str, Any]
    ) -> None:
        self._tracer = sdk.tracer_provider.get_tracer(scope)
        self._attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": QUESTION["model"],
            **more,
            **response_attributes(answer),
        }

    def __enter__(self) -> Any:
        self._manager = self._tracer.start_as_current_span(
            "chat gpt-4o", attributes=self._attributes
        )
        return self._manager.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._manager.__exit__(*error)


def response_attributes(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes by which an instrumentation reports the chat completion *answer*."""
    if not answer:
        return {}
    usage = answer.get("usage") or {}
    return {
        "gen_ai.response.id": answer["id"],
        "gen_ai.response.model": answer["model"],
        "gen_ai.usage.input_tokens": usage.get("prompt_tokens", 0),
        "gen_ai.usage.output_tokens": usage.get("completion_tokens", 0),
    }
