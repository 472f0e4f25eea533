"""How far from the provider an instrumentation stands, by the name of its scope."""

from __future__ import annotations

FRAMEWORK, GATEWAY, CLIENT = 2, 1, 0
_FRAMEWORK_MARKS = (
    "langchain",
    "langgraph",
    "llama_index",
    "llamaindex",
    "pydantic-ai",
    "pydantic_ai",
    "agents",
    "agno",
    "autogen",
    "crewai",
    "dspy",
    "haystack",
    "instructor",
    "qwen-agent",
    "semantic_kernel",
    "semantic-kernel",
    "smolagents",
    "strands",
)
_GATEWAY_MARKS = ("litellm", "portkey", "openrouter", "gateway")


def layer(scope: str) -> int:
    """Return how far from the provider an instrumentation scope stands."""
    name = scope.lower()
    if any(mark in name for mark in _FRAMEWORK_MARKS):
        return FRAMEWORK
    return GATEWAY if any(mark in name for mark in _GATEWAY_MARKS) else CLIENT
