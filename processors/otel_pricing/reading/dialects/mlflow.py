"""MLflow's tracing: proprietary attributes, each value as JSON.

Chat models, plain ones, embeddings and rerankers are model calls; chains, agents, tools and
retrievers are not. The provider is mostly not reported; it is derived from the model's name.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.model.usage import Counts, normalise
from otel_pricing.model.values import count, json_object, text, usd, walk
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall, Usage
    from otel_pricing.model.record import SpanRecord

TYPE = "mlflow.spanType"
OPERATION_OF_TYPE = {
    "CHAT_MODEL": "chat",
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RERANKER": "rerank",
}
USAGE = "mlflow.chat.tokenUsage"
OUTPUT = "mlflow.spanOutputs"
COST = "mlflow.llm.cost"


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation of the span's type; None for other types."""
    return OPERATION_OF_TYPE.get(_text_of(record, TYPE))


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Read usage, provider and model from the JSON."""
    answer = {} if call.operation == "embeddings" else json_object(record.attributes.get(OUTPUT))
    tier = text(walk(answer, "service_tier")) or _text_of(record, "service_tier")
    cost = usd(json_object(record.attributes.get(COST)).get("total_cost"))
    if cost and not call.reported_cost_usd:
        call = replace(call, reported_cost_usd=cost, reported_cost_source=COST)
    return replace(
        call,
        provider=_text_of(record, "mlflow.llm.provider") or call.provider,
        request_model=_text_of(record, "model") or call.request_model,
        response_model=_text_of(record, "mlflow.llm.model") or call.response_model,
        response_id=call.response_id or text(walk(answer, "id")),
        service_tier=call.service_tier or tier or None,
        usage=_usage(record) or call.usage,
    )


def _usage(record: SpanRecord) -> Usage | None:
    usage = json_object(record.attributes.get(USAGE))
    return normalise(
        Counts(
            input_tokens=count(usage.get("input_tokens")),
            output_tokens=count(usage.get("output_tokens")),
            total_tokens=count(usage.get("total_tokens")),
            cache_read_tokens=count(usage.get("cache_read_input_tokens")),
            cache_write_tokens=count(usage.get("cache_creation_input_tokens")),
        )
    )


def _text_of(record: SpanRecord, name: str) -> str:
    """Return the text of an attribute, plain or as JSON."""
    value = text(record.attributes.get(name)) or ""
    if not value.startswith('"'):
        return value
    try:
        return text(json.loads(value)) or ""
    except ValueError:
        return ""


MLFLOW = Dialect(
    "mlflow", matches=lambda record: TYPE in record.attributes, operation=operation, refine=refine
)
