"""Counts in a usage object: the `usage` of a provider's response, in every spelling.

The only reader of such objects: for responses on the wire, for spans with a copy of one, and for
imports. A usage object has only counts, so no text of the user is read.
"""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from otel_pricing.model.usage import MEDIA, Counts, normalise
from otel_pricing.model.values import count, first_count, milliseconds, usd, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_pricing.model.call import Usage

_INPUT_INCLUDING_CACHE = (
    "prompt_tokens",  # OpenAI chat, Mistral, LiteLLM
    "promptTokenCount",  # Gemini
    "prompt_token_count",  # Gemini in Python, Llama on Bedrock
    "promptTokens",  # Vercel AI SDK
    "prompt_eval_count",  # Ollama
    "inputTextTokenCount",  # Titan on Bedrock
)
_INPUT = (
    "input_tokens",  # Anthropic, OpenAI responses
    "inputTokens",  # Bedrock Converse
    "inputTokenCount",  # Bedrock InvokeModel metrics
)
_OUTPUT = (
    "output_tokens",
    "completion_tokens",
    "candidatesTokenCount",
    "candidates_token_count",
    "responseTokenCount",  # Gemini Live
    "response_token_count",
    "outputTokens",
    "outputTokenCount",
    "completionTokens",
    "eval_count",
    "generation_token_count",
    "generated_tokens",  # Hugging Face TGI
)
_TOTAL = ("total_tokens", "totalTokenCount", "total_token_count", "totalTokens")
_THOUGHTS = ("thoughtsTokenCount", "thoughts_token_count")
_TOOL_PROMPT = ("toolUsePromptTokenCount", "tool_use_prompt_token_count")
_READ_BESIDE = ("cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount")
_WRITE_BESIDE = (
    "cache_creation_input_tokens",
    "cacheWriteInputTokens",
    "cacheWriteInputTokenCount",
)
_READ = (
    *_READ_BESIDE,
    "cachedContentTokenCount",
    "cached_content_token_count",
    "cached_tokens",  # Moonshot, Cohere
    "num_cached_tokens",  # Mistral
    "prompt_cache_hit_tokens",  # DeepSeek
    "cachedInputTokens",  # Vercel AI SDK
)
_IN_DETAILS = (
    "prompt_tokens_details",  # OpenAI chat, Gemini in Python
    "input_tokens_details",  # OpenAI responses
    "input_token_details",  # LangChain, OpenAI realtime and transcription
    "inputTokenDetails",  # Vercel AI SDK
    "promptTokensDetails",  # Gemini
    "cache_creation",  # Anthropic
)
_OUT_DETAILS = (
    "completion_tokens_details",
    "output_tokens_details",
    "output_token_details",
    "outputTokenDetails",
    "candidatesTokensDetails",
    "candidates_tokens_details",
    "responseTokensDetails",
    "response_tokens_details",
)
_CACHE_DETAILS = ("cacheTokensDetails", "cache_tokens_details")
_TOOL_DETAILS = ("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details")
_SPLIT = ("prompt_tokens_details", "cache_creation_token_details")  # LiteLLM
_SPLIT_BY_LIFETIME = frozenset({*_IN_DETAILS, _SPLIT[0], "cacheDetails"})
_SPLIT_BY_KIND = frozenset({*_IN_DETAILS, *_OUT_DETAILS, *_CACHE_DETAILS, *_TOOL_DETAILS})
_SEARCHES = (
    ("server_tool_use", "web_search_requests"),
    ("num_search_queries",),  # Perplexity
)
IN_SECONDS = ("prompt_audio_seconds", "audio_seconds", "seconds")
"""Durations, which may be fractional."""
_PAGES = ("pages_processed", "document_pages")  # Mistral
_ANNOTATED = ("pages_processed_annotation", "annotated_pages")
_CHARACTERS = ("input_characters", "characters")
_RERANK_SEARCHES = ("search_units", "rerank_searches")  # Cohere
_COUNTED = frozenset(
    {*IN_SECONDS, *_PAGES, *_ANNOTATED, *_CHARACTERS, *_RERANK_SEARCHES, "video_seconds"}
)
_SELDOM = frozenset({"citation_tokens", *(path[0] for path in _SEARCHES)})
_REASONING = (*_THOUGHTS, "reasoning_tokens", "reasoningTokens")
_MODALITIES = MEDIA
_FIELDS = frozenset(field.name for field in fields(Counts))

USAGE_KEYS = frozenset(
    {
        *_INPUT_INCLUDING_CACHE, *_INPUT, *_OUTPUT, *_TOTAL, *_THOUGHTS, *_TOOL_PROMPT, *_READ,
        *_WRITE_BESIDE, *_IN_DETAILS, *_OUT_DETAILS, *_CACHE_DETAILS, *_TOOL_DETAILS,
        *(key for path in (*_SEARCHES, _SPLIT) for key in path),
        "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "cache_creation_tokens",
        "cacheWriteTokens", "cacheReadTokens", "cache_read", "reasoning", "reasoning_tokens",
        "reasoningTokens", "modality", "tokenCount", "token_count", "cached_tokens_details",
        "billed_units", "tokens", "cacheDetails", "ttl", "audio", "image", "video", "text_tokens",
        *(f"{name}_tokens" for name in _MODALITIES), "citation_tokens", "cost", "total_cost",
        "estimated_cost", "cost_in_usd_ticks", *_COUNTED,
    }
)  # fmt: skip
"""Every key read in a usage object, at any depth."""
_COSTS = frozenset({"cost", "estimated_cost", "cost_in_usd_ticks"})
_USD_PER_TICK = Decimal("1e-10")


def counts_of(reported: Mapping[str, object]) -> Counts:
    """Return the counts in the usage object *reported*.

    Anthropic and Bedrock count cached tokens separately from the input, Gemini counts thoughts
    separately from the output; the result includes both, as everywhere else. Invalid counts are
    omitted.
    """
    top = _billed(reported)
    is_split = not _SPLIT_BY_KIND.isdisjoint(top)
    read: list[object] = _of(top, _READ)
    write: list[object] = _of(top, _WRITE_BESIDE)
    reasoning: list[object] = _of(top, _REASONING)
    if is_split:
        read += _in(top, _IN_DETAILS, "cached_tokens", "cache_read", "cacheReadTokens")
        write += _in(
            top, _IN_DETAILS, "cache_creation_tokens", "cache_creation", "cacheWriteTokens"
        )
        reasoning += _in(top, _OUT_DETAILS, "reasoning_tokens", "reasoning", "reasoningTokens")
    cached_read, cached_write = _largest(*read), _largest(*write)
    counts: dict[str, int | None] = {
        "input_tokens": _input(top, (cached_read or 0) + (cached_write or 0)),
        "output_tokens": _output(top),
        "total_tokens": first_count(top, _TOTAL),
        "cache_read_tokens": cached_read,
        "cache_write_tokens": cached_write,
        "reasoning_tokens": _largest(*reasoning),
    }
    if not _SPLIT_BY_LIFETIME.isdisjoint(top):
        counts["cache_write_5m_tokens"] = _lifetime(top, "5m")
        counts["cache_write_1h_tokens"] = _lifetime(top, "1h")
    if not _SELDOM.isdisjoint(top):
        counts["web_search_requests"] = _largest(*(walk(top, *path) for path in _SEARCHES))
        counts["citation_tokens"] = count(top.get("citation_tokens"))
    if not _COUNTED.isdisjoint(top):
        counts |= _counted(top)
    # Most calls report no details, and a search for each kind takes time.
    for name in _MODALITIES if is_split else ():
        prompt, tools = _modality(top, _IN_DETAILS, name), _modality(top, _TOOL_DETAILS, name)
        counts[f"input_{name}_tokens"] = _sum(prompt, tools)
        counts[f"output_{name}_tokens"] = _modality(top, _OUT_DETAILS, name)
        cached = (walk(top.get(d), "cached_tokens_details", f"{name}_tokens") for d in _IN_DETAILS)
        counts[f"cached_{name}_tokens"] = _largest(*cached, _modality(top, _CACHE_DETAILS, name))
    if is_split:
        counts["input_text_tokens"] = _modality(top, _IN_DETAILS, "text")
        counts["output_text_tokens"] = _modality(top, _OUT_DETAILS, "text")
    return Counts(**{k: n for k, n in counts.items() if n is not None and k in _FIELDS})


def _counted(top: Mapping[str, object]) -> dict[str, int | None]:
    """Return the counts that are not tokens."""
    durations = (milliseconds(top[name]) for name in IN_SECONDS if name in top)
    return {
        "audio_milliseconds": next((n for n in durations if n is not None), None),
        "video_milliseconds": milliseconds(top.get("video_seconds")),
        "input_characters": first_count(top, _CHARACTERS),
        "document_pages": first_count(top, _PAGES),
        "annotated_pages": first_count(top, _ANNOTATED),
        "rerank_searches": first_count(top, _RERANK_SEARCHES),
    }


def read_usage(reported: Mapping[str, object], *, total_is_input: bool = False) -> Usage | None:
    """Return the usage of the usage object *reported*; None without any.

    *total_is_input* reads a lone total as the input, as reported by calls without output.
    """
    usage = normalise(counts_of(reported))
    if usage is None and total_is_input and (total := first_count(_billed(reported), _TOTAL)):
        return normalise(Counts(input_tokens=total))
    return usage


def reported_cost_usd(reported: Mapping[str, object]) -> Decimal | None:
    """Return the cost in US dollars in the usage object *reported*, or None."""
    if _COSTS.isdisjoint(reported):
        return None
    cost = reported.get("cost")
    for value in (walk(cost, "total_cost"), cost, reported.get("estimated_cost")):
        if (amount := usd(value)) is not None:
            return amount
    ticks = usd(reported.get("cost_in_usd_ticks"))
    if ticks is None and isinstance(whole := reported.get("cost_in_usd_ticks"), int):
        ticks = Decimal(whole) if 0 <= whole < 10**18 else None
    return None if ticks is None else ticks * _USD_PER_TICK


def _billed(reported: Mapping[str, object]) -> Mapping[str, object]:
    """Return *reported* with Cohere's billed units, or else its tokens, moved to the top level."""
    for name in ("tokens", "billed_units"):
        if name in reported and isinstance(inner := reported[name], dict):
            reported = {**reported, **{k: v for k, v in inner.items() if v is not None}}
    return reported


def _input(top: Mapping[str, object], cached: int) -> int | None:
    including = first_count(top, _INPUT_INCLUDING_CACHE)
    if including is not None:
        # Gemini counts input added by tools separately from the prompt.
        return including + (first_count(top, _TOOL_PROMPT) or 0)
    found = first_count(top, _INPUT)
    if found is None or not any(name in top for name in (*_READ_BESIDE, *_WRITE_BESIDE)):
        return found
    output, total = count(top.get("output_tokens")), count(top.get("total_tokens"))
    if total is not None and output is not None and total == found + output:
        return max(found, cached)  # a total of a gateway: Anthropic itself sends none
    return found + cached


def _output(top: Mapping[str, object]) -> int | None:
    found = first_count(top, _OUTPUT)
    thoughts = first_count(top, _THOUGHTS)
    if thoughts is None:
        return found
    prompt, total = _input(top, 0), first_count(top, _TOTAL)
    if found is not None and total is not None and prompt is not None:
        beyond = total - prompt
        # The total shows whether candidates include thoughts, and the uncounted rest.
        return max(found, beyond) if beyond >= found else found + thoughts
    return (found or 0) + thoughts


def _lifetime(top: Mapping[str, object], lifetime: str) -> int | None:
    key = f"ephemeral_{lifetime}_input_tokens"
    listed = top.get("cacheDetails")  # Bedrock
    by_ttl = [
        walk(item, "inputTokens")
        for item in (listed if isinstance(listed, list) else ())
        if walk(item, "ttl") == lifetime
    ]
    return _largest(*_in(top, _IN_DETAILS, key), walk(top, *_SPLIT, key), *by_ttl)


def _modality(top: Mapping[str, object], places: tuple[str, ...], name: str) -> int | None:
    listed = [
        first_count(item, ("tokenCount", "token_count"))
        for place in places
        if isinstance(items := top.get(place), list)
        for item in items
        if isinstance(item, dict) and str(item.get("modality")).lower().endswith(name)
    ]
    # Modalities missing from a list were not used.
    is_listed = any(isinstance(top.get(place), list) and top[place] for place in places)
    rest = [0] if is_listed and name != "text" else []
    return _largest(*_in(top, places, f"{name}_tokens", name), *listed, *rest)


def _in(top: Mapping[str, object], places: tuple[str, ...], *keys: str) -> list[object]:
    return [inner[k] for p in places if isinstance(inner := top.get(p), dict)
            for k in keys if k in inner]  # fmt: skip


def _of(top: Mapping[str, object], names: tuple[str, ...]) -> list[object]:
    return [top[name] for name in names if name in top]


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other


def _largest(*values: object) -> int | None:
    """Return the largest of several spellings of one count; unused ones are often 0."""
    largest: int | None = None
    for value in values:
        if (number := count(value)) is not None and (largest is None or number > largest):
            largest = number
    return largest
