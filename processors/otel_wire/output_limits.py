"""Output limits of requests: tokens, choices, images, seconds of video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_wire import operations as op

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKENS_PER_IMAGE = 6240
"""Output tokens of one generated image at the highest quality."""
TOKENS_PER_SPOKEN_CHARACTER = 2
"""Output tokens of speech for a character: 15 characters and 20 to 30 tokens make a second."""
_LIMITS = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "max_output_tokens",
        "max_tokens_to_sample",
        "max_new_tokens",
        "max_gen_len",
        "maxOutputTokens",
        "maxTokens",
        "maxTokenCount",
        "num_predict",
    }
)
_PLACES = (
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "textGenerationConfig",
    "parameters",
    "options",
)
_COUNTS = ("n", "best_of", "num_generations", "numberOfImages", "sampleCount", "n_variants",
           "candidateCount", "candidate_count", "numberOfVideos", "number_of_images")  # fmt: skip
_COUNT_PLACES = ("generationConfig", "generation_config", "imageGenerationConfig", "parameters",
                 "config")  # fmt: skip
_ALL_PLACES = frozenset(_PLACES)
_ALL_COUNTS = frozenset((*_COUNTS, *_COUNT_PLACES))
OPTIONS = frozenset((*_PLACES, *_ALL_COUNTS))
"""Keys of several choices or nested limits; a body without them has one choice and top-level
limits.
"""
_MOST_OUTPUTS = 1000
_SECONDS = ("seconds", "n_seconds", "durationSeconds", "duration")


def max_output_tokens(data: Mapping[str, Any], operation: str, input_size: int) -> int | None:
    """Return the output tokens that *data* allows in all choices; None without a limit."""
    if operation == op.IMAGE:
        return TOKENS_PER_IMAGE * output_count(data)
    if operation == op.SPEECH:
        return TOKENS_PER_SPOKEN_CHARACTER * input_size
    if operation == op.TRANSCRIPTION:
        return input_size
    limit = stated_limit(data)
    for key in () if _ALL_PLACES.isdisjoint(data) else _PLACES:
        if isinstance(place := data.get(key), dict):
            limit = max(limit, stated_limit(place))
    return limit * output_count(data) if limit else None


def batch_output_tokens(data: Mapping[str, Any]) -> int | None:
    """Return the output tokens of all requests of a batch; None if one has no limit."""
    requests = data.get("requests")
    if not isinstance(requests, list):
        return None
    total = 0
    for request in requests:
        inner = request.get("params", request.get("request")) if isinstance(request, dict) else None
        if not isinstance(inner, dict) or not (limit := max_output_tokens(inner, op.CHAT, 0)):
            return None
        total += limit
    return total


def output_count(data: Mapping[str, Any]) -> int:
    """Return the number of choices, images or videos requested."""
    if _ALL_COUNTS.isdisjoint(data):
        return 1
    most = 1
    for place in (
        data,
        *(inner for key in _COUNT_PLACES if isinstance(inner := data.get(key), dict)),
    ):
        for key in _COUNTS:
            if key in place:
                most = max(most, positive(place[key]))
    return min(most, _MOST_OUTPUTS)


def output_seconds(data: Mapping[str, Any]) -> int | None:
    """Return the requested seconds of video, or None."""
    for place in (data, data.get("parameters"), data.get("config")):
        if isinstance(place, dict):
            for key in _SECONDS:
                if seconds := positive(place.get(key)):
                    return seconds
    return None


def stated_limit(place: Mapping[str, Any]) -> int:
    """Return the output tokens that *place* allows for each choice; 0 without a limit."""
    limit = 0
    for key in _LIMITS.intersection(place):
        limit = max(limit, positive(place[key]))
    return limit


def positive(value: object) -> int:
    """Return *value* as a positive integer, rounded up; 0 if it is none."""
    if type(value) is int:  # the common case
        return max(value, 0)
    if isinstance(value, bool):
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and 0 < value < 2**53:
        return -int(-value // 1)
    return value if isinstance(value, int) and value > 0 else 0
