"""Results of batch jobs: one call per line, at the rates of the batch tier.

    OpenAI, Azure, Mistral   {"id", "custom_id", "response": {"status_code", "body"}, "error"}
    Anthropic                {"custom_id", "result": {"type", "message"}}
    Gemini                   {"key", "response": {"usageMetadata", "modelVersion"}}
    Vertex AI                {"status", "processed_time", "request", "response"}
    Bedrock                  {"recordId", "modelInput", "modelOutput"}

A Gemini job with inline requests contains its results: `results_of_job`.

The ids of a call are derived from its line, so that reading a result again gives the same call.
Text in the line is not read.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import BATCH_SCOPE
from otel_pricing.model.makers import maker_of
from otel_pricing.model.record import SpanRecord
from otel_pricing.model.values import text
from otel_pricing.reading.otlp_values import object_of, objects_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TIER = "batch"
NOT_RUN = "batch requests that were not run"
"""Lines without usage: errors, expired and cancelled requests. Nothing is charged for them."""
_OPERATION_OF = {
    "list": "embeddings",
    "embedding": "embeddings",
    "text_completion": "text_completion",
    "moderation": "moderation",
}
_USAGE = ("usage", "usageMetadata", "usage_metadata")


def is_result(line: Mapping[str, object]) -> bool:
    """Return whether *line* is from the result of a batch job."""
    if "custom_id" in line:
        return "response" in line or "result" in line or "error" in line
    if "recordId" in line:
        return "modelOutput" in line or "error" in line
    if "processed_time" in line:
        return "request" in line and "response" in line
    return "key" in line and ("response" in line or "error" in line)


def results_of_job(job: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the lines of *job*, a Gemini job with inline requests; empty for others."""
    response = object_of(job.get("response") or job.get("dest"))
    inlined = response.get("inlinedResponses")
    lines = objects_of(object_of(inlined).get("inlinedResponses") or inlined)
    return [
        {"key": object_of(line.get("metadata")).get("key"), "response": line.get("response")}
        for line in lines
    ]


def span_of_result(line: Mapping[str, object], at_ns: int) -> SpanRecord | None:
    """Return the call in *line* as a span, or None if nothing was run.

    *at_ns* is its time in nanoseconds since 1970 if the line has none.
    """
    provider, body = _answer(line)
    usage = next((counts for key in _USAGE if (counts := object_of(body.get(key)))), {})
    if not usage:
        return None
    model = text(body.get("model")) or text(body.get("modelVersion")) or ""
    times = (body.get("created"), body.get("created_at"))
    created = next((t for t in times if isinstance(t, int | float) and 0 < t < MOST_SECONDS), None)
    start_ns = at_ns if created is None else int(created) * 1_000_000_000
    answer_id = text(body.get("id")) or text(body.get("responseId"))
    own_id = text(line.get("id")) or answer_id or text(line.get("recordId"))
    own_id = own_id or f"{line.get('key') or line.get('custom_id')} {model} {usage}"
    digest = hashlib.blake2b(own_id.encode("utf-8", "surrogatepass"), digest_size=24).digest()
    operation = _OPERATION_OF.get(str(body.get("object")), "chat")
    if provider == "openai":
        provider = maker_of(model) or provider
    return SpanRecord(
        trace_id=int.from_bytes(digest[:16], "big") or 1,
        span_id=int.from_bytes(digest[16:], "big") or 1,
        name=f"{operation} {model}".rstrip(),
        start_ns=start_ns,
        end_ns=start_ns,
        kind=3,
        scope_name=BATCH_SCOPE,
        attributes={
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.response.id": answer_id or "",
            "gen_ai.response.service_tier": TIER,
            "gen_ai.usage.raw": json.dumps({k: v for k, v in usage.items() if k != "service_tier"}),
        },
    )


MOST_SECONDS = 9_000_000_000
"""Seconds since 1970 that fit the ledger's nanoseconds."""


def _answer(line: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """Return the provider and the response, which is empty if the request was not run."""
    if "result" in line:
        return "anthropic", object_of(object_of(line["result"]).get("message"))
    if "recordId" in line:
        return "aws.bedrock", object_of(line.get("modelOutput"))
    response = object_of(line.get("response"))
    if "processed_time" in line:
        return "gcp.vertex_ai", response
    if "custom_id" not in line:
        return "gcp.gemini", response
    return "openai", object_of(response.get("body"))
