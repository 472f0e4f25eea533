"""Hook in `http.client`, which also covers `urllib.request` and clients built on it.

Only `putrequest` of the class is wrapped; the other methods are wrapped on a connection while it
sends a model call. urllib3 sends through it too, and has its own hook above.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from otel_wire.admission import REFUSED_HEADERS, REFUSED_REASON, REFUSED_STATUS, admit
from otel_wire.bodies import Passing, shown
from otel_wire.clients.proxies import place_of
from otel_wire.observer import observer, sending, under_way
from otel_wire.patching import patch
from otel_wire.tee import note_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_wire.exchange import Exchange

_OURS = ("putheader", "endheaders", "send", "getresponse")


def install(module: Any) -> None:
    """Wrap the connections of *module*."""
    patch(module.HTTPConnection, "putrequest", lambda put: _putrequest(module, put))


def _putrequest(module: Any, putrequest: Any) -> Callable[..., Any]:
    def put(self: Any, method: Any, url: Any, *args: Any, **kwargs: Any) -> Any:
        if method == "POST" and isinstance(url, str):
            host, path = _place(self, url)
            if observer.concerns(method, host, path) and under_way() is None:
                putrequest(self, method, url, *args, **kwargs)
                _Sending(module, self, host, path).take()
                return None
        _Fetching.forget(self)
        if method == "GET" and isinstance(url, str):
            exchange = observer.begin_result("http.client", *_place(self, url))
            if exchange is not None:
                putrequest(self, method, url, *args, **kwargs)
                self.getresponse = _Fetching(self, exchange).getresponse
                return None
        return putrequest(self, method, url, *args, **kwargs)

    return put


def _place(connection: Any, url: str) -> tuple[str, str]:
    return place_of(getattr(connection, "_tunnel_host", None) or connection.host, url)


class _Fetching:
    """Fetch of a batch result on a connection."""

    def __init__(self, connection: Any, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange

    @classmethod
    def forget(cls, connection: Any) -> None:
        """Remove the wrappers: the request was abandoned before its response."""
        original = vars(connection).get("getresponse")
        if isinstance(getattr(original, "__self__", None), cls):
            del connection.getresponse

    def getresponse(self) -> Any:
        """Return the response, with a body that is recorded as it is read."""
        self.forget(self._connection)
        response = self._connection.getresponse()
        note_response(response, self._exchange)
        return response


class _Sending:
    """One model call on a connection, from its first header to its response."""

    def __init__(self, module: Any, connection: Any, host: str, path: str) -> None:
        self._module = module
        self._connection = connection
        self._host = host
        self._path = path
        self._headers: dict[str, Any] = {}
        self._exchange: Exchange | None = None
        self._refused: bytes | None = None
        self._passing: Passing | None = None

    def take(self) -> None:
        """Wrap the connection's methods."""
        for name in _OURS:
            setattr(self._connection, name, getattr(self, name))

    def _release(self, *names: str) -> None:
        for name in names:
            vars(self._connection).pop(name, None)

    def putheader(self, header: Any, *values: Any) -> None:
        """Record a header of the request."""
        type(self._connection).putheader(self._connection, header, *values)
        name = header.decode("latin-1") if isinstance(header, bytes) else str(header)
        self._headers[name.lower()] = values[0] if values else ""

    def endheaders(self, message_body: Any = None, **kwargs: Any) -> None:
        """Send the request if admitted."""
        connection = self._connection
        self._release("putheader", "endheaders")
        before = observer.admission is not None
        if message_body is None:
            # The body comes by `send`, or not at all: too late for a budget.
            self._passing = None if before else Passing()
            content: Any = self._passing
        else:
            content, message_body = shown(message_body, before=before, encoding="latin-1")
        exchange = observer.begin("http.client", self._host, self._path, self._headers, content)
        if exchange is None:
            self._release("send", "getresponse")
            connection.endheaders(message_body, **kwargs)
            return
        refusal = admit(exchange)
        if refusal is not None:
            self._refused = _response(refusal.body())
            del connection._buffer[:]  # there is no public way to undo it
            connection._HTTPConnection__state = "Idle"
            return
        if parent := exchange.traceparent():
            type(connection).putheader(connection, "traceparent", parent)
        self._exchange = exchange
        observer.opened(exchange)
        if self._passing is None:
            self._release("send")
        with sending(exchange):
            self._guarded(connection.endheaders, message_body, **kwargs)

    def send(self, data: Any) -> None:
        """Record a chunk of the body; drop it if the call was refused."""
        if self._refused is not None:
            return
        if self._exchange is not None and self._passing is not None and not _is_head(data):
            self._passing.note(data)
        connection = self._connection
        self._guarded(type(connection).send, connection, data)

    def getresponse(self) -> Any:
        """Return the response, with a body that is recorded as it is read."""
        connection, exchange = self._connection, self._exchange
        self._release(*_OURS)
        if self._refused is not None:
            response = self._module.HTTPResponse(_Wire(self._refused), method="POST")
            response.begin()
            return response
        response = self._guarded(connection.getresponse)
        if exchange is not None:
            note_response(response, exchange)
        return response

    def _guarded(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return act(*args, **kwargs)
        except BaseException:
            self._release(*_OURS)
            if self._exchange is not None:
                self._exchange.failed(sent=self._connection.sock is not None)
            raise


def _is_head(data: Any) -> bool:
    return isinstance(data, bytes) and data.startswith(b"POST ")


def _response(body: bytes) -> bytes:
    headers = {**REFUSED_HEADERS, "content-length": str(len(body)), "connection": "close"}
    lines = [
        f"HTTP/1.1 {REFUSED_STATUS} {REFUSED_REASON}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class _Wire:
    """Substitute for the socket of a response; there is no connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        """Return the response as a file."""
        return io.BufferedReader(io.BytesIO(self._content))
