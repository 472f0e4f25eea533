"""Makers of models, by the models' names.

Models of other makers are also used with the OpenAI client and its paths. The name selects the
price list if neither the host nor the path does.
"""

from __future__ import annotations

from functools import lru_cache

_PREFIXES: tuple[tuple[str, str], ...] = (
    ("claude", "anthropic"),
    ("gemini", "gcp.gemini"),
    ("gemma", "gcp.gemini"),
    ("mistral", "mistral_ai"),
    ("ministral", "mistral_ai"),
    ("magistral", "mistral_ai"),
    ("codestral", "mistral_ai"),
    ("devstral", "mistral_ai"),
    ("pixtral", "mistral_ai"),
    ("open-mistral", "mistral_ai"),
    ("open-mixtral", "mistral_ai"),
    ("voxtral", "mistral_ai"),
    ("deepseek", "deepseek"),
    ("command", "cohere"),
    ("grok", "x_ai"),
    ("sonar", "perplexity"),
    ("voyage", "voyageai"),
    ("kimi", "moonshot_ai"),
    ("moonshot", "moonshot_ai"),
    ("gpt-", "openai"),
    ("chatgpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-3", "openai"),
)


@lru_cache(maxsize=1024)
def maker_of(model: str) -> str | None:
    """Return the maker of *model*, spelled as `gen_ai.provider.name`; None if unknown.

    A path before the name, as in gateways (`anthropic/claude-...`), is ignored.
    """
    name = model.rpartition("/")[2].lower()
    return next((maker for prefix, maker in _PREFIXES if name.startswith(prefix)), None)
