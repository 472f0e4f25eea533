"""Reader of model calls by a table of names, shared by all dialects."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from otel_pricing.model import outcome, scope_keys
from otel_pricing.model.call import ModelCall
from otel_pricing.model.hosts import provider_of
from otel_pricing.model.prompts import prompt_digest, prompt_has_sound
from otel_pricing.model.usage import Counts, normalise
from otel_pricing.model.values import (
    first_count,
    first_milliseconds,
    first_text,
    nanoseconds,
    truth,
    usd,
)
from otel_pricing.prices.aliases import list_provider, names_no_seller
from otel_pricing.reading.dialects.names import CONVENTION, COST_PARTS, CURRENCY, AttributeNames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from otel_pricing.model.record import SpanRecord

FIRST_TOKEN_EVENTS = frozenset({"First Token Stream Event", "gen_ai.content.completion.chunk"})

_IN_SECONDS = ("audio_milliseconds", "video_milliseconds")
_COUNTED = tuple(f.name for f in fields(Counts) if f.name not in _IN_SECONDS)

_CLIENT_OF_MANY = "openai"
"""Many providers are used with its client."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Format of model calls in one family of instrumentations."""

    name: str
    matches: Callable[[SpanRecord], bool]
    """Whether a span is written in this dialect."""
    operation: Callable[[SpanRecord], str | None]
    """The model-call operation of a span in this dialect; None for agents, tools and chains."""
    names: AttributeNames = CONVENTION
    input_excludes_cache: bool = False
    """Whether input tokens are counted without the cached ones."""
    beside: tuple[tuple[str, str], ...] = ()
    """(part, total): counts that this dialect excludes from their total."""
    refine: Callable[[SpanRecord, ModelCall], ModelCall] | None = None
    """Corrects facts that this dialect writes differently."""
    _count_of: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """Attribute name -> its possible counts: a span has few of the many names."""

    def __post_init__(self) -> None:
        """Index the names of counts by attribute."""
        index: dict[str, tuple[str, ...]] = {}
        for count in (*_COUNTED, *_IN_SECONDS):
            for name in getattr(self.names, count):
                index[name] = (*index.get(name, ()), count)
        object.__setattr__(self, "_count_of", index)

    def read(self, record: SpanRecord) -> ModelCall | None:
        """Return the call in *record*, or None if it is not a model call."""
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
        cost, cost_source = self._reported_cost(record)
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
                self.counts(record),
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
            prompt_has_sound=prompt_has_sound(attributes),
            reported_cost_usd=cost,
            reported_cost_source=cost_source,
        )

    def _provider(self, record: SpanRecord) -> str:
        provider = first_text(record.attributes, self.names.provider) or ""
        if provider.lower() == _CLIENT_OF_MANY or names_no_seller(provider):
            server = first_text(record.attributes, self.names.server)
            return (provider_of(server) if server else None) or provider
        return provider

    def counts(self, record: SpanRecord) -> Counts:
        """Return the counts of *record* as reported."""
        attributes, names = record.attributes, self.names
        by_name: dict[str, int | None] = {}
        for attribute in attributes:
            for count in self._count_of.get(attribute, ()):
                if count not in by_name:
                    read = first_milliseconds if count in _IN_SECONDS else first_count
                    by_name[count] = read(attributes, getattr(names, count))
        for part, total in self.beside:
            whole = by_name.get(total)
            if whole is not None:
                by_name[total] = whole + (first_count(attributes, (part,)) or 0)
        return Counts(**by_name)

    def _reported_cost(self, record: SpanRecord) -> tuple[Decimal | None, str]:
        attributes = record.attributes
        if (first_text(attributes, (CURRENCY,)) or "USD").upper() != "USD":
            return None, ""
        for name in self.names.reported_cost:
            cost = usd(attributes.get(name)) if name in attributes else None
            if cost is not None:
                return cost, name
        for of_input, of_output in COST_PARTS:
            if of_input in attributes and of_output in attributes:  # one part alone is not the cost
                first, second = usd(attributes[of_input]), usd(attributes[of_output])
                if first is not None and second is not None:
                    return first + second, f"{of_input} + {of_output}"
        return None, ""

    def _streamed(self, record: SpanRecord) -> bool | None:
        values = (truth(record.attributes.get(name)) for name in self.names.streamed)
        return next((value for value in values if value is not None), None)

    def _first_token(self, record: SpanRecord) -> int | None:
        for name in self.names.first_token_seconds:
            duration_ns = nanoseconds(record.attributes.get(name))
            if duration_ns is not None:
                return duration_ns
        for event in record.events:
            if event.name in FIRST_TOKEN_EVENTS and event.time_ns >= record.start_ns:
                return event.time_ns - record.start_ns
        return None
