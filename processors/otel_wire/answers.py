"""Incremental readers of model providers' responses.

A reader takes the raw bytes of one response in chunks of any size, decodes them, and reads JSON by
its structure: whole bodies, JSON arrays, JSON lines, server-sent events, AWS event streams. Memory
is bounded for any input, time is linear in the bytes, and the chunk sizes do not affect the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from otel_pricing.model.usage_objects import read_usage
from otel_pricing.model.values import usd
from otel_wire.decoding import UndecodableError, decoder_for
from otel_wire.json_loading import loads
from otel_wire.json_skimmer import JsonSkimmer
from otel_wire.limits import bounded
from otel_wire.operations import WITHOUT_OUTPUT
from otel_wire.response_facts import KEPT_KEYS, MEASURED_KEYS, ResponseFacts
from otel_wire.stream_framing import MOST_BUFFERED_BYTES, EventStreamFramer, SseFramer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from otel_pricing.model.call import Usage
    from otel_wire.decoding import Decoder
    from otel_wire.requests import ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Facts about the call in a response; never text of the user or the model."""

    usage: Usage | None = None
    """Usage of the call; None if the response reports none."""
    usage_is_final: bool = False
    """Whether the response ended with a complete usage; False for an interrupted stream."""
    usage_is_bounded: bool = False
    """Whether the response claimed more than the request allows; `usage` is then the bound."""
    model: str = ""
    """Model that responded; empty if the response does not name it."""
    tier: str | None = None
    """Service tier, as the provider spells it."""
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    reported_cost_usd: Decimal | None = None
    """Cost reported by the provider or gateway, in US dollars."""
    error_type: str | None = None
    """Type of an error in the response, as the provider spells it."""
    output_characters: int = 0
    """Characters of output text, reasoning and tool arguments seen."""
    complete: bool = False
    """Whether the response ended as its format requires."""
    bytes_read: int = 0
    """Bytes of the response as sent."""
    unread_reason: str | None = None
    """Reason why the response, or the rest of it, could not be read; None if it was read."""


class AnswerReader:
    """Reads one response incrementally. Not thread-safe; none of its methods raises.

    *request* bounds the usage in the response; None accepts any valid usage. *headers* are the
    response's, in any case. For a realtime connection, create one reader per message.
    """

    def __init__(
        self, request: ModelRequest | None, status: int, headers: Mapping[str, str]
    ) -> None:
        self._request = request
        self._status = status
        self._headers = {str(name).lower(): str(value) for name, value in headers.items()}
        self._facts = ResponseFacts(_load)
        self._bytes = 0
        self._unread: str | None = None
        self._decoder: Decoder | None = None
        self._body: _Body | None = None
        self._start = b""
        try:
            self._decoder = decoder_for(self._headers.get("content-encoding", ""))
        except UndecodableError as error:
            self._unread = str(error)

    def feed(self, chunk: bytes) -> None:
        """Read the next raw bytes of the response, still content-encoded."""
        self._bytes += len(chunk)
        if self._unread is not None or self._decoder is None:
            return
        try:
            for piece in self._decoder.decode(chunk):
                self._read(piece)
        except UndecodableError as error:
            self._unread = str(error)
        except Exception as error:  # a response must not disturb its reader
            self._unread = type(error).__name__

    def end(self) -> Answer:
        """Return the result; call it once, also for an interrupted response."""
        complete = False
        try:
            complete = self._end_body()
            return self._answer(complete=complete and self._unread is None)
        except Exception as error:  # a response must not disturb its reader
            return Answer(bytes_read=self._bytes, unread_reason=type(error).__name__)

    def _read(self, piece: bytes) -> None:
        if self._body is None:
            self._start = _trimmed(self._start + piece)
            if len(self._start) < _SNIFFED_BYTES:
                return
            self._body, piece = self._begin()
        if piece:
            self._body.feed(piece)

    def _begin(self) -> tuple[_Body, bytes]:
        start, self._start = self._start, b""
        return _body_for(self._headers.get("content-type", ""), start, self._facts), start

    def _end_body(self) -> bool:
        body = self._body
        if body is None:
            body, start = self._begin()
            if not start:
                return False
            body.feed(start)
        complete = body.end()
        self._unread = self._unread or body.unread_reason
        return complete

    def _answer(self, *, complete: bool) -> Answer:
        facts = self._facts
        operation = self._request.operation if self._request is not None else ""
        has_output = operation not in WITHOUT_OUTPUT
        figures = {**self._from_headers(), **facts.usage}
        usage = read_usage(figures, total_is_input=not has_output)
        is_final = (
            complete and usage is not None and (usage.output_tokens is not None or not has_output)
        )
        is_bounded = False
        if usage is not None and self._request is not None:
            usage, is_bounded = bounded(usage, self._request)
        return Answer(
            usage=usage,
            usage_is_final=is_final,
            usage_is_bounded=is_bounded,
            model=facts.model,
            tier=facts.tier,
            response_id=facts.response_id,
            finish_reasons=tuple(facts.finish_reasons),
            reported_cost_usd=_header_cost(self._headers, facts.reported_cost_usd),
            error_type=facts.error_type,
            output_characters=facts.output_characters,
            complete=complete,
            bytes_read=self._bytes,
            unread_reason=self._unread,
        )

    def _from_headers(self) -> dict[str, object]:
        usage_fields: dict[str, object] = {}
        for header, key in _USAGE_HEADERS.items():
            value = self._headers.get(header, "")
            if value.isascii() and value.isdigit() and len(value) < _LONGEST_COUNT:
                usage_fields[key] = int(value)
        return usage_fields


_BOM = b"\xef\xbb\xbf"
_SNIFFED_BYTES = 16
"""Bytes after leading space that decide the format of a body, for any chunk sizes."""
_LONGEST_COUNT = 12
_USAGE_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
    "x-prompt-tokens": "prompt_tokens",  # Hugging Face TGI
    "x-generated-tokens": "generated_tokens",
}
_COST_HEADERS = ("x-litellm-response-cost",)


def _header_cost(headers: Mapping[str, str], reported: Decimal | None) -> Decimal | None:
    return next((c for h in _COST_HEADERS if (c := usd(headers.get(h))) is not None), reported)


def _trimmed(start: bytes) -> bytes:
    return start.lstrip().removeprefix(_BOM).lstrip()


class _Body(Protocol):
    unread_reason: str | None

    def feed(self, data: bytes) -> None: ...

    def end(self) -> bool: ...


def _body_for(content_type: str, start: bytes, facts: ResponseFacts) -> _Body:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/vnd.amazon.eventstream":
        return _EventStreamBody(facts)
    if kind.startswith(("audio/", "image/", "video/")):
        return _OtherBody(facts)
    text = start[:_SNIFFED_BYTES]
    if text[:1] in {b"{", b"["} or (kind.endswith("json") and not text.startswith(b"data:")):
        return _JsonBody(facts)
    if kind == "text/event-stream" or text.startswith((b"data:", b"event:", b"id:", b":")):
        return _SseBody(facts)
    if start[:1] == b"\x00":
        return _EventStreamBody(facts)
    return _OtherBody(facts)


class _Document:
    """A JSON text in parts: a short one is parsed at once, a longer one skimmed incrementally."""

    def __init__(self, facts: ResponseFacts) -> None:
        self._facts = facts
        self._buffer = bytearray()
        self._skimmer: JsonSkimmer | None = None

    def feed(self, data: bytes) -> None:
        if self._skimmer is not None:
            self._skimmer.feed(data)
            return
        self._buffer += data
        if len(self._buffer) > MOST_BUFFERED_BYTES:
            self._skim()

    def end(self) -> bool:
        if self._skimmer is None:
            try:
                value = _load(bytes(self._buffer))
            except ValueError:
                self._skim()
            else:
                for item in value if isinstance(value, list) else (value,):
                    self._facts.observe(item)
                return True
        skimmer = self._skimmer
        if skimmer is None:
            return False
        rest = skimmer.end()
        if rest is not None:
            self._facts.observe(rest, is_cut=True)
        return skimmer.is_complete

    def _skim(self) -> None:
        self._skimmer = JsonSkimmer(KEPT_KEYS, MEASURED_KEYS, self._facts.observe)
        self._skimmer.feed(bytes(self._buffer))
        self._buffer = bytearray()


class _JsonBody(_Document):
    unread_reason: str | None = None

    def end(self) -> bool:
        complete = super().end()
        return complete and (self._facts.is_complete or not self._facts.is_unfinished)


class _SseBody:
    unread_reason: str | None = None

    def __init__(self, facts: ResponseFacts) -> None:
        self._facts = facts
        self._framer = SseFramer(lambda: _Document(facts), self._done)

    def _done(self) -> None:
        self._facts.is_complete = True

    def feed(self, data: bytes) -> None:
        self._framer.feed(data)

    def end(self) -> bool:
        is_between = self._framer.end()
        return self._facts.is_complete or (is_between and bool(self._facts.finish_reasons))


class _EventStreamBody:
    unread_reason: str | None = None

    def __init__(self, facts: ResponseFacts) -> None:
        self._facts = facts
        self._framer = EventStreamFramer(lambda: _Document(facts), self._frame)

    def _frame(self, headers: dict[str, str]) -> None:
        failed = headers.get(":exception-type") or headers.get(":error-code")
        if failed:
            self._facts.error_type = self._facts.error_type or failed[:100]

    def feed(self, data: bytes) -> None:
        self._framer.feed(data)

    def end(self) -> bool:
        is_between = self._framer.end()
        if self._framer.is_damaged:
            self.unread_reason = "damaged event stream"
        return is_between and bool(self._facts.finish_reasons or self._facts.is_complete)


class _OtherBody:
    """A body that is not JSON: audio, an image, or a transcript as plain text."""

    unread_reason: str | None = None

    def __init__(self, facts: ResponseFacts) -> None:
        self._facts = facts

    def feed(self, data: bytes) -> None:
        pass

    def end(self) -> bool:
        return True


def _load(data: bytes) -> object:
    return loads(data.decode("utf-8", "replace"))
