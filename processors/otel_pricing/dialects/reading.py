"""Read a model call by a table of names; what every dialect shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_pricing import outcome, scope_keys
from otel_pricing.call import ModelCall
from otel_pricing.dialects.names import CONVENTION, AttributeNames
from otel_pricing.hosts import provider_of
from otel_pricing.prices.aliases import list_provider, names_no_seller
from otel_pricing.prompts import prompt_digest
from otel_pricing.usage import Counts, normalise
from otel_pricing.values import first_count, first_text, nanoseconds, usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing.record import SpanRecord

FIRST_TOKEN_EVENTS = frozenset({"First Token Stream Event", "gen_ai.content.completion.chunk"})

_CLIENT_OF_MANY = "openai"
"""Many providers are reached with its client."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of instrumentations writes a model call."""

    name: str
    speaks: Callable[[SpanRecord], bool]
    """Whether a span is written in this dialect."""
    operation: Callable[[SpanRecord], str | None]
    """The model-call operation of a span in this dialect; None for agents, tools and chains."""
    names: AttributeNames = CONVENTION
    input_excludes_cache: bool = False
    """Whether input tokens are counted without the cached ones."""
    refine: Callable[[SpanRecord, ModelCall], ModelCall] | None = None
    """Corrects the call with what this dialect says in its own way."""

    def read(self, record: SpanRecord) -> ModelCall | None:
        """Return the call *record* describes, or None when it is not a model call."""
        operation = self.operation(record)
        if operation is None:
            return None
        call = self._call(record, operation)
        return self.refine(record, call) if self.refine else call

    def _call(self, record: SpanRecord, operation: str) -> ModelCall:
        attributes, names = record.attributes, self.names
        resource = record.resource_attributes
        error = outcome.error_type(record)
        provider = self._provider(record)
        return ModelCall(
            trace_id=record.trace_id,
            span_id=record.span_id,
            parent_span_id=record.parent_span_id,
            start_ns=record.start_ns,
            end_ns=max(record.start_ns, record.end_ns),
            scope=record.scope_name,
            operation=operation,
            provider=provider,
            request_model=first_text(attributes, names.request_model) or "",
            response_model=first_text(attributes, names.response_model) or "",
            response_id=first_text(attributes, names.response_id),
            service_tier=first_text(attributes, names.service_tier)
            or first_text(attributes, names.requested_tier),
            usage=normalise(
                self._counts(record),
                input_excludes_cache=self.input_excludes_cache,
                rest_is_output=list_provider(provider) == "google",
            ),
            max_output_tokens=first_count(attributes, names.max_output_tokens),
            streamed=self._streamed(record),
            error_type=error,
            http_status_code=outcome.http_status_code(record),
            request_never_sent=error is not None and outcome.never_sent(record),
            time_to_first_token_ns=self._first_token(record),
            service=first_text(resource, ("service.name",)) or "",
            tenant=first_text(attributes, scope_keys.TENANT)
            or first_text(resource, scope_keys.TENANT),
            user=first_text(attributes, scope_keys.USER),
            session=first_text(attributes, scope_keys.SESSION),
            agent=first_text(attributes, scope_keys.AGENT),
            feature_flag=scope_keys.feature_flag(attributes),
            prompt_mark=prompt_digest(attributes),
            reported_cost_usd=next(
                (c for n in names.reported_cost if (c := usd(attributes.get(n))) is not None), None
            ),
        )

    def _provider(self, record: SpanRecord) -> str:
        said = first_text(record.attributes, self.names.provider) or ""
        if said.lower() == _CLIENT_OF_MANY or names_no_seller(said):
            server = first_text(record.attributes, self.names.server)
            return (provider_of(server) if server else None) or said
        return said

    def _counts(self, record: SpanRecord) -> Counts:
        attributes, names = record.attributes, self.names
        return Counts(
            input_tokens=first_count(attributes, names.input_tokens),
            output_tokens=first_count(attributes, names.output_tokens),
            total_tokens=first_count(attributes, names.total_tokens),
            cache_read_tokens=first_count(attributes, names.cache_read_tokens),
            cache_write_tokens=first_count(attributes, names.cache_write_tokens),
            cache_write_5m_tokens=first_count(attributes, names.cache_write_5m_tokens),
            cache_write_1h_tokens=first_count(attributes, names.cache_write_1h_tokens),
            reasoning_tokens=first_count(attributes, names.reasoning_tokens),
            input_audio_tokens=first_count(attributes, names.input_audio_tokens),
            output_audio_tokens=first_count(attributes, names.output_audio_tokens),
            web_search_requests=first_count(attributes, names.web_search_requests),
        )

    def _streamed(self, record: SpanRecord) -> bool | None:
        for name in self.names.streamed:
            value = record.attributes.get(name)
            if isinstance(value, bool):
                return value
        return None

    def _first_token(self, record: SpanRecord) -> int | None:
        for name in self.names.first_token_seconds:
            found = nanoseconds(record.attributes.get(name))
            if found is not None:
                return found
        for event in record.events:
            if event.name in FIRST_TOKEN_EVENTS and event.time_ns >= record.start_ns:
                return event.time_ns - record.start_ns
        return None
