"""Token counts of any dialect, brought to one meaning: a total includes its subsets."""

from __future__ import annotations

from dataclasses import dataclass, fields

from otel_pricing.model.call import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts as a span reports them, before anyone knows which of them include which."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    web_search_requests: int | None = None
    cached_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    cached_image_tokens: int | None = None
    input_video_tokens: int | None = None
    output_video_tokens: int | None = None
    citation_tokens: int | None = None


def normalise(
    counts: Counts, *, input_excludes_cache: bool = False, rest_is_output: bool = False
) -> Usage | None:
    """Return the usage *counts* describe, or None when they describe none.

    *input_excludes_cache* says that the dialect counts cached tokens beside the input. Whatever it
    says, the numbers may prove it: cached tokens that exceed the input cannot be a part of it, and
    a total that only adds up with them counts them beside.

    *rest_is_output* says that a total beyond input and output holds output nobody counted, as
    Gemini's does with its thoughts.

    No input tokens at all are input tokens that nobody counted.
    """
    if not any(getattr(counts, name) for name in _COUNTED):
        # Nothing, or zeros for what the instrumentation did not learn: every call has an input.
        return None
    read = counts.cache_read_tokens
    write = _cache_write(counts)
    cached = (read or 0) + (write or 0)
    input_tokens = counts.input_tokens
    if input_tokens is not None and cached:
        beside = input_excludes_cache or _proves_cache_beside(counts, input_tokens, cached)
        input_tokens += cached if beside else 0
    output_tokens = counts.output_tokens
    if output_tokens is not None and _proves_reasoning_beside(counts, output_tokens, cached):
        output_tokens += counts.reasoning_tokens or 0
    elif output_tokens is not None and rest_is_output and input_tokens is not None:
        output_tokens = max(output_tokens, (counts.total_tokens or 0) - input_tokens)
    return Usage(
        input_tokens=_including(input_tokens, *(getattr(counts, n) for n in _INPUT_PARTS)) or None,
        output_tokens=_including(output_tokens, *(getattr(counts, n) for n in _OUTPUT_PARTS)),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=counts.cache_write_1h_tokens,
        reasoning_tokens=counts.reasoning_tokens,
        input_audio_tokens=counts.input_audio_tokens,
        output_audio_tokens=counts.output_audio_tokens,
        web_search_requests=counts.web_search_requests,
        cached_audio_tokens=counts.cached_audio_tokens,
        input_image_tokens=counts.input_image_tokens,
        output_image_tokens=counts.output_image_tokens,
        cached_image_tokens=counts.cached_image_tokens,
        input_video_tokens=counts.input_video_tokens,
        output_video_tokens=counts.output_video_tokens,
        citation_tokens=counts.citation_tokens,
    )


def _cache_write(counts: Counts) -> int | None:
    """Return all cache writes: the reported total, or the sum of both lifetimes if that is more."""
    parts = (counts.cache_write_5m_tokens or 0) + (counts.cache_write_1h_tokens or 0)
    return _at_least(counts.cache_write_tokens, parts or None)


def _proves_cache_beside(counts: Counts, input_tokens: int, cached: int) -> bool:
    if cached > input_tokens:
        return True
    if counts.total_tokens is None or counts.output_tokens is None:
        return False
    return counts.total_tokens == input_tokens + counts.output_tokens + cached


def _proves_reasoning_beside(counts: Counts, output_tokens: int, cached: int) -> bool:
    reasoning = counts.reasoning_tokens or 0
    if reasoning > output_tokens:
        return True
    if not reasoning or counts.total_tokens is None or counts.input_tokens is None:
        return False
    beyond_input = counts.total_tokens - counts.input_tokens
    return output_tokens + reasoning in (beyond_input, beyond_input - cached)


_COUNTED = tuple(field.name for field in fields(Counts) if field.name != "total_tokens")
_INPUT_PARTS = ("input_audio_tokens", "input_image_tokens", "input_video_tokens")
_OUTPUT_PARTS = ("output_audio_tokens", "output_image_tokens", "output_video_tokens")


def _including(total: int | None, *parts: int | None) -> int | None:
    """Return *total*, raised to the largest part; an unreported total stays unreported."""
    if total is not None:
        for part in parts:
            if part is not None and part > total:
                total = part
    return total


def _at_least(total: int | None, part: int | None) -> int | None:
    if total is None or part is None:
        return part if total is None else total
    return max(total, part)


def agree(one: Usage | None, other: Usage | None) -> bool:
    """Return whether two usages may be of one call: both say something, and none of it differs."""
    if one is None or other is None:
        return False
    if one.input_tokens is None or other.input_tokens is None:
        return one.output_tokens is not None and one.output_tokens == other.output_tokens
    if _inputs(one).isdisjoint(_inputs(other)):
        return False
    return None in (one.output_tokens, other.output_tokens) or (
        one.output_tokens == other.output_tokens
    )


def _inputs(usage: Usage) -> set[int]:
    """Return the input tokens with and without the cached ones, which some leave out."""
    every = usage.input_tokens or 0
    return {every, every - (usage.cache_read_tokens or 0) - (usage.cache_write_tokens or 0)}
