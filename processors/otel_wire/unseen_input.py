"""Input that is not in a request: stored at the provider, searched or fetched by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_wire import operations as op

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSEEN_TOKENS = 2048
"""Input tokens that a provider may add to a request: its own prompt, tool descriptions."""
EMBEDDING_UNSEEN_TOKENS = 64
"""Input tokens added to embeddings, which have no system prompt."""
HIDDEN_TOKENS = 32_768
"""Input tokens added if the provider searches or runs tools for the request."""
OPAQUE_TOKENS = 200_000
"""Input tokens added if the request names stored input of any size: a common context window."""

_STORED = ("previous_response_id", "conversation", "prompt", "container", "cachedContent",
           "cached_content", "conversation_id", "session_id", "context", "previous_interaction_id",
           "promptVariables", "input_file_id", "agent_id")  # fmt: skip
_HIDDEN_TOOLS = ("web_search", "file_search", "code_interpreter", "code_execution", "mcp",
                 "computer", "web_fetch", "google", "url_context", "urlContext", "codeExecution",
                 "fileSearch", "retrieval", "web_connector", "document_library", "connector",
                 "image_generation", "browser", "x_search", "collections_search", "bing",
                 "azure_ai_search", "shell", "memory", "tool_search")  # fmt: skip
_HIDDEN_OPTIONS = ("web_search_options", "search_parameters", "mcp_servers", "connectors",
                   "plugins", "data_sources", "dataSources", "enable_search",
                   "websearch")  # fmt: skip
_ALL_STORED = frozenset(_STORED)
_ALL_HIDDEN = frozenset((*_HIDDEN_OPTIONS, "tools"))
UNSEEN_KEYS = _ALL_STORED | _ALL_HIDDEN
"""Keys of a body, one of which is present if input is added for another reason than its model."""


def names_stored_input(data: Mapping[str, Any]) -> bool:
    """Return whether *data* names input that is stored at the provider."""
    if _ALL_STORED.isdisjoint(data):
        return False
    for key in _STORED:
        value = data.get(key)
        # A text is the prompt itself; an object refers to one stored at the provider.
        if value and isinstance(value, dict if key in {"prompt", "context"} else str | dict):
            return True
    return False


def uses_provider_tools(data: Mapping[str, Any], model: str) -> bool:
    """Return whether the provider may search, fetch or run something to answer."""
    if model.endswith(":online"):
        return True
    if _ALL_HIDDEN.isdisjoint(data):
        return False
    if any(data.get(key) for key in _HIDDEN_OPTIONS):
        return True
    tools = data.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            kind = tool.get("type")
            names = (
                [kind] if isinstance(kind, str) else [key for key in tool if isinstance(key, str)]
            )
            if any(name.startswith(_HIDDEN_TOOLS) for name in names):
                return True
    return False


def unseen_tokens(operation: str, *, is_stored: bool, uses_tools: bool) -> int:
    """Return the maximum input tokens that the provider may add to a request."""
    if is_stored:
        return OPAQUE_TOKENS
    if uses_tools:
        return HIDDEN_TOKENS
    return EMBEDDING_UNSEEN_TOKENS if operation in op.WITHOUT_OUTPUT else UNSEEN_TOKENS
