"""Message attributes of all conventions, and shields that remove them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import ReadWriteLogRecord

from otel_redaction.shield import OpenShield, Shield

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.retrieval.query.text",
        "gen_ai.retrieval.documents",
        "gen_ai.evaluation.explanation",
        "gen_ai.event.content",
        "input.value",
        "output.value",
        "traceloop.entity.input",
        "traceloop.entity.output",
        "tool.parameters",
        "tool_arguments",
        "tool_response",
        "all_messages_events",
        "pydantic_ai.all_messages",
        "final_result",
        "events",
    }
)
"""Attributes whose value is a message."""

_PREFIXES = (
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.request.messages",
    "gen_ai.response.messages",
    "gen_ai.content.",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "llm.completions",
    "llm.prompt_template",
    "llm.tools",
    "llm.function_call",
    "llm.request.functions",
    "embedding.text",
    "embedding.embeddings",
    "retrieval.documents",
    "reranker.query",
    "reranker.input_documents",
    "reranker.output_documents",
    "document.content",
    "message.content",
    "metadata.llm.",
)
"""Prefixes of attributes spread over many keys."""

_MEASURES = ("gen_ai.prompt.name", "gen_ai.prompt.version", "llm.prompt_template.version")
"""Names and versions of prompts reveal no message."""

_EVENTS = "gen_ai."


def is_message(key: str) -> bool:
    """Return whether the attribute *key* contains a message to or from a model."""
    return key in _NAMES or (key.startswith(_PREFIXES) and key not in _MEASURES)


def messages_in(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the messages among *attributes*."""
    return {key: value for key, value in (attributes or {}).items() if is_message(key)}


class _WithoutMessages(Shield):
    def body(self, body: Any, event_name: str | None, signal: str) -> Any:
        """Return the body redacted; None for an event of a model call."""
        if (event_name or "").startswith(_EVENTS):
            return None
        return super().body(body, event_name, signal)

    def attributes(self, attributes: Mapping[str, Any] | None, signal: str) -> dict[str, Any]:
        """Return redacted copies of the attributes without messages."""
        rest = {k: v for k, v in (attributes or {}).items() if not is_message(k)}
        return super().attributes(rest, signal)


class MessagelessShield(_WithoutMessages):
    """Redacts, and removes all messages."""


class OpenMessagelessShield(_WithoutMessages, OpenShield):
    """Removes messages only, for users without redaction."""


def without_messages(entry: ReadWriteLogRecord) -> ReadWriteLogRecord:
    """Return *entry*, or a copy without its body if it is an event of a model call."""
    record = entry.log_record
    if record.body is None or not (record.event_name or "").startswith(_EVENTS):
        return entry
    bare = copy.copy(record)
    bare.body = None
    return ReadWriteLogRecord(
        log_record=bare,
        resource=entry.resource,
        instrumentation_scope=entry.instrumentation_scope,
        limits=entry.limits,
    )
