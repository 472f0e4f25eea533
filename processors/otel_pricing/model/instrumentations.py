"""Registry of instrumentations: libraries, entry points, scopes, layers, dialects, versions.

Recognition of calls, sampling, billing, activation and `otel-distro doctor` read these rows. A new
library needs only a row here, unless its instrumentation writes calls in a new dialect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP: Final = "opentelemetry_instrumentor"
"""Entry point group of instrumentors."""
WIRE_SCOPE: Final = "otel_distro.wire"
"""Scope of calls read from the HTTP request and response."""
BATCH_SCOPE: Final = "otel_distro.batch"
"""Scope of calls read from the results of a provider's batch."""

Layer = Literal["service", "client", "gateway", "framework", "agent"]
"""Distance from the provider. A *service* is a web server, a database or an HTTP client: its spans
are never model calls. A *client* is for a provider or a vector database. An *agent* is a separate
program that reports its calls.
"""

_OTEL: Final = "opentelemetry.instrumentation."
_BETWEEN_WORDS: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumentation:
    """Facts about the instrumentations of one library, from any project."""

    name: str
    """Distribution of the library on PyPI; the program's name for an agent."""
    layer: Layer
    module: str = ""
    """Module to import for the library; empty if unknown or not imported."""
    words: tuple[str, ...] = ()
    """Names in instrumentation scopes. Each is compared with whole words of a scope."""
    mixed_words: tuple[str, ...] = ()
    """Those of *words* with spans that are mostly not model calls."""
    scopes: tuple[str, ...] = ()
    """Scopes, or prefixes of scopes, that only this library or program uses."""
    dialect: str = ""
    """Dialect recognised by the scope; empty if attributes identify the dialect."""
    entry_points: Mapping[str, str] = field(default_factory=dict)
    """Entry point of an instrumentor -> module whose import activates it; empty for activation at
    program start.
    """
    versions: Mapping[str, str] = field(default_factory=dict)
    """Distribution of an instrumentation -> oldest version with tested spans; empty without tests.
    The first one is recommended.
    """
    makes_spans: bool = False
    """Whether the library creates spans of its model calls itself."""
    in_doctor: bool = False
    """Whether activation without the agent and `otel-distro doctor` check for the library."""

    @property
    def package(self) -> str:
        """The instrumentation to recommend; empty if none is known."""
        return next(iter(self.versions), "")

    @property
    def instrumentors(self) -> frozenset[str]:
        """Names of entry points, compared as a whole: that of openai-agents is not openai's."""
        return frozenset(self.entry_points)

    def makes(self, scope: str) -> bool:
        """Return whether *scope* has the name of the library or an entry point between two dots."""
        parts = _dotted(scope)
        return any(_dotted(name) in parts for name in (self.name, *self.entry_points))

    def is_named_in(self, scope: str) -> bool:
        """Return whether one of *words* is in *scope*."""
        return has_word(self.words, scope)


def has_word(words: tuple[str, ...], name: str) -> bool:
    """Return whether one of *words*, which may have several parts, is in *name* as a whole."""
    parts = f"_{_BETWEEN_WORDS.sub('_', name.lower())}_"
    return any(f"_{word}_" in parts for word in words)


def _dotted(name: str) -> str:
    return f".{name.lower().replace('-', '_')}."


def _service(
    name: str, *entry_points: str, module: str | None = None, scoped: bool = True
) -> Instrumentation:
    """Return the row of a library without model calls; *name* is the last word of its scope."""
    waits_for = name if module is None else module
    return Instrumentation(
        name=name,
        layer="service",
        module=waits_for,
        scopes=(f"{_OTEL}{name}",) if scoped else (),
        entry_points=dict.fromkeys(entry_points or (name,), waits_for),
    )


def _tracer(name: str, *scopes: str) -> Instrumentation:
    """Return the row of a library that traces functions of the app, model calls among them."""
    return Instrumentation(
        name=name, layer="framework", words=(name,), mixed_words=(name,), scopes=scopes
    )


def _model(
    name: str,
    module: str = "",
    entry_points: str = "",
    *,
    layer: Layer = "client",
    words: str = "",
    versions: Mapping[str, str] | None = None,
    makes_spans: bool = False,
    in_doctor: bool = False,
) -> Instrumentation:
    """Return the row of a library that calls models; importing *module* activates it."""
    return Instrumentation(
        name=name,
        layer=layer,
        module=module,
        words=tuple(words.split()) or (name.lower().replace("-", "_"),),
        entry_points=dict.fromkeys(entry_points.split(), module),
        versions=versions or {},
        makes_spans=makes_spans,
        in_doctor=in_doctor,
    )


_GENAI: Final = "opentelemetry-instrumentation-genai-"
_OPENINFERENCE: Final = "openinference-instrumentation-"
_OPENLLMETRY: Final = "opentelemetry-instrumentation-"

_CLIENTS: Final = (
    _model(
        "openai", "openai", "openai openai_v2", in_doctor=True,
        versions={
            f"{_GENAI}openai": "1.3b0",
            f"{_OPENINFERENCE}openai": "0.1.66",
            f"{_OPENLLMETRY}openai": "0.62.4",
        },
    ),
    _model(
        "anthropic", "anthropic", "anthropic", in_doctor=True, makes_spans=True,
        versions={
            f"{_GENAI}anthropic": "1.3b0",
            f"{_OPENINFERENCE}anthropic": "3.1.0",
            f"{_OPENLLMETRY}anthropic": "0.62.4",
        },
    ),
    Instrumentation(
        name="google-genai", layer="client", module="google.genai", in_doctor=True,
        words=("genai", "gen_ai", "gemini", "google_generativeai"),
        # The last one is for two libraries and determines which one on activation.
        entry_points={
            "google_genai": "google.genai",
            "google-genai": "google.genai",
            "google_generativeai": "",
        },
        versions={
            f"{_OPENLLMETRY}google-genai": "1.3b0",
            f"{_OPENLLMETRY}google-generativeai": "0.21.5",
        },
    ),
    _model(
        "langchain", "langchain_core", "langchain", layer="framework", in_doctor=True,
        versions={
            f"{_GENAI}langchain": "1.3b0",
            f"{_OPENINFERENCE}langchain": "0.1.80",
            f"{_OPENLLMETRY}langchain": "0.62.4",
        },
    ),
    _model(
        "llama-index", "llama_index.core", "llama_index llamaindex llama-index", in_doctor=True,
        layer="framework", words="llama_index llamaindex", versions={f"{_GENAI}llama-index": ""},
    ),
    _model(
        "openai-agents", "agents", "openai_agents openai-agents", in_doctor=True,
        layer="framework", words="agents", versions={f"{_GENAI}openai-agents": ""},
    ),
    Instrumentation(
        name="litellm", layer="gateway", module="litellm", in_doctor=True, words=("litellm",),
        scopes=("litellm",), dialect="litellm", entry_points={"litellm": "litellm"},
        versions={f"{_OPENINFERENCE}litellm": ""},
    ),
    _model(
        "mistralai", "mistralai", "mistralai", words="mistral mistralai", in_doctor=True,
        versions={f"{_OPENINFERENCE}mistralai": ""},
    ),
    _model("cohere", "cohere", "cohere", in_doctor=True, versions={f"{_OPENLLMETRY}cohere": ""}),
    _model("groq", "groq", "groq", in_doctor=True, versions={f"{_OPENINFERENCE}groq": ""}),
    _model(
        "together", "together", "together", in_doctor=True, versions={f"{_OPENLLMETRY}together": ""}
    ),
    _model("ollama", "ollama", "ollama", in_doctor=True, versions={f"{_OPENLLMETRY}ollama": ""}),
    _model(
        "huggingface_hub", "huggingface_hub", "huggingface_hub huggingface-hub", in_doctor=True
    ),
    Instrumentation(
        name="boto3", layer="client", module="boto3", in_doctor=True, dialect="bedrock",
        words=("botocore", "bedrock"), mixed_words=("botocore",),
        entry_points={"botocore": "botocore", "bedrock": "botocore"},
        versions={f"{_OPENLLMETRY}botocore": "0.66b1", f"{_OPENLLMETRY}bedrock": "0.62.4"},
    ),
    Instrumentation(
        name="anthropic-sdk", layer="client", scopes=("com.anthropic.sdk",),
        dialect="anthropic-sdk",
    ),
    Instrumentation(name="logfire", layer="client", scopes=("logfire.",), dialect="logfire"),
    _model("replicate", "replicate", "replicate"),
    _model("transformers", "transformers", "transformers"),
    _model("vertexai", "vertexai", "vertexai", words="vertexai vertex vertex_ai"),
    _model("sagemaker"),
    _model("vllm"),
    _model("watsonx"),
)  # fmt: skip
"""Libraries that call providers. Those of `in_doctor` are reported in this order."""

_FRAMEWORKS: Final = (
    _model("portkey", layer="gateway"),
    _model("openrouter", layer="gateway"),
    # Any scope with these words, which alone do not mean model calls.
    Instrumentation(
        name="gateway", layer="gateway", words=("gateway",), mixed_words=("gateway",)
    ),
    # Tracers: they create a span for anything the app marks as a model call, sent or not.
    _tracer("braintrust"),
    _tracer("langfuse", "langfuse-sdk"),
    _tracer("langsmith", "langsmith"),
    _tracer("mlflow", "mlflow.tracing"),
    _tracer("opik"),
    _tracer("weave"),
    _model("agent-framework", layer="framework"),
    _model("agno", layer="framework"),
    _model("autogen", layer="framework"),
    _model("beeai", layer="framework"),
    _model("crewai", layer="framework"),
    _model("dspy", "dspy", "dspy", layer="framework"),
    _model("google-adk", layer="framework", words="google_adk vertex_agent"),
    _model("haystack", layer="framework"),
    _model("instructor", layer="framework"),
    _model("langgraph", layer="framework"),
    _model("pydantic-ai", layer="framework"),
    _model("qwen-agent", layer="framework"),
    _model("semantic-kernel", layer="framework"),
    _model("smolagents", "smolagents", "smolagents", layer="framework"),
    _model("strands", layer="framework"),
)  # fmt: skip
"""Gateways and frameworks that use the clients of providers."""

_AGENTS: Final = (
    Instrumentation(
        name="claude-code", layer="agent", scopes=("com.anthropic.claude_code",),
        dialect="claude-code",
    ),
    Instrumentation(
        name="codex", layer="agent", scopes=("codex_otel", "codex_cli_rs", "codex"),
        dialect="codex",
    ),
    Instrumentation(
        name="gemini-cli", layer="agent", scopes=("gemini-cli", "gemini_cli"),
        dialect="gemini-cli",
    ),
)  # fmt: skip

_VECTOR_DATABASES: Final = tuple(
    # Their spans may be of embeddings, so they are examined.
    Instrumentation(
        name=name, layer="client", module=name, entry_points=dict.fromkeys((name, *others), name)
    )
    for name, *others in (("chromadb",), ("pinecone",), ("pymilvus", "milvus"), ("weaviate",))
)

_OF_ONE_NAME: Final = (
    "aiokafka aiopg asyncclick asyncpg cassandra celery click confluent_kafka elasticsearch falcon "
    "fastapi flask httpx httpx2 jinja2 kafka pika psycopg psycopg2 pymemcache pymongo pymssql "
    "pymysql pyramid redis remoulade requests sqlalchemy sqlite3 starlette tornado urllib3"
)
"""Scope, entry point and module have the same name."""
_AT_START: Final = "asgi asyncio aws_lambda dbapi django logging system_metrics threading wsgi"
"""Activated at program start. For Django the import is too late: its instrumentor reads the
program's settings, which may be partially imported then.
"""

_SERVICES: Final = (
    *(_service(name) for name in _OF_ONE_NAME.split()),
    *(_service(name, module="") for name in _AT_START.split()),
    _service("aio_pika", "aio-pika", "aio_pika"),
    _service("aiohttp_client", "aiohttp-client", module="aiohttp"),
    _service("aiohttp_server", "aiohttp-server", module="aiohttp"),
    _service("boto", scoped=False),
    _service("boto3", scoped=False),
    _service(
        "grpc", "grpc_aio_client", "grpc_aio_server", "grpc_client", "grpc_server", module="grpc"
    ),
    _service("mysql", module="mysql.connector"),
    _service("mysqlclient", module="MySQLdb"),
    _service("tortoiseorm", module="tortoise"),
    _service("urllib", module="urllib.request"),
    _service("valkey", scoped=False),
)

INSTRUMENTATIONS: Final = (*_CLIENTS, *_FRAMEWORKS, *_AGENTS, *_VECTOR_DATABASES, *_SERVICES)
"""All known libraries."""

MODEL_CLIENTS: Final = tuple(row for row in INSTRUMENTATIONS if row.in_doctor)
"""Importable libraries that call models, in the order of reports."""

WAITS_FOR: Final[Mapping[str, str]] = {
    entry_point: module
    for row in INSTRUMENTATIONS
    for entry_point, module in row.entry_points.items()
    if module
}
"""Entry point -> module whose import activates it, so that no library is loaded only for its
instrumentation: that would take an unrelated program tenths of a second and tens of megabytes.
Entry points without an entry here are activated at program start.
"""

SERVICE_SCOPES: Final = frozenset(
    scope for row in INSTRUMENTATIONS if row.layer == "service" for scope in row.scopes
)
"""Scopes of web, database and HTTP instrumentations, which need no examination."""

_PROJECTS: Final = ("openinference", "traceloop")
"""Projects with instrumentations mostly of libraries that call models."""
_MODEL_WORDS: Final = (
    *_PROJECTS,
    *(word for row in INSTRUMENTATIONS for word in row.words if word not in row.mixed_words),
)


def mostly_calls_models(scope: str) -> bool:
    """Return whether spans of *scope* are mostly of model calls, agents and their tools."""
    return has_word(_MODEL_WORDS, scope)


def scopes_of(dialect: str) -> tuple[str, ...]:
    """Return the prefixes of scopes with spans in *dialect*; empty if unknown."""
    return tuple(s for row in INSTRUMENTATIONS if row.dialect == dialect for s in row.scopes)


def words_of(dialect: str) -> tuple[str, ...]:
    """Return the words of scopes with spans in *dialect*; empty if unknown."""
    return tuple(w for row in INSTRUMENTATIONS if row.dialect == dialect for w in row.words)
