"""OpenInference (Arize): `llm.*` names, and the request and response as JSON strings.

The response id and the service tier are only in that JSON. They are read because otherwise a call
is billed twice or at the wrong tier; nothing else of the text is kept. Counts come only from the
count attributes: a partially captured response must not change the bill.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.model.values import count, json_object, text, walk
from otel_pricing.reading.dialects.names import plus
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

KIND = "openinference.span.kind"
OPERATION_OF_KIND = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"}
PARAMETERS = ("llm.invocation_parameters", "embedding.invocation_parameters")
OUTPUT = "output.value"
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")

_PRIVATE_METHOD = re.compile(r"\w\._[a-z]\w*\Z")

# Location of the provider's metadata in LangChain's result.
_LANGCHAIN_METADATA = ("generations", 0, 0, "message", "kwargs", "response_metadata")
# Anthropic's fast mode is a speed, and it costs like a tier.
_TIERS = (("usage", "speed"), ("service_tier",), ("usage", "service_tier"))


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation of the span's kind; None for agents, chains and tools."""
    kind = text(record.attributes.get(KIND))
    if _PRIVATE_METHOD.search(record.name) and not _has_tokens(record):
        # LlamaIndex uses this kind for every method of a model, also for those that only prepare a
        # call.
        return None
    return OPERATION_OF_KIND.get(kind.upper()) if kind else None


def _has_tokens(record: SpanRecord) -> bool:
    return any(name.startswith("llm.token_count.") for name in record.attributes)


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Add facts that are only in the JSON of request and response."""
    parameters = next(
        (p for name in PARAMETERS if (p := json_object(record.attributes.get(name)))), {}
    )
    limits = (count(parameters.get(name)) for name in OUTPUT_LIMITS)
    streamed = parameters.get("stream")
    call = replace(
        call,
        request_model=call.request_model or _text(parameters, "model", "model_name", "model_id"),
        service_tier=call.service_tier or text(parameters.get("service_tier")),
        max_output_tokens=call.max_output_tokens or next((n for n in limits if n), None),
        streamed=streamed if isinstance(streamed, bool) else call.streamed,
    )
    # Embeddings are megabytes of numbers, and their responses have no id.
    if call.operation != "chat" or call.failed:
        return call
    answer = json_object(record.attributes.get(OUTPUT))
    objects = [
        s for s in (answer, walk(answer, *_LANGCHAIN_METADATA), answer.get("llm_output")) if s
    ]
    ids = (text(walk(s, name)) for s in objects for name in ("id", "responseId", "response_id"))
    tiers = (text(walk(s, *path)) for s in objects for path in _TIERS)
    return replace(
        call,
        response_id=call.response_id or next((i for i in ids if i), None),
        service_tier=next((t for t in tiers if t), None) or call.service_tier,
    )


def _text(parameters: dict[str, object], *names: str) -> str:
    return next((found for name in names if (found := text(parameters.get(name)))), "")


OPENINFERENCE = Dialect(
    "openinference",
    matches=lambda record: KIND in record.attributes,
    operation=operation,
    refine=refine,
    names=plus(
        provider=("llm.provider", "llm.system"),
        request_model=("llm.request.model_name",),
        response_model=(
            "llm.response.model_name",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
        ),
        input_tokens=("llm.token_count.prompt", "embedding.token_count.prompt"),
        output_tokens=("llm.token_count.completion",),
        total_tokens=("llm.token_count.total",),
        cache_read_tokens=(
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
        ),
        cache_write_tokens=("llm.token_count.prompt_details.cache_write",),
        reasoning_tokens=("llm.token_count.completion_details.reasoning",),
        input_audio_tokens=("llm.token_count.prompt_details.audio",),
        output_audio_tokens=("llm.token_count.completion_details.audio",),
    ),
)
