"""A file-like object that records the data read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_wire.file_in_place import FileInPlace
from otel_wire.filtered_file import FilteredFile
from otel_wire.framing import Framing, framing_of
from otel_wire.record import Ending
from otel_wire.stream_usage import is_event_stream

if TYPE_CHECKING:
    from otel_wire.exchange import Exchange


class Tee(FileInPlace):
    """Wraps the connection's file below a response of `http.client`.

    Every way of reading the response (`read`, `read1`, `readinto`, lines, iteration) uses this
    file, and the response closes it at its end.
    """

    def __init__(self, inner: Any, exchange: Exchange) -> None:
        super().__init__(inner)
        self._exchange = exchange

    def _note(self, data: Any) -> Any:
        if data:
            self._exchange.add(bytes(data))
        else:
            self._exchange.at_eof()
        return data

    def _read(self, read: Any, *args: Any) -> Any:
        try:
            return read(*args)
        except Exception:
            self._exchange.end(Ending.NETWORK)
            raise

    def read(self, *args: Any) -> Any:
        """Read as the connection's file does."""
        data = self._note(self._read(self._inner.read, *args))
        if not args or args[0] is None or args[0] < 0:
            self._exchange.at_eof()
        return data

    def read1(self, *args: Any) -> Any:
        """Read as the connection's file does."""
        return self._note(self._read(self._inner.read1, *args))

    def readline(self, *args: Any) -> Any:
        """Read as the connection's file does."""
        return self._note(self._read(self._inner.readline, *args))

    def readinto(self, buffer: Any) -> Any:
        """Read as the connection's file does."""
        count = self._read(self._inner.readinto, buffer)
        if count:
            self._exchange.add(bytes(memoryview(buffer)[:count]))
        else:
            self._exchange.at_eof()
        return count

    def peek(self, *args: Any) -> Any:
        """Look ahead; the data is recorded once it is read."""
        return self._inner.peek(*args)

    def close(self) -> None:
        """Close the connection's file, and end the exchange."""
        try:
            super().close()
        finally:
            self._exchange.end()

    def __del__(self) -> None:
        self._exchange.end()


def tee(response: Any, exchange: Exchange) -> bool:
    """Record the body of *response*, of `http.client`, in *exchange*; False if impossible."""
    file = getattr(response, "fp", None)
    if file is None:
        return False
    framing: Framing = framing_of(
        chunked=bool(getattr(response, "chunked", False)), length=getattr(response, "length", None)
    )
    exchange.responded(response.status, response.headers, framing=framing)
    response.fp = Tee(file, exchange)
    if exchange.filter is not None and is_event_stream(response.headers):
        chunked = bool(getattr(response, "chunked", False))
        if chunked or getattr(response, "length", None) is None:
            response.fp = FilteredFile(response.fp, exchange.filter, chunked=chunked)
    return True


def note_response(response: Any, exchange: Exchange) -> None:
    """Record the body of *response*, of `http.client` or `urllib3`, in *exchange*."""
    body = getattr(response, "_body", None)
    if isinstance(body, bytes):  # of urllib3, already read
        exchange.whole(response.status, response.headers, body)
        if exchange.filter is not None and is_event_stream(response.headers):
            vars(response)["_body"] = exchange.filter.feed(body) + exchange.filter.end()
    elif not tee(getattr(response, "_fp", response), exchange):
        # Without a body, or of a transport that cannot be observed.
        exchange.responded(response.status, response.headers)
        exchange.end(Ending.UNREAD)
