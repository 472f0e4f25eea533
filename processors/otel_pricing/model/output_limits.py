"""Published output limits of one response, by model.

They bound the cost of calls with neither a reported output nor a limit. Other models are bounded by
their context window, which is several times as large.
"""

from __future__ import annotations

from typing import Final

_LIMITS: Final = (
    # The first matching prefix counts; for a family with several limits, the largest.
    ("gpt-3.5-turbo", 4_096),
    ("gpt-4o", 16_384),
    ("chatgpt-4o", 16_384),
    ("gpt-4.1", 32_768),
    ("gpt-4.5", 16_384),
    ("gpt-4-32k", 32_768),
    ("gpt-4", 8_192),
    ("gpt-5", 128_000),
    ("o1", 100_000),
    ("o3", 100_000),
    ("o4-mini", 100_000),
    ("claude-3-5", 8_192),
    ("claude-3-7", 128_000),
    ("claude-3", 4_096),
    ("claude-haiku-4", 64_000),
    ("claude-sonnet-4", 64_000),
    ("claude-opus-4", 128_000),
    ("gemini-1.5", 8_192),
    ("gemini-2.0", 8_192),
    ("gemini-2.5", 65_536),
    ("gemini-3", 65_536),
)


def output_limit(model: str) -> int | None:
    """Return the maximum output tokens of a response of *model*; None if unknown.

    Prefixes of gateways and regions are ignored: `openai/gpt-4o`,
    `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`. A fine-tuned model has the limit of its base.
    """
    name = model.lower().rpartition("/")[2].removeprefix("ft:")
    if "claude-" in name:
        name = name[name.index("claude-") :]
    return next((limit for prefix, limit in _LIMITS if name.startswith(prefix)), None)
