"""Mapping of provider and model names from spans to price lists."""

from __future__ import annotations

import re

from otel_pricing.model.layers import is_framework

LIST_PROVIDER: dict[str, str] = {
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "azure-openai": "azure",
    "amazon": "aws",
    "amazon_bedrock": "aws",
    "amazon-bedrock": "aws",
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
    "google.generative-ai": "google",
    "google.vertex": "google",
    "vertex.anthropic": "google",
    "vertex": "google",
    "vertex_ai_beta": "google",
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
    "togetherai": "together",
    "fireworks": "fireworks",
    "fireworks_ai": "fireworks",
    "fireworks-ai": "fireworks",
    "voyage": "voyageai",
    "voyageai": "voyageai",
    "x_ai": "x-ai",
    "x-ai": "x-ai",
    "xai": "x-ai",
}
"""Provider name in spans -> its id in genai-prices. An id of that list needs no entry."""

_NO_SELLERS = frozenset({"", "gateway", "litellm", "litellm_proxy", "unknown", "_other"})
"""Names that denote no seller; Vercel's gateway charges the maker's prices."""

_API_WORDS = frozenset(
    {
        "chat",
        "completion",
        "completions",
        "embedding",
        "embeddings",
        "image",
        "images",
        "language-model",
        "messages",
        "responses",
        "speech",
        "text-embedding",
        "textembedding",
        "transcription",
        "video",
    }
)
"""Suffixes of the Vercel AI SDK after the seller: `openai.responses`, `xai.chat`."""

# Prefixes of sellers that LiteLLM and libraries built on it add to a model's name, and that price
# lists do not have. An unknown prefix is an unknown seller.
_SELLERS_IN_FRONT = frozenset(LIST_PROVIDER) | {
    "arcee",
    "azure",
    "cerebras",
    "cloudflare",
    "databricks",
    "deepseek",
    "elevenlabs",
    "github_copilot",
    "groq",
    "minimax",
    "novita",
    "openrouter",
    "ovhcloud",
    "perplexity",
    "zai",
}

_IN_LIST = {"github_copilot": "github-copilot"}

_DATE = re.compile(r"[-@](?:20\d{2}-?[01]\d-?[0-3]\d|latest|preview-\d\d-\d\d|\d\d-\d\d)(?=$|-v\d)")
_BEDROCK = re.compile(r"\A(?:(?:us|eu|apac|au|jp|ca|global|us-gov)\.)?[a-z0-9]+\.(?=[a-z])")
_BEDROCK_VERSION = re.compile(r"-v\d+(?::\d+(?::\w+)?)?\Z")
_BEDROCK_ID = re.compile(
    r"\A(?:(?:us|eu|apac|au|jp|ca|global|us-gov)\.)?[a-z0-9]+\.[a-z][\w.-]*-v\d+(?::\d+(?::\w+)?)?\Z"
)
_PATHS = ("models/", "publishers/", "projects/", "arn:aws")


def names_no_seller(provider: str) -> bool:
    """Return whether *provider* is the client of a call, not the provider that bills it.

    For a framework's own name the model's name decides.
    """
    return provider.strip().lower() in _NO_SELLERS or is_framework(provider)


def list_provider(provider: str) -> str | None:
    """Return the price list's id of *provider*, or None if it is no seller of tokens."""
    name = provider.strip().lower()
    if names_no_seller(name):
        return None
    while name not in LIST_PROVIDER and name.rpartition(".")[2] in _API_WORDS and "." in name:
        name = name.rpartition(".")[0]
    return None if names_no_seller(name) else LIST_PROVIDER.get(name, name)


def resolve(provider: str, model: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the price list's id of the seller of *model*, and the names to look up.

    If *provider* names no seller, the model's name may: `bedrock/us.anthropic.claude-...` and
    `anthropic.claude-...-v1:0` are sold by `aws`. The seller is None if neither names it; a model
    of an unlisted seller, such as `hosted_vllm/gpt-4o`, has only its whole name.
    """
    seller = list_provider(provider)
    if seller is not None:
        return seller, model_names(model)
    name = model.strip()
    if name.startswith(_PATHS) or "/" not in name:
        sold_by_aws = name.startswith("arn:aws") or _BEDROCK_ID.match(name)
        return ("aws" if sold_by_aws else None), model_names(name)
    front, _, rest = name.partition("/")
    front = front.lower()
    if names_no_seller(front):
        return resolve("", rest) if rest else (None, ())
    if front not in _SELLERS_IN_FRONT:
        return None, (name,)
    return _IN_LIST.get(front) or list_provider(front), (*model_names(rest), name)


def model_names(model: str) -> tuple[str, ...]:
    """Return the names under which *model* may be listed, the most specific first.

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


def names_price_class(requested: str, responded: str) -> bool:
    """Whether *requested* is the Bedrock id of *responded*, with a prefix that sets the price.

    `global.` profiles cost less than regional ones, and the response names the bare model.
    """
    name = requested.rpartition("/")[2] if requested.startswith("arn:aws") else requested
    return _BEDROCK_ID.match(name) is not None and model_family(name) == model_family(responded)


def model_family(model: str) -> str:
    """Return the common name of all spellings of a model, for comparisons, not for prices.

    `gpt-4o-2024-08-06`, `openai/gpt-4o` and `gpt-4o` are one family, and so are
    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` and `claude-sonnet-4-5@20250929`.
    """
    name = model.strip().lower().rpartition("/")[2]
    if ":" in name and name.partition(":")[0] in LIST_PROVIDER:
        name = name.partition(":")[2]
    name = _BEDROCK.sub("", name) if "." in name.partition("-")[0] else name
    return _DATE.sub("", _BEDROCK_VERSION.sub("", name)) or name
