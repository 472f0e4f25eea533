"""Facts of a response, read from its JSON objects at the known paths of fields.

A whole response is one object, a stream is many. Both are read the same way: each object is a
message in one of the providers' formats, and later counts replace earlier ones. Text is measured
and never kept. Text and tool arguments are never read as fields.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from otel_pricing.model.usage_objects import IN_SECONDS, USAGE_KEYS, reported_cost_usd
from otel_pricing.model.values import count, first_text, text, usd, walk
from otel_wire.endpoints import without_arn
from otel_wire.json_skimmer import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal

_USAGE = ("usage", "usageMetadata", "usage_metadata", "amazon-bedrock-invocationMetrics",
          "usage_info")  # fmt: skip
_WRAPPERS = ("message", "response", "result", "x_groq")
"""Objects around a message: Anthropic's and OpenAI's stream events, Groq, Gemini's gateways.

`metadata` is excluded: it repeats the request's own.
"""
_AT_TOP = (
    ("prompt_eval_count", "eval_count"),  # Ollama
    ("prompt_token_count", "generation_token_count"),  # Llama on Bedrock
)
_MODEL = ("model", "modelVersion", "model_version")
_IDS = ("id", "responseId", "response_id", "generation_id")
_FINISH = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason")
_LAST_EVENTS = frozenset(
    {
        "message_stop",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.done",
        "message-end",
        "stream-end",
        "image_generation.completed",
        "image_edit.completed",
        "transcript.text.done",
        "speech.audio.done",
    }
)
_TEXT = ("content", "text", "thinking", "reasoning", "reasoning_content", "refusal", "arguments",
         "partial_json", "args", "input", "generated_text", "generation", "completion",
         "outputText", "transcript")  # fmt: skip
_ARGUMENTS = ("args", "input", "arguments")
_TEXT_PLACES = ("choices", "delta", "message", "content_block", "content", "output", "candidates",
                "parts", "tool_calls", "function_call", "function", "functionCall", "results",
                "toolUse", "reasoningContent", "reasoningText", "contentBlock", "start",
                "generations", "token", "tool_plan", "summary", "item", "outputs")  # fmt: skip

KEPT_KEYS = frozenset(
    {
        *USAGE_KEYS, *_USAGE, *_WRAPPERS, *_MODEL, *_IDS, *_FINISH, *_TEXT_PLACES, "type",
        "event_type", "error", "code", "status", "done", "service_tier", "serviceTier",
        "trafficType", "traffic_type", "incomplete_details", "reason", "meta", "bytes", "cost",
        "response_cost", "details", "prompt_eval_count", "eval_count", "object", "is_finished",
        "task", "duration", "trace", "promptRouter", "invokedModelId",
    }
)  # fmt: skip
"""Keys kept by the reader of long responses."""
MEASURED_KEYS = _TEXT_KEYS = frozenset(_TEXT)
"""Keys of which it keeps only the lengths."""
_PLACE_KEYS = frozenset(_TEXT_PLACES)
_USAGE_PLACES = frozenset(
    {
        *_USAGE, "meta", "details", "inputTextTokenCount", "task",
        *(key for pair in _AT_TOP for key in pair),
    }
)  # fmt: skip
_USAGE_OBJECTS = (*_USAGE, "meta", "details")
"""The last ones are from Cohere and Hugging Face."""
_TRANSCRIPTION_TASKS = ("transcribe", "translate")
"""Tasks of a verbose transcription, which has a duration in addition to the text."""
_FRACTIONS = frozenset({"cost", "estimated_cost", "cost_in_usd_ticks", *IN_SECONDS})
_ALL_AT_TOP = frozenset(key for pair in _AT_TOP for key in pair)
_ALL_WRAPPERS = frozenset(_WRAPPERS)
_FINISH_KEYS = frozenset(_FINISH)
_MOST_DEPTH = 8
_MOST_FIGURES = 256
_MOST_REASONS = 16


class ResponseFacts:
    """Facts in the objects of a response so far."""

    def __init__(self, load: Callable[[bytes], object]) -> None:
        self._load = load
        self.usage: dict[str, object] = {}
        self.model = ""
        self.tier: str | None = None
        self.response_id: str | None = None
        self.finish_reasons: list[str] = []
        self.reported_cost_usd: Decimal | None = None
        self.error_type: str | None = None
        self.is_complete = False
        """Whether an event that ends a stream was seen."""
        self.is_unfinished = False
        """Whether a message announced further ones."""
        self._streamed = 0
        self._whole = 0

    @property
    def output_characters(self) -> int:
        """Characters of text, reasoning and tool arguments.

        Streams of some providers repeat the whole output at the end, which is not counted twice.
        """
        return max(self._streamed, self._whole)

    def observe(self, value: object, *, is_cut: bool = False) -> None:
        """Read one message of the response; a truncated one (*is_cut*) does not end a stream."""
        if isinstance(value, dict):
            was_complete = self.is_complete
            self._message(value, 0)
            self.is_complete = was_complete if is_cut else self.is_complete

    def _message(self, top: dict[str, Any], depth: int) -> None:
        kind = text(top.get("type")) or text(top.get("event_type")) or ""
        if not _USAGE_PLACES.isdisjoint(top):
            self._usage_at_top(top)
        self._names(top)
        self._ends(top, kind)
        self._error(top, kind)
        self._measure(top, kind)
        self._inner(top, kind, depth)

    def _usage_at_top(self, top: dict[str, Any]) -> None:
        for key in _USAGE_OBJECTS:
            if key in top and isinstance(found := top[key], dict):
                self._add_usage(found)
        for pair in () if _ALL_AT_TOP.isdisjoint(top) else _AT_TOP:
            if any(count(top.get(key)) is not None for key in pair):
                self._add_usage({key: top.get(key) for key in pair})
        if "inputTextTokenCount" in top:
            self._add_titan(top)
        if top.get("task") in _TRANSCRIPTION_TASKS and "duration" in top:
            self._add_usage({"seconds": top["duration"]})

    def _inner(self, top: dict[str, Any], kind: str, depth: int) -> None:
        if depth >= 2:
            return
        for key in () if _ALL_WRAPPERS.isdisjoint(top) else _WRAPPERS:
            if isinstance(inner := top.get(key), dict) and _is_wrapper(key, inner):
                self._message(inner, depth + 1)
        if isinstance(inner := top.get("delta"), dict):
            self._reasons(inner)
            for key in _USAGE:
                if isinstance(usage := inner.get(key), dict):
                    self._add_usage(usage)
        encoded = top.get("bytes")
        if isinstance(encoded, str) and depth == 0:  # an event of a Bedrock stream
            try:
                value = self._load(b64decode(encoded))
            except ValueError:
                return
            if isinstance(value, dict):
                self._message(value, depth + 1)

    def _add_usage(self, document: dict[str, Any]) -> None:
        _merge(self.usage, document)
        cost = reported_cost_usd(document)
        if cost is not None:
            self.reported_cost_usd = max(cost, self.reported_cost_usd or cost)
        self.tier = (
            text(document.get("service_tier")) or text(document.get("trafficType")) or self.tier
        )

    def _add_titan(self, top: dict[str, Any]) -> None:
        results = top.get("results")
        counted = [r.get("tokenCount") for r in _dicts(results)]
        output = sum(n for item in counted if (n := count(item)) is not None)
        self._add_usage(
            {"inputTextTokenCount": top["inputTextTokenCount"], "outputTokenCount": output}
        )

    def _names(self, top: dict[str, Any]) -> None:
        if not self.model:
            self.model = first_text(top, _MODEL) or ""
        if "trace" in top:  # the model that a prompt router of Bedrock chose
            routed = text(walk(top["trace"], "promptRouter", "invokedModelId"))
            self.model = without_arn(routed) if routed else self.model
        if self.response_id is None:
            self.response_id = first_text(top, _IDS)
        tier = top.get("service_tier") or top.get("serviceTier")
        tier = tier.get("type") if isinstance(tier, dict) else tier
        self.tier = text(tier) or self.tier
        for key in ("response_cost", "cost"):
            if key in top and (amount := usd(top[key])) is not None:
                self.reported_cost_usd = amount

    def _ends(self, top: dict[str, Any], kind: str) -> None:
        done = top.get("done", top.get("is_finished"))
        if kind in _LAST_EVENTS or done is True:
            self.is_complete = True
        elif done is False:
            self.is_unfinished = True
        self._reasons(top)
        for key in ("choices", "candidates", "results", "outputs"):
            if key in top:
                for item in _dicts(top[key]):
                    self._reasons(item)
        details = top.get("incomplete_details")
        if isinstance(details, dict):
            self._reason(details.get("reason"))

    def _reasons(self, place: dict[str, Any]) -> None:
        for key in () if _FINISH_KEYS.isdisjoint(place) else _FINISH:
            if (value := place.get(key)) is not None:
                self._reason(value)

    def _reason(self, value: object) -> None:
        reason = text(value)
        if not reason or reason in self.finish_reasons or reason == "null":
            return
        if len(self.finish_reasons) < _MOST_REASONS:
            self.finish_reasons.append(reason)

    def _error(self, top: dict[str, Any], kind: str) -> None:
        error = top.get("error")
        if isinstance(error, dict):
            names = (error.get(key) for key in ("type", "status", "code"))
            named = next((str(n) for n in names if isinstance(n, str | int) and n != ""), "error")
        elif error and isinstance(error, str | Skipped):
            named = "error"
        elif kind == "error":
            named = text(top.get("code")) or "error"
        else:
            return
        self.error_type = self.error_type or named[:100]

    def _measure(self, top: dict[str, Any], kind: str) -> None:
        if kind.endswith(".delta"):  # OpenAI responses: the delta is the text
            delta = top.get("delta")
            if isinstance(delta, str | Skipped):
                self._streamed += _length(delta)
                return
        if isinstance(token := top.get("token"), dict):  # Hugging Face
            self._streamed += _measured(token, 0)
        elif (
            kind == "text-generation"
            or "delta" in top
            or any("delta" in choice for choice in _dicts(top.get("choices")))
        ):  # Cohere
            self._streamed += _measured(top, 0)
        elif kind in {"content_block_start", "message_start", "content-start"}:
            self._streamed += _measured(top, 0)
        elif kind.startswith("response.") or self._streamed:
            # A repetition of the streamed output, or of part of it.
            self._whole = max(self._whole, _measured(top, 0))
        else:
            self._whole += _measured(top, 0)


def _is_wrapper(key: str, document: dict[str, Any]) -> bool:
    # A chat message of Ollama is no wrapper: it has only the model's output.
    return key != "message" or "usage" in document or "model" in document


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item


def _measured(value: object, depth: int) -> int:
    """Return the characters of output in the output fields of *value*."""
    if depth > _MOST_DEPTH:
        return 0
    if isinstance(value, list):
        return sum(
            _length(item) if isinstance(item, str | Skipped) else _measured(item, depth + 1)
            for item in value
        )
    if not isinstance(value, dict):
        return 0
    total = 0
    for key, inner in value.items():
        if isinstance(inner, str | Skipped):
            if key in _TEXT_KEYS or (key == "response" and depth == 0):  # Ollama's generate
                total += _length(inner)
        elif isinstance(inner, dict | list):
            if key in _PLACE_KEYS or (key == "response" and depth == 0):
                total += _measured(inner, depth + 1)
            elif key in _ARGUMENTS:
                total += _json_length(inner, 0)
    return total


def _length(value: str | Skipped) -> int:
    return len(value) if isinstance(value, str) else value.length


def _json_length(value: object, depth: int) -> int:
    """Return the approximate length of *value* as JSON; tool arguments may be an object."""
    if isinstance(value, str | Skipped):
        return _length(value) + 2
    if depth > _MOST_DEPTH:
        return 2
    if isinstance(value, dict):
        return 2 + sum(len(key) + 5 + _json_length(v, depth + 1) for key, v in value.items())
    if isinstance(value, list):
        return 2 + sum(2 + _json_length(item, depth + 1) for item in value)
    return 4


def _merge(into: dict[str, object], document: dict[str, Any], depth: int = 0) -> None:
    """Merge *document* into *into* by the larger count, because counts of a stream only grow."""
    for key, value in document.items():
        if value is None or (key not in into and len(into) >= _MOST_FIGURES):
            continue
        present = into.get(key)
        if isinstance(value, dict):
            if depth < 3:
                inner = present if isinstance(present, dict) else {}
                _merge(inner, value, depth + 1)
                into[key] = inner
        elif (number := count(value)) is not None:
            into[key] = max(number, n) if (n := count(present)) is not None else number
        elif isinstance(value, list):
            into[key] = value[:_MOST_REASONS]
        elif not isinstance(value, int | float) or key in _FRACTIONS:
            # An invalid count is ignored as not reported.
            into[key] = value
