"""The provider that bills a call, by the host of its endpoint.

Many providers are used with the OpenAI client, whose spans then name `openai`.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

PROVIDER_OF_HOST: dict[str, str] = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "models.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.x.ai": "x_ai",
    "api.mistral.ai": "mistral_ai",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together_ai",
    "api.together.ai": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.cerebras.ai": "cerebras",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.voyageai.com": "voyageai",
    "api.novita.ai": "novita",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zhipuai",
    "api.githubcopilot.com": "github-copilot",
    "api.arcee.ai": "arcee",
    "api.avian.io": "avian",
    "inference.baseten.co": "baseten",
    "api.cloudflare.com": "cloudflare",
    "api.cursor.com": "cursor",
    "cloud.databricks.com": "databricks",
    "azuredatabricks.net": "databricks",
    "gcp.databricks.com": "databricks",
    "api.doubleword.ai": "doubleword",
    "elevenlabs.io": "elevenlabs",
    "api.meta.ai": "meta",
    "api.minimax.com": "minimax",
    "api.minimax.io": "minimax",
    "api.minimaxi.com": "minimax",
    "api.minimaxi.io": "minimax",
    "modal.run": "modal",
    "modal.direct": "modal",
    "oai.endpoints.kepler.ai.cloud.ovh.net": "ovhcloud",
    "api.quicksilverpro.io": "quicksilverpro",
    "api.typesafe.ai": "typesafe",
}


@lru_cache(maxsize=1024)
def provider_of(server: str) -> str | None:
    """Return the provider at *server* (a host name or a URL), or None for an unknown host."""
    try:
        host = urlsplit(server).hostname if "://" in server else server.partition(":")[0]
    except ValueError:
        return None
    host = (host or "").lower()
    if host.startswith("bedrock") and host.endswith(
        (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
    ):
        return "aws.bedrock"
    if host.endswith("-aiplatform.googleapis.com"):
        return "gcp.vertex_ai"
    while host:
        if host in PROVIDER_OF_HOST:
            return PROVIDER_OF_HOST[host]
        host = host.partition(".")[2]
    return None
