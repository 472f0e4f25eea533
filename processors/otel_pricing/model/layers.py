"""Layers of instrumentations, from the wire to frameworks, by the name of the scope."""

from __future__ import annotations

import re
from functools import lru_cache

FRAMEWORK, GATEWAY, CLIENT, WIRE = 2, 1, 0, -1

WIRE_SCOPE = "otel_distro.wire"
"""Scope of calls that were read from the request and the response themselves."""

_FRAMEWORKS = (
    "agent_framework",
    "agents",
    "agno",
    "autogen",
    "beeai",
    "crewai",
    "dspy",
    "google_adk",
    "haystack",
    "instructor",
    "langchain",
    "langgraph",
    "llama_index",
    "llamaindex",
    "pydantic_ai",
    "qwen_agent",
    "semantic_kernel",
    "smolagents",
    "strands",
    "vertex_agent",
)
_TRACERS = (
    # Libraries that make a span of whatever the app calls a model call, sent or not.
    "braintrust",
    "langfuse",
    "langsmith",
    "mlflow",
    "opik",
    "weave",
)
_GATEWAYS = ("litellm", "portkey", "openrouter", "gateway")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1024)
def layer(scope: str) -> int:
    """Return the layer of an instrumentation scope; larger is farther from the provider."""
    if scope == WIRE_SCOPE:
        return WIRE
    if is_framework(scope):
        return FRAMEWORK
    return GATEWAY if _has_one_of(_GATEWAYS, scope) else CLIENT


@lru_cache(maxsize=1024)
def is_framework(name: str) -> bool:
    """Return whether a scope or a system is named after a library that uses providers' clients."""
    return _has_one_of((*_FRAMEWORKS, *_TRACERS), name)


def _has_one_of(marks: tuple[str, ...], name: str) -> bool:
    words = f"_{_BETWEEN_WORDS.sub('_', name.lower())}_"
    return any(f"_{mark}_" in words for mark in marks)
