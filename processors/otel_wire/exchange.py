"""One HTTP request to a model endpoint, while it is in flight.

The app's thread only keeps references here: to the request's body, to the chunks of the response,
and to the context. Another thread reads them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace

from otel_wire.answers import Answer, AnswerReader
from otel_wire.hosts import is_own_host
from otel_wire.record import Ending, WireRecord
from otel_wire.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from otel_wire.admission import Asking, Refusing, Settling
    from otel_wire.framing import Framing
    from otel_wire.observer import Observer
    from otel_wire.requests import ModelRequest
    from otel_wire.stream_usage import WithoutUsageChunk

_READ_AT_BYTES = 32_768
"""Queued bytes of a response that trigger a read."""
_MOST_WAITING_BYTES = 4 * 1_048_576
"""Queued bytes above which the receiving thread reads them itself."""
_NAMED_REQUEST_HEADERS = ("content-encoding", "content-type")
_NAMED_RESPONSE_HEADERS = ("content-type", "content-encoding")
_REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-goog-request-id",
)
_FALLBACK_PATH = "/chat/completions"


class Exchange:
    """One request; the first call of `end` decides how it ended."""

    # Initial values are class attributes: setting them on each instance takes time.
    asking: Asking | None = None
    """Set while a budget decides about the call; None without one."""
    filter: WithoutUsageChunk | None = None
    """Removes the usage chunk that the app did not request; None passes the response unchanged."""
    made_trace = 0
    """Trace created for a request to a private host without a surrounding span; 0 for others."""
    call_id = 0
    """Id under which the request is kept until it is stored; 0 if it is not kept."""
    _request: ModelRequest | None = None
    _admitted: Settling | None = None
    _status: int | None = None
    _response_headers: Any = MappingProxyType({})
    _is_decoded = False
    _framing: Framing | None = None
    _reader: AnswerReader | None = None
    _waiting_bytes = 0
    _read_at = _READ_AT_BYTES
    _pieces = 0
    _record: WireRecord | None = None
    _ending: Ending | None = None
    _expired = False
    _first_byte_ns: int | None = None
    _first_token_ns: int | None = None
    _end_ns = 0

    def __init__(
        self,
        observer: Observer,
        client: str,
        host: str,
        path: str,
        headers: Mapping[str, str],
        body: Any,
        attempt: int = 1,
    ) -> None:
        self._observer = observer
        self.generation = observer.generation
        self.client = client
        self.host = host
        self._path = path
        self._headers = headers
        self._body = body
        self._attempt = attempt
        self._context = context.get_current()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._ended = [True]  # popped once, by the first thread
        self._start_ns = self.active_ns = time.time_ns()

    # Called on the app's threads.

    def decide(self) -> Refusing | None:
        """Apply the decision of a budget; return its refusal, or None."""
        asking = self.asking
        if asking is None:
            return None
        self._request = asking.request
        self._admitted = asking.admitted
        refusal: Refusing | None = asking.refusal
        self._start_ns = self.active_ns = time.time_ns()
        if refusal is not None:
            self.end(Ending.REFUSED)
        else:
            self._observer.keep(self)
        return refusal

    def responded(
        self, status: int, headers: Any, *, decoded: bool = False, framing: Framing | None = None
    ) -> None:
        """Record the head of the response; its body follows by `add`.

        *decoded*: whether the client decodes content encodings before the hook sees the body.
        *framing*: message framing to remove from the body as seen.
        """
        self._status = status
        self._response_headers = headers
        self._is_decoded = decoded
        self._framing = framing
        self.active_ns = time.time_ns()
        self._observer.opened(self)

    def add(self, piece: bytes) -> None:
        """Record the next *piece* of the response's body; takes less than a microsecond."""
        if not piece:
            return
        self.active_ns = now_ns = time.time_ns()
        self._waiting.append((now_ns, piece))
        self._waiting_bytes += len(piece)
        if self._waiting_bytes > self._read_at:
            self._queue_read()

    def _queue_read(self) -> None:
        if self._waiting_bytes > _MOST_WAITING_BYTES:
            self.read()
        else:
            self._read_at = _MOST_WAITING_BYTES  # requested once
            self._observer.worker.submit(self.read)

    def whole(self, status: int, headers: Any, content: bytes) -> None:
        """Record a response with a body that was read and decoded already."""
        self._status = status
        self._response_headers = headers
        self._is_decoded = True
        if content:
            self._waiting.append((0, content))
        self.end(Ending.COMPLETE)

    def failed(self, *, sent: bool) -> None:
        """Record that no response or only a part of it arrived."""
        self.end(Ending.NETWORK if sent else Ending.NOT_SENT)

    def at_eof(self) -> None:
        """Record that the connection ended while the body was read."""
        if self._framing is not None:
            self._framing.at_eof()

    def traceparent(self) -> str | None:
        """Return the `traceparent` header for a gateway on a private host; None for others.

        The app's own header takes precedence.
        """
        if not is_own_host(self.host) or self._headers.get("traceparent"):
            return None
        span = trace.get_current_span(self._context).get_span_context()
        if span.is_valid:
            return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
        if not self.made_trace:
            return None
        return f"00-{self.made_trace:032x}-{self.call_id or self.made_trace >> 64 or 1:016x}-01"

    @property
    def admission(self) -> Settling | None:
        """The admission by a budget, which settles the call; None without one."""
        return self._admitted

    @property
    def context(self) -> Context:
        """OpenTelemetry context of the code that sends the request."""
        return self._context

    @property
    def path(self) -> str:
        """Path of the request, without its query."""
        return self._path

    @property
    def start_ns(self) -> int:
        """Time at which the request was sent, in nanoseconds since the epoch."""
        return self._start_ns

    @property
    def is_open(self) -> bool:
        """Whether the exchange has not ended yet."""
        return bool(self._ended)

    def end(self, ending: Ending = Ending.ABANDONED) -> None:
        """Record the first ending; ABANDONED becomes COMPLETE if the whole response was read."""
        try:
            self._ended.pop()
        except IndexError:
            return
        self._ending = ending
        self._end_ns = time.time_ns()
        admitted = self._admitted
        if admitted is not None:  # first: receivers of the record may read the settlement
            (admitted.corrected if self._expired else admitted.ended)(self)
        self._observer.ended(self)

    def expire(self) -> None:
        """Settle the call as one with an unread response; it may still be read later."""
        if self._expired or not self._ended:
            return
        self._expired = True
        if self._admitted is not None:
            self._admitted.ended(self)

    # Called on other threads.

    def read(self) -> None:
        """Read the queued chunks."""
        with self._lock:
            self._read()

    def _read(self) -> None:
        waiting = self._waiting
        if not waiting:
            return
        reader = self._reader or self._make_reader()
        self._waiting_bytes = 0
        self._read_at = _READ_AT_BYTES
        framing = self._framing
        while waiting:
            at_ns, piece = waiting.popleft()
            body = piece if framing is None else framing.feed(piece)
            if not body:
                continue
            self._pieces += body.count(b"data:")
            if at_ns and self._first_byte_ns is None:
                self._first_byte_ns = at_ns
            reader.feed(body)
            if at_ns and self._first_token_ns is None and getattr(reader, "output_characters", 0):
                self._first_token_ns = at_ns

    def _make_reader(self) -> AnswerReader:
        headers = _named(self._response_headers, _NAMED_RESPONSE_HEADERS)
        if self._is_decoded:
            headers.pop("content-encoding", None)
        reader = AnswerReader(self._model_request(), self._status or 0, headers)
        self._reader = reader
        return reader

    def _model_request(self) -> ModelRequest | None:
        if self._request is None:
            body = self._body
            content = body if body is None or isinstance(body, bytes) else body.content()
            headers = _named(self._headers, _NAMED_REQUEST_HEADERS)
            self._request = read_request(self.host, self._path, content, headers)
            if self._request is None and self._observer.is_endpoint(self.host, self._path):
                self._request = read_request(self.host, _FALLBACK_PATH, content, headers)
        return self._request

    @property
    def output_pieces(self) -> int:
        """Events read from a stream: its output, for lack of a better count."""
        return self._pieces

    def record(self) -> WireRecord | None:
        """Return the finished record, reading the rest now; None if it was no model call."""
        with self._lock:
            if self._record is not None:
                return self._record
            request = self._model_request()
            if request is None:
                return None
            if self._ended:
                return self._make_record(request, Answer(), Ending.UNREAD)
            self._read()
            answer = Answer() if self._reader is None else self._reader.end()
            self._record = self._make_record(request, answer, self._actual_ending(answer))
            # Release the references that were kept for reading.
            self._reader = self._body = None
            return self._record

    def _actual_ending(self, answer: Answer) -> Ending:
        ending = self._ending or Ending.ABANDONED
        if ending is not Ending.ABANDONED:
            return ending
        framed = self._framing is not None and self._framing.complete
        if answer.complete or answer.usage_is_final or framed:
            return Ending.COMPLETE
        return Ending.ABANDONED if self._reader is not None else Ending.UNREAD

    def _make_record(self, request: ModelRequest, answer: Answer, ending: Ending) -> WireRecord:
        span = trace.get_current_span(self._context).get_span_context()
        ids = _named(self._response_headers, _REQUEST_IDS)
        return WireRecord(
            client=self.client,
            host=self.host,
            request=request,
            answer=answer,
            status=self._status,
            provider_request_id=next(iter(ids.values()), None),
            context=self._context,
            trace_id=span.trace_id or self.made_trace,
            span_id=span.span_id,
            start_ns=self._start_ns,
            first_byte_ns=self._first_byte_ns,
            first_token_ns=self._first_token_ns,
            end_ns=self._end_ns or time.time_ns(),
            ending=ending,
            attempt=self._attempt,
            call_id=self.call_id,
            admission=self._admitted,
        )


def _named(headers: Any, names: tuple[str, ...]) -> dict[str, str]:
    named: dict[str, str] = {}
    if isinstance(headers, dict):
        headers = {str(name).lower(): value for name, value in headers.items()}
    for name in names:
        value = headers.get(name)
        if value is not None:
            named[name] = value.decode("latin-1") if isinstance(value, bytes) else str(value)[:200]
    return named
