"""Bounds of the usage in a response, from the limits in its request."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from otel_pricing.model.call import Usage
from otel_wire.operations import CHAT, GENERATE_CONTENT, TEXT_COMPLETION, WITHOUT_OUTPUT

if TYPE_CHECKING:
    from otel_wire.requests import ModelRequest

MOST_INPUT_TOKENS = 2_097_152
"""Input tokens of the largest context window; no single request is charged for more."""
MOST_OUTPUT_TOKENS = 1_048_576
"""Output tokens that a request without a limit may be charged for."""
INPUT_SLACK_TOKENS = 32_768
"""Accepted input tokens beyond the request's own: gateways add prompts."""
OUTPUT_SLACK_TOKENS = 256
"""Accepted output tokens beyond the request's limit, for the end of a turn or a tool call."""
TOOL_TURNS = 32
"""Factor on the output limit if the provider runs tools and calls the model again."""
_TEXT = frozenset({CHAT, GENERATE_CONTENT, TEXT_COMPLETION})


def most_input_tokens(request: ModelRequest) -> int:
    """Return the maximum input tokens accepted from a response to *request*."""
    if not request.readable or request.hidden_input or request.operation not in _TEXT:
        return MOST_INPUT_TOKENS
    return min(request.size + max(request.unseen_tokens, INPUT_SLACK_TOKENS), MOST_INPUT_TOKENS)


def most_output_tokens(request: ModelRequest) -> int:
    """Return the maximum output tokens accepted from a response to *request*."""
    if request.operation in WITHOUT_OUTPUT:
        return MOST_OUTPUT_TOKENS
    limit = request.max_output_tokens
    if limit is None or not request.readable or request.operation not in _TEXT:
        return MOST_OUTPUT_TOKENS
    if request.hidden_input:
        limit *= TOOL_TURNS
    return min(limit + limit // 8 + OUTPUT_SLACK_TOKENS, MOST_OUTPUT_TOKENS)


def bounded(usage: Usage, request: ModelRequest) -> tuple[Usage, bool]:
    """Return *usage* cut to the bounds of *request*, and whether it exceeded them.

    Parts are cut to the totals that include them.
    """
    most_in, most_out = most_input_tokens(request), most_output_tokens(request)
    bounds = (most_in, most_out, _MOST_REQUESTS)
    too_much = (usage.input_tokens or 0) > most_in or (usage.output_tokens or 0) > most_out
    cut: dict[str, int] = {}
    for name, kind in _BOUND_OF:
        value = getattr(usage, name)
        if isinstance(value, int) and value > (most := bounds[kind]):
            cut[name] = most
    if not cut:
        return usage, False
    return replace(usage, **cut), too_much or bool(cut)


def _kind(name: str) -> int:
    """Return the bound of a field: input (0), output (1) or number of requests (2)."""
    if "output" in name or name == "reasoning_tokens":
        return 1
    return 2 if name.endswith("requests") else 0


_MOST_REQUESTS = 1000
_BOUND_OF = tuple((field.name, _kind(field.name)) for field in fields(Usage))
