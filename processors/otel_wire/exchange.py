"""One HTTP request to a model endpoint while it is on its way.

The app's thread only keeps references here: to the request's body, to pieces of the response as
they pass, and to the context. Another thread reads them.
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
"""Pieces of a response are read once so many bytes of them wait."""
_MOST_WAITING_BYTES = 4 * 1_048_576
"""With more than that waiting the thread that receives them reads them itself."""
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
    """One request; whoever ends it first decides how it ended."""

    # What nearly every exchange begins with is kept by the class: setting it takes time.
    asking: Asking | None = None
    """Set while a budget decides about the call; None without one."""
    filter: WithoutUsageChunk | None = None
    """Takes out of the response what the app has not asked for; None passes it as it is."""
    made_trace = 0
    """Trace of a request to a host of one's own that no span is around; 0 for others."""
    call_id = 0
    """Id under which the request is kept until it is stored; 0 where it is not kept."""
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
        self._ended = [True]  # taken away once, by whichever thread comes first
        self._start_ns = self.active_ns = time.time_ns()

    # On the app's threads.

    def decide(self) -> Refusing | None:
        """Take over what a budget decided; return its refusal, or None."""
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
        """Note the head of the response; its body follows by `add`.

        *decoded*: whether the client takes content encodings off before it shows the body.
        *framing*: what has to be taken off what is shown.
        """
        self._status = status
        self._response_headers = headers
        self._is_decoded = decoded
        self._framing = framing
        self.active_ns = time.time_ns()
        self._observer.opened(self)

    def add(self, piece: bytes) -> None:
        """Note the next *piece* of the response's body; costs less than a microsecond."""
        if not piece:
            return
        self.active_ns = now_ns = time.time_ns()
        self._waiting.append((now_ns, piece))
        self._waiting_bytes += len(piece)
        if self._waiting_bytes > self._read_at:
            self._have_read()

    def _have_read(self) -> None:
        if self._waiting_bytes > _MOST_WAITING_BYTES:
            self.read()
        else:
            self._read_at = _MOST_WAITING_BYTES  # asked for, once
            self._observer.worker.submit(self.read)

    def whole(self, status: int, headers: Any, content: bytes) -> None:
        """Note a response whose body, decoded, is there already."""
        self._status = status
        self._response_headers = headers
        self._is_decoded = True
        if content:
            self._waiting.append((0, content))
        self.end(Ending.COMPLETE)

    def failed(self, *, sent: bool) -> None:
        """Note that no response came, or not all of it."""
        self.end(Ending.NETWORK if sent else Ending.NOT_SENT)

    def at_eof(self) -> None:
        """Note that the connection ended where the response's body was read."""
        if self._framing is not None:
            self._framing.at_eof()

    def traceparent(self) -> str | None:
        """Return the header that tells a gateway of one's own about the trace; None for others.

        An app that sends the header itself has decided.
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
        """When the request was sent, in nanoseconds since the epoch."""
        return self._start_ns

    @property
    def is_open(self) -> bool:
        """Whether nobody has ended it yet."""
        return bool(self._ended)

    def end(self, ending: Ending = Ending.ABANDONED) -> None:
        """Note how it ended, the first time; ABANDONED becomes COMPLETE if all of it was read."""
        try:
            self._ended.pop()
        except IndexError:
            return
        self._ending = ending
        self._end_ns = time.time_ns()
        admitted = self._admitted
        if admitted is not None:  # first: who is handed the record may ask what was settled
            (admitted.corrected if self._expired else admitted.ended)(self)
        self._observer.ended(self)

    def expire(self) -> None:
        """Settle the call as one whose response nobody reads; it may still be read later."""
        if self._expired or not self._ended:
            return
        self._expired = True
        if self._admitted is not None:
            self._admitted.ended(self)

    # On other threads.

    def read(self) -> None:
        """Read the pieces that wait."""
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
            shown = body if body is None or isinstance(body, bytes) else body.content()
            headers = _named(self._headers, _NAMED_REQUEST_HEADERS)
            self._request = read_request(self.host, self._path, shown, headers)
            if self._request is None and self._observer.is_endpoint(self.host, self._path):
                self._request = read_request(self.host, _FALLBACK_PATH, shown, headers)
        return self._request

    @property
    def output_pieces(self) -> int:
        """Events of a stream that were read: its output, where nothing better is known."""
        return self._pieces

    def record(self) -> WireRecord | None:
        """Return the finished record, read now if need be; None when it was no model call."""
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
            self._record = self._make_record(request, answer, self._how(answer))
            # What was kept to be read is not needed any more.
            self._reader = self._body = None
            return self._record

    def _how(self, answer: Answer) -> Ending:
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
    found: dict[str, str] = {}
    if isinstance(headers, dict):
        headers = {str(name).lower(): value for name, value in headers.items()}
    for name in names:
        value = headers.get(name)
        if value is not None:
            found[name] = value.decode("latin-1") if isinstance(value, bytes) else str(value)[:200]
    return found
