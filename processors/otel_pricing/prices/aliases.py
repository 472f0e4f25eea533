"""Names of providers and models as spans write them, and as price lists do."""

from __future__ import annotations

import re

from otel_pricing.layers import is_framework

LIST_PROVIDER: dict[str, str] = {
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "amazon": "aws",
    "amazon_bedrock": "aws",
    "aws": "aws",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google": "google",
    "google-gla": "google",
    "google-vertex": "google",
    "google_anthropic_vertex": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "anthropic": "anthropic",
    "claude": "anthropic",
    "openai": "openai",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "text-completion-openai": "openai",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshot_ai": "moonshotai",
    "moonshotai": "moonshotai",
    "perplexity": "perplexity",
    "together": "together",
    "together_ai": "together",
    "fireworks": "fireworks",
    "fireworks_ai": "fireworks",
    "voyage": "voyageai",
    "voyageai": "voyageai",
    "x_ai": "x-ai",
    "x-ai": "x-ai",
    "xai": "x-ai",
}
"""Provider as a span says it -> its id in genai-prices. An id of that list needs no entry."""

_NOBODY = frozenset({"", "litellm", "litellm_proxy", "unknown", "_other"})

_DATE = re.compile(r"[-@](?:20\d{2}-?[01]\d-?[0-3]\d|latest|preview-\d\d-\d\d|\d\d-\d\d)(?=$|-v\d)")
_BEDROCK = re.compile(r"\A(?:(?:us|eu|apac|au|jp|ca|global|us-gov)\.)?[a-z0-9]+\.(?=[a-z])")
_BEDROCK_VERSION = re.compile(r"-v\d+(?::\d+(?::\w+)?)?\Z")
_PATHS = ("models/", "publishers/", "projects/", "arn:aws")


def names_no_seller(provider: str) -> bool:
    """Return whether *provider* says who made a call, not who sends the bill.

    A framework that puts its own name there leaves it to the model's name.
    """
    return provider.strip().lower() in _NOBODY or is_framework(provider)


def list_provider(provider: str) -> str | None:
    """Return the price list's id of *provider*, or None when it names no seller of tokens."""
    name = provider.strip().lower()
    if names_no_seller(name):
        return None
    return LIST_PROVIDER.get(name, name)


def model_names(model: str) -> tuple[str, ...]:
    """Return the names under which *model* may be listed, the most exact first.

    Resource paths lose their folders (`models/gemini-2.5-flash`), and a router's prefix is tried
    with and without (`openai/gpt-4o`).
    """
    name = model.strip()
    names = [name]
    if name.startswith(_PATHS):
        names.append(name.rpartition("/")[2])
    elif "/" in name:
        names.append(name.partition("/")[2])
    elif ":" in name and name.partition(":")[0] in LIST_PROVIDER:
        names.append(name.partition(":")[2])
    return tuple(dict.fromkeys(n for n in names if n))


def model_family(model: str) -> str:
    """Return the name that all spellings of one model share, for comparing, not for pricing.

    `gpt-4o-2024-08-06`, `openai/gpt-4o` and `gpt-4o` are one family, and so are
    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` and `claude-sonnet-4-5@20250929`.
    """
    name = model.strip().lower().rpartition("/")[2]
    if ":" in name and name.partition(":")[0] in LIST_PROVIDER:
        name = name.partition(":")[2]
    name = _BEDROCK.sub("", name) if "." in name.partition("-")[0] else name
    return _DATE.sub("", _BEDROCK_VERSION.sub("", name)) or name
