"""Libraries that call models, and which instrumentation makes spans of their calls."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.util._importlib_metadata import EntryPoint

GROUP: Final = "opentelemetry_instrumentor"
"""Group of entry points in which packages offer their instrumentors."""


@dataclass(frozen=True, slots=True)
class ModelClient:
    """One library that calls models."""

    name: str
    """Its distribution on PyPI."""
    module: str
    """What is imported to use it."""
    package: str
    """The instrumentation to recommend."""
    instrumentors: frozenset[str]
    """Names of entry points of its instrumentors, from whichever project. Compared as a whole:
    the instrumentor of openai-agents makes no spans for openai."""
    makes_spans: bool = False
    """Whether the library makes spans of its model calls by itself."""

    def makes(self, scope: str) -> bool:
        """Return whether the instrumentation *scope* is of this client, by words of its name."""
        words = _words(scope)
        return any(
            mark in words for name in (self.name, *self.instrumentors) if (mark := _words(name))
        )


def _words(name: str) -> str:
    """Return *name* as words between dots, one of which is compared as a whole."""
    return f".{name.lower().replace('-', '_')}."


def _client(
    name: str, module: str, package: str, *instrumentors: str, makes_spans: bool = False
) -> ModelClient:
    return ModelClient(name, module, package, frozenset(instrumentors), makes_spans)


_OTEL: Final = "opentelemetry-instrumentation-"
_OPENINFERENCE: Final = "openinference-instrumentation-"

MODEL_CLIENTS: Final = (
    _client("openai", "openai", f"{_OTEL}genai-openai", "openai", "openai_v2"),
    _client("anthropic", "anthropic", f"{_OTEL}genai-anthropic", "anthropic", makes_spans=True),
    _client(
        "google-genai", "google.genai", f"{_OTEL}google-genai",
        "google_genai", "google-genai", "google_generativeai",
    ),
    _client("langchain", "langchain_core", f"{_OTEL}genai-langchain", "langchain"),
    _client(
        "llama-index", "llama_index.core", f"{_OTEL}genai-llama-index",
        "llama_index", "llamaindex", "llama-index",
    ),
    _client(
        "openai-agents", "agents", f"{_OTEL}genai-openai-agents", "openai_agents", "openai-agents"
    ),
    _client("litellm", "litellm", f"{_OPENINFERENCE}litellm", "litellm"),
    _client("mistralai", "mistralai", f"{_OPENINFERENCE}mistralai", "mistralai"),
    _client("cohere", "cohere", f"{_OTEL}cohere", "cohere"),
    _client("groq", "groq", f"{_OPENINFERENCE}groq", "groq"),
    _client("together", "together", f"{_OTEL}together", "together"),
    _client("ollama", "ollama", f"{_OTEL}ollama", "ollama"),
    _client("huggingface_hub", "huggingface_hub", "", "huggingface_hub", "huggingface-hub"),
    _client("boto3", "boto3", f"{_OTEL}botocore", "botocore", "bedrock"),
)  # fmt: skip
"""In the order in which they are reported."""


def installed_clients() -> tuple[ModelClient, ...]:
    """Return the clients that can be imported here; none of them is."""
    return tuple(client for client in MODEL_CLIENTS if is_importable(client.module))


def instrumentors() -> tuple[EntryPoint, ...]:
    """Return the instrumentors of all installed packages."""
    from opentelemetry.util._importlib_metadata import entry_points

    return tuple(entry_points(group=GROUP))


def conflict_of(entry_point: EntryPoint) -> str | None:
    """Return how the installed library is not the one that *entry_point* instruments.

    None where the versions fit, or nothing is known of them.
    """
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

    if entry_point.dist is None:
        return None
    conflict = get_dist_dependency_conflicts(entry_point.dist)
    if conflict is None:
        return None
    if conflict.required:
        required, found = _without_marker(conflict.required), conflict.found
    else:
        required = " or ".join(_without_marker(each) for each in conflict.required_any or ())
        found = ", ".join(str(each) for each in conflict.found_any or ())
    return f"{entry_point.dist.name} works with {required}, installed is {found or 'none'}"


def _without_marker(requirement: object) -> str:
    return str(requirement).partition(";")[0].strip()


def is_importable(module: str) -> bool:
    """Return whether *module* can be found; the packages above it are imported."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
