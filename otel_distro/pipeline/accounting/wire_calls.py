"""Requests observed on the wire, as model calls of the ledger."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from otel_distro.pipeline.accounting.gateway_calls import number_for
from otel_pricing import ModelCall, Usage
from otel_pricing.model.instrumentations import WIRE_SCOPE
from otel_pricing.model.output_limits import output_limit
from otel_wire.operations import CHAT, GENERATE_CONTENT, TEXT_COMPLETION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_wire.record import WireRecord
    from otel_wire.requests import ModelRequest

BATCH = "batch"
"""Operation of a request that submits a batch: its lines are charged when they complete."""
NO_RESPONSE = "no_response"
"""Error type of a request that had no response yet when the process ended."""
REFUSED = "refused"
NOT_SENT = "not_sent"
_TEXT = frozenset({CHAT, GENERATE_CONTENT, TEXT_COMPLETION})
_NOT_READ = frozenset({"abandoned", "unread", "network"})

SESSION, USER, TENANT = "session.id", "user.id", "tenant.id"
AGENT, FLAG, VARIANT = "gen_ai.agent.name", "feature_flag.key", "feature_flag.result.variant"
_CONTEXT_FIELDS = ("tenant", "user", "session", "agent", "feature_flag", "prompt_mark")


@dataclass(frozen=True, slots=True)
class WireCall:
    """One request as a model call, with the ids of its span."""

    record: WireRecord
    trace_id: int
    span_id: int
    service: str
    context_attributes: Mapping[str, Any]
    """The inherited attributes of the request: session, user, tenant, agent, feature flag."""

    @classmethod
    def of(
        cls, record: WireRecord, service: str, context_attributes: Mapping[str, Any]
    ) -> WireCall | None:
        """Return the call of *record*; None if nothing was sent or nothing is charged yet."""
        if record.ending.value in {REFUSED, NOT_SENT} or record.request.operation == BATCH:
            return None
        trace_id = record.trace_id or secrets.randbits(128) or 1
        span_id = record.call_id or secrets.randbits(64) or 1
        return cls(record, trace_id, span_id, service, context_attributes)

    @property
    def key(self) -> tuple[int, int]:
        """Trace id and span id."""
        return self.trace_id, self.span_id

    def model_call(self) -> ModelCall:
        """Return the call as pricing and the ledger take it."""
        record, about = self.record, self.context_attributes
        request, answer = record.request, record.answer
        usage, why = _usage(record)
        return ModelCall(
            trace_id=self.trace_id,
            span_id=self.span_id,
            parent_span_id=record.span_id or None,
            start_ns=record.start_ns,
            end_ns=record.end_ns,
            scope=WIRE_SCOPE,
            operation=request.operation,
            provider=request.provider,
            request_model=request.model,
            response_model=answer.model,
            response_id=answer.response_id,
            service_tier=answer.tier or None,
            usage=usage,
            usage_estimate=why,
            most_input_tokens=_most_input(record),
            own_host_process=number_for(record.host),
            max_output_tokens=_most_output(request),
            streamed=request.streamed,
            error_type=_error_type(record),
            http_status_code=record.status,
            time_to_first_token_ns=_since_start(record),
            service=self.service,
            tenant=_text(about.get(TENANT)),
            user=_text(about.get(USER)),
            session=_text(about.get(SESSION)),
            agent=_text(about.get(AGENT)),
            feature_flag=_flag(about),
            reported_cost_usd=answer.reported_cost_usd,
            reported_cost_source="the provider" if answer.reported_cost_usd is not None else "",
            settled_by_budget=record.admitted,
        )


def with_context_of(call: ModelCall, others: Iterable[ModelCall]) -> ModelCall:
    """Return *call* with missing inherited attributes taken from spans of the same call."""
    missing = {name for name in _CONTEXT_FIELDS if getattr(call, name) is None}
    fields: dict[str, Any] = {}
    for other in others:
        for name in missing - fields.keys():
            if (value := getattr(other, name)) is not None:
                fields[name] = value
    return replace(call, **fields) if fields else call


def _usage(record: WireRecord) -> tuple[Usage | None, str]:
    """Return the usage, and the reason it is an estimate; an empty reason if it was reported."""
    from otel_wire.estimates import usage_or_estimate

    answer = record.answer
    if record.is_error or record.status is None or not answer.bytes_read:
        # Not charged for, or unknown: no estimate.
        return answer.usage, ""
    estimate = usage_or_estimate(record.request, answer)
    if not estimate.is_estimated:
        return estimate.usage, ""
    if answer.usage_is_bounded:
        return estimate.usage, "the response claims more than the request allows"
    how = "was broken off" if record.ending.value in _NOT_READ else "reports no usage"
    return estimate.usage, f"the response {how}; tokens estimated from what was sent and received"


def _most_input(record: WireRecord) -> int | None:
    """Return the bound of an unreported input; None if it was reported or has no bound."""
    reported = record.answer.usage
    if reported is not None and reported.input_tokens is not None:
        return None
    return record.request.input_ceiling_tokens if record.request.readable else None


def _most_output(request: ModelRequest) -> int | None:
    """Return the output limit of the request, or else of its model, over all choices."""
    if request.max_output_tokens is not None or request.operation not in _TEXT:
        return request.max_output_tokens
    if not request.readable or request.hidden_input:  # the provider may call it repeatedly
        return None
    limit = output_limit(request.model)
    return None if limit is None else limit * request.outputs


def _error_type(record: WireRecord) -> str | None:
    if record.answer.error_type:
        return record.answer.error_type
    if record.status is None:
        return "connection_error" if record.ending.value == "network" else NO_RESPONSE
    return str(record.status) if record.is_error else None


def _since_start(record: WireRecord) -> int | None:
    first = record.first_token_ns
    return first - record.start_ns if first is not None and record.request.streamed else None


def _flag(about: Mapping[str, Any]) -> str | None:
    flag, variant = _text(about.get(FLAG)), _text(about.get(VARIANT))
    return f"{flag}={variant}" if flag and variant else flag


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
