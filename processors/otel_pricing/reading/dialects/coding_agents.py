"""Coding agents (Claude Code, Codex, Gemini CLI): counts without a prefix, often as text.

They report a call in a log record, some also in a span, with the same names. `log_events` converts
a log record into a span record for these dialects.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import scopes_of
from otel_pricing.model.values import first_text, nanoseconds, text
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.names import plus
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

EVENT = "event.name"
CLAUDE_SCOPES = scopes_of("claude-code")
CODEX_SCOPES = scopes_of("codex")
GEMINI_SCOPES = scopes_of("gemini-cli")
SPAN_TYPE = "span.type"
LLM_REQUEST = "llm_request"


def is_gemini_cli(scope_name: str, service_name: object) -> bool:
    """Return whether a record is from the Gemini CLI."""
    return scope_name.startswith(GEMINI_SCOPES) or service_name in GEMINI_SCOPES


def _claude_operation(record: SpanRecord) -> str | None:
    kind = text(record.attributes.get(SPAN_TYPE))
    if kind is not None:
        return "chat" if kind == LLM_REQUEST else None
    return otel_genai.operation(record)


def _of_provider(provider: str) -> Callable[[SpanRecord, ModelCall], ModelCall]:
    def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
        """Set the provider, which the agent does not report."""
        first = nanoseconds(record.attributes.get("ttft_ms"))
        return replace(
            call,
            provider=call.provider or provider,
            time_to_first_token_ns=call.time_to_first_token_ns
            or (None if first is None else first // 1000),
            session=call.session or first_text(record.attributes, _SESSION),
            user=call.user or first_text(record.attributes, _USER),
        )

    return refine


_SESSION = ("session.id", "conversation.id", "session_id")
_USER = ("user.id", "user.account_id", "user.account_uuid", "installation.id")
_MODEL = ("model",)

CLAUDE_CODE = Dialect(
    "claude-code",
    # Only Claude Code has this type of span; a collector may have dropped the scope.
    matches=lambda record: (
        record.scope_name.startswith(CLAUDE_SCOPES)
        or record.attributes.get(SPAN_TYPE) == LLM_REQUEST
    ),
    operation=_claude_operation,
    input_excludes_cache=True,
    refine=_of_provider("anthropic"),
    names=plus(
        response_model=_MODEL,
        response_id=("request_id",),
        input_tokens=("input_tokens",),
        output_tokens=("output_tokens",),
        cache_read_tokens=("cache_read_tokens", "cache_read_input_tokens"),
        cache_write_tokens=("cache_creation_tokens", "cache_creation_input_tokens"),
        reported_cost=("cost_usd",),
    ),
)

CODEX = Dialect(
    "codex",
    matches=lambda record: record.scope_name.startswith(CODEX_SCOPES),
    operation=otel_genai.operation,
    refine=_of_provider("openai"),
    names=plus(
        response_model=_MODEL,
        input_tokens=("input_token_count",),
        output_tokens=("output_token_count",),
        cache_read_tokens=("cached_token_count",),
        reasoning_tokens=("reasoning_token_count",),
    ),
)

GEMINI_CLI = Dialect(
    "gemini-cli",
    matches=lambda record: is_gemini_cli(
        record.scope_name, record.resource_attributes.get("service.name")
    ),
    operation=otel_genai.operation,
    refine=_of_provider("gcp.gemini"),
    # The two totals exclude thoughts and results of tools.
    beside=(("thoughts_token_count", "output_tokens"), ("tool_token_count", "input_tokens")),
    names=plus(
        response_model=_MODEL,
        input_tokens=("input_token_count",),
        output_tokens=("output_token_count",),
        total_tokens=("total_token_count",),
        cache_read_tokens=("cached_content_token_count",),
        reasoning_tokens=("thoughts_token_count",),
    ),
)
