"""Normalisation of token counts of all dialects: a total includes its subsets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter

from otel_pricing.model.call import Units, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts(Units):
    """Counts as reported by a span, before it is known which totals include which parts."""

    total_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    input_text_tokens: int | None = None
    output_text_tokens: int | None = None


def normalise(
    counts: Counts, *, input_excludes_cache: bool = False, rest_is_output: bool = False
) -> Usage | None:
    """Return the usage in *counts*, or None without any.

    *input_excludes_cache*: the dialect counts cached tokens separately from the input. The numbers
    may prove that in any dialect: cached tokens that exceed the input cannot be part of it, and a
    total that adds up only with them counts them separately.

    *rest_is_output*: a total beyond input and output includes uncounted output, such as Gemini's
    thoughts.

    Input tokens of 0 or none are uncounted input tokens.
    """
    if not any(_counted(counts)):
        # None, or zeros for unknown counts: every call has an input.
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
    same = dict(zip(_SAME, _same(counts), strict=True))
    same.update(_other_media(counts, input_tokens, "input"))
    same.update(_other_media(counts, output_tokens, "output"))
    return Usage(
        input_tokens=_including(input_tokens, *(getattr(counts, n) for n in _INPUT_PARTS)) or None,
        output_tokens=_including(output_tokens, *(getattr(counts, n) for n in _OUTPUT_PARTS)),
        cache_read_tokens=read,
        cache_write_tokens=write,
        **same,
    )


def _other_media(counts: Counts, total: int | None, side: str) -> dict[str, int]:
    """Return 0 for each unreported medium of a *side* whose reported parts are its whole total."""
    text, *media = _by_medium[side](counts)
    if not total or (text or 0) + sum(filter(None, media)) != total:
        return {}
    return {
        f"{side}_{medium}_tokens": 0
        for medium, part in zip(MEDIA, media, strict=True)
        if part is None
    }


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


MEDIA = ("audio", "image", "video")
"""Modalities other than text, with separate rates."""
_by_medium = {
    side: attrgetter(*(f"{side}_{medium}_tokens" for medium in ("text", *MEDIA)))
    for side in ("input", "output")
}
_counted = attrgetter(
    *(f.name for f in fields(Counts) if f.name != "total_tokens" and "_text_" not in f.name)
)
_INPUT_PARTS = tuple(f"input_{medium}_tokens" for medium in MEDIA)
_OUTPUT_PARTS = tuple(f"output_{medium}_tokens" for medium in MEDIA)
_TOTALS = frozenset({"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"})
_SAME = tuple(f.name for f in fields(Usage) if f.name not in _TOTALS)
"""Counts with the same meaning in every dialect."""
_same = attrgetter(*_SAME)


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
    """Return whether two usages may be of one call: both have counts, and none differs."""
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
    """Return the input tokens with and without the cached ones, which some dialects exclude."""
    every = usage.input_tokens or 0
    return {every, every - (usage.cache_read_tokens or 0) - (usage.cache_write_tokens or 0)}
