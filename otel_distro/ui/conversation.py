"""Messages of a model call as a conversation, from their attributes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_distro.ui.log_page import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LONGEST: Final = 20_000
_MOST: Final = 200
_SYSTEM: Final = "gen_ai.system_instructions"
_WHOLE: Final = ("gen_ai.input.messages", "gen_ai.output.messages")
_INDEXED: Final = re.compile(
    r"(?:gen_ai\.(prompt|completion)|llm\.(input_messages|output_messages))\.(\d{1,4})\."
    r"(?:message\.)?(role|content)"
)
_TOOL: Final = {
    "gen_ai.tool.call.arguments": "arguments",
    "gen_ai.tool.call.result": "result",
}
MESSAGE_KEYS: Final = frozenset({_SYSTEM, *_WHOLE, *_TOOL})


@dataclass(frozen=True, slots=True)
class ConversationMessage:
    """One part of a conversation."""

    role: str
    kind: str
    """`text`, `tool call`, `tool result` or the sender's name for the part."""
    text: str


def conversation_of(attributes: Mapping[str, Any]) -> list[ConversationMessage]:
    """Return the messages among *attributes* in order; empty if none were captured."""
    messages: list[ConversationMessage] = []
    if _SYSTEM in attributes:
        messages += _parts("system", _document(attributes[_SYSTEM]))
    for key in _WHOLE:
        if key in attributes:
            messages += _messages(_document(attributes[key]), key.split(".")[1])
    if not messages:
        messages = list(_indexed(attributes))
    for key, kind in _TOOL.items():
        if key in attributes:
            messages.append(ConversationMessage("tool", kind, _bounded(text_of(attributes[key]))))
    return messages[:_MOST]


def holds_message(key: str) -> bool:
    """Return whether the attribute *key* is shown as part of the conversation."""
    return key in MESSAGE_KEYS or _INDEXED.fullmatch(key) is not None


def _document(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _messages(document: Any, side: str) -> Iterator[ConversationMessage]:
    role = "user" if side == "input" else "assistant"
    if isinstance(document, str):
        yield ConversationMessage(role, "text", _bounded(document))
        return
    for message in document if isinstance(document, list) else [document]:
        if isinstance(message, dict):
            who = str(message.get("role") or role)[:40]
            yield from _parts(who, message.get("parts", message.get("content")))
            for call in message.get("tool_calls") or ():
                yield _part(who, call if isinstance(call, dict) else {"content": call}, "tool call")
        else:
            yield ConversationMessage(role, "text", _bounded(text_of(message)))


def _parts(role: str, parts: Any) -> Iterator[ConversationMessage]:
    if parts is None:
        return
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, dict):
            yield _part(role, part, str(part.get("type") or "text")[:40])
        else:
            yield ConversationMessage(role, "text", _bounded(text_of(part)))


def _part(role: str, part: Mapping[str, Any], kind: str) -> ConversationMessage:
    function = part.get("function")
    inner = function if isinstance(function, dict) else part
    if kind in {"tool_call", "tool call", "function", "tool_use"}:
        arguments = inner.get("arguments", inner.get("input"))
        call = f"{inner.get('name', '')}({text_of(arguments)})"
        return ConversationMessage(role, "tool call", _bounded(call))
    if kind in {"tool_call_response", "tool_result"}:
        result = part.get("response", part.get("result", part.get("content")))
        return ConversationMessage(role, "tool result", _bounded(text_of(result)))
    content = part.get("content", part.get("text"))
    return ConversationMessage(role, kind, _bounded(text_of(part if content is None else content)))


def _indexed(attributes: Mapping[str, Any]) -> Iterator[ConversationMessage]:
    rows: dict[tuple[int, int], dict[str, str]] = {}
    for key, value in attributes.items():
        match = _INDEXED.fullmatch(key)
        if match:
            side = 0 if (match[1] or match[2]) in {"prompt", "input_messages"} else 1
            rows.setdefault((side, int(match[3])), {})[match[4]] = text_of(value)
    for (side, _), row in sorted(rows.items()):
        role = row.get("role") or ("user" if side == 0 else "assistant")
        yield ConversationMessage(role[:40], "text", _bounded(row.get("content", "")))


def _bounded(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}... ({len(text):,} characters)"
