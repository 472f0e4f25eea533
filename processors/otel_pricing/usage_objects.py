"""Counts from a usage object: what a provider's answer calls `usage`, in whoever's spelling.

Some instrumentations copy it whole onto the span, as JSON, and put no more than the two totals
into attributes. It holds counts and nothing else, so reading it touches no text of the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.usage import Counts
from otel_pricing.values import count, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN_DETAILS = (
    "prompt_tokens_details",  # OpenAI chat
    "input_tokens_details",  # OpenAI responses
    "input_token_details",  # LangChain
    "cache_creation",  # Anthropic
)
_OUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "output_token_details")
_SPLIT = ("prompt_tokens_details", "cache_creation_token_details")  # LiteLLM


def counts_of(said: Mapping[str, object]) -> Counts:
    """Return the counts in the usage object *said*.

    Anthropic counts cached tokens beside the input, and says so by naming them on the first level
    next to `input_tokens`; the result counts them in the input, as everybody else does.
    """
    top = dict(said)
    inner = {name: top.get(name) for name in (*_IN_DETAILS, *_OUT_DETAILS)}
    read = _largest(
        *(
            walk(inner[name], key)
            for name in _IN_DETAILS
            for key in ("cached_tokens", "cache_read")
        ),
        top.get("cache_read_input_tokens"),
    )
    write = _largest(
        *(
            walk(inner[n], k)
            for n in _IN_DETAILS
            for k in ("cache_creation_tokens", "cache_creation")
        ),
        top.get("cache_creation_input_tokens"),
    )
    return Counts(
        input_tokens=_input(top, (read or 0) + (write or 0)),
        output_tokens=_first(top, "output_tokens", "completion_tokens"),
        total_tokens=count(top.get("total_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_5m_tokens=_lifetime(top, inner, "5m"),
        cache_write_1h_tokens=_lifetime(top, inner, "1h"),
        reasoning_tokens=_largest(
            *(walk(inner[n], k) for n in _OUT_DETAILS for k in ("reasoning_tokens", "reasoning"))
        ),
        input_audio_tokens=_largest(
            *(walk(inner[n], k) for n in _IN_DETAILS for k in ("audio_tokens", "audio"))
        ),
        output_audio_tokens=_largest(
            *(walk(inner[n], k) for n in _OUT_DETAILS for k in ("audio_tokens", "audio"))
        ),
        web_search_requests=count(walk(top, "server_tool_use", "web_search_requests")),
    )


def _input(top: Mapping[str, object], cached: int) -> int | None:
    prompt = count(top.get("prompt_tokens"))
    if prompt is not None:
        return prompt
    beside = "cache_read_input_tokens" in top or "cache_creation_input_tokens" in top
    found = count(top.get("input_tokens"))
    return found if found is None or not beside else found + cached


def _lifetime(top: Mapping[str, object], inner: Mapping[str, object], lifetime: str) -> int | None:
    key = f"ephemeral_{lifetime}_input_tokens"
    return _largest(*(walk(inner[n], key) for n in _IN_DETAILS), walk(top, *_SPLIT, key))


def _first(top: Mapping[str, object], *names: str) -> int | None:
    return next((n for name in names if (n := count(top.get(name))) is not None), None)


def _largest(*values: object) -> int | None:
    """Return the largest of several spellings of one count; the unused ones are often 0."""
    return max((n for value in values if (n := count(value)) is not None), default=None)
