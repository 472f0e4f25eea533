"""Hook in `httpx` and `httpx2`, around `send`, which every request of a client calls.

This covers clients with custom transports, which a hook in the transport would miss.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

from otel_wire.admission import REFUSED_HEADERS, REFUSED_STATUS, admit, admit_async
from otel_wire.bodies import Passing, shown, shown_async
from otel_wire.clients.httpx_headers import RequestHeaders
from otel_wire.clients.httpx_streams import (
    async_body,
    async_response,
    sync_body,
    sync_response,
)
from otel_wire.observer import observer, sending, under_way
from otel_wire.patching import patch
from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_wire.exchange import Exchange

# Before a connection exists nothing was sent; after that the provider may have run the call.
_OBSERVED = ("POST", "GET")
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError")


def install(module: Any) -> None:
    """Wrap the clients of *module*; also where httpx is httpx2 under another name."""
    patch(module.Client, "send", lambda send: _sync(module, send))
    patch(module.AsyncClient, "send", lambda send: _async(module, send))


def _sync(module: Any, send: Any) -> Callable[..., Any]:
    stream_class = sync_response(module)

    def sent(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method not in _OBSERVED or not _concerns(request):
            return send(self, request, *args, **kwargs)
        exchange = _begin(module, request, _shown(module, request))
        if exchange is None:
            return send(self, request, *args, **kwargs)
        refusal = admit(exchange)
        if refusal is not None:
            return _refused(module, request, refusal)
        _propagate_trace(request, exchange)
        if observer.requests_usage:
            _request_usage(module, request, exchange)
        try:
            with sending(exchange):
                response = send(self, request, *args, **kwargs)
        except BaseException as error:
            exchange.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        if not _is_whole(response, exchange):
            response.stream = stream_class(response, exchange)
        return response

    return sent


def _async(module: Any, send: Any) -> Callable[..., Any]:
    stream_class = async_response(module)

    async def sent(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method not in _OBSERVED or not _concerns(request):
            return await send(self, request, *args, **kwargs)
        exchange = _begin(module, request, await _shown_async(module, request))
        if exchange is None:
            return await send(self, request, *args, **kwargs)
        refusal = await admit_async(exchange, _in_thread, _sleep)
        if refusal is not None:
            return _refused(module, request, refusal)
        _propagate_trace(request, exchange)
        if observer.requests_usage:
            _request_usage(module, request, exchange)
        try:
            with sending(exchange):
                response = await send(self, request, *args, **kwargs)
        except BaseException as error:
            exchange.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        if not _is_whole(response, exchange):
            response.stream = stream_class(response, exchange)
        return response

    return sent


# With anyio, the library's dependency: the client may run on asyncio or trio. Imported late.
async def _in_thread(ask: Callable[[], float]) -> float:
    from anyio.to_thread import run_sync

    return await run_sync(ask)


async def _sleep(seconds: float) -> None:
    from anyio import sleep

    await sleep(seconds)


def _concerns(request: Any) -> bool:
    url = request.url
    path = _path(url)
    if request.method == "GET":
        return observer.concerns_result(path)
    host = url.host if observer.has_endpoints else ""
    return observer.concerns("POST", host, path) and under_way() is None


def _path(url: Any) -> str:
    try:
        path: str = url._uri_reference.path  # `path` would decode it, which takes longer
    except AttributeError:
        path = url.path
    return path


def _begin(module: Any, request: Any, body: Any) -> Exchange | None:
    url: Any = request.url
    headers: Any = request.headers
    if request.method == "GET":
        return observer.begin_result(module.__name__, url.host, _path(url))
    if hasattr(headers, "_list"):
        headers = RequestHeaders(headers)
    return observer.begin(module.__name__, url.host, _path(url), headers, body)


def _propagate_trace(request: Any, exchange: Exchange) -> None:
    try:
        parent = exchange.traceparent()
        if parent is not None:
            request.headers["traceparent"] = parent
    except Exception as error:  # the call also is one to its gateway
        observer.on_fault(error)


def _request_usage(module: Any, request: Any, exchange: Exchange) -> None:
    """Request usage at the end of a stream, where the API allows."""
    from otel_wire.stream_usage import WithoutUsageChunk, with_usage

    try:
        # A stream cannot be filtered below a content encoding.
        if "content-encoding" in request.headers or not isinstance(request.content, bytes):
            return
        body = with_usage(request.url.host, request.url.path, request.content)
        if body is None:
            return
        stream = module.ByteStream(body)
        request.headers["accept-encoding"] = "identity"
        request.headers["content-length"] = str(len(body))
        request.stream, request._content = stream, body
        exchange.filter = WithoutUsageChunk()
    except Exception as error:  # a body that cannot be read, or another version of the library
        observer.on_fault(error)


def _shown(module: Any, request: Any) -> Any:
    try:
        content: bytes = request.content
    except Exception:  # it has not been read
        stream = request.stream
        before = observer.admission is not None
        if isinstance(stream, module.AsyncByteStream):
            return _form(stream)
        body = getattr(stream, "_stream", None)  # as the app passed it
        if hasattr(body, "read"):
            content, _ = shown(body, before=before)
            if content is not None:
                return content
        content, instead = shown(iter(stream), before=before)
        request.stream = sync_body(module)(instead, stream)
    return content


async def _shown_async(module: Any, request: Any) -> Any:
    try:
        content: bytes = request.content
    except Exception:  # it has not been read
        stream = request.stream
        before = observer.admission is not None
        if isinstance(stream, module.SyncByteStream):
            return _form(stream)
        if not isinstance(stream, module.AsyncByteStream):
            return None
        content, instead = await shown_async(stream.__aiter__(), before=before)
        request.stream = async_body(module)(instead, stream)
    return content


def _form(stream: Any) -> bytes | None:
    """Return the content of a form with files; None if reading would consume it."""
    fields = getattr(stream, "fields", None)
    if fields is None or not isinstance(getattr(stream, "__iter__", None), MethodType):
        return None
    passing = Passing()
    for field in fields:
        file: Any = getattr(field, "file", None)
        if hasattr(file, "read") and not (hasattr(file, "seekable") and file.seekable()):
            return None
    for piece in stream:
        passing.note(piece)
        if not passing.is_readable:
            return None
    return passing.content()


def _refused(module: Any, request: Any, refusal: Any) -> Any:
    return module.Response(
        REFUSED_STATUS, headers=REFUSED_HEADERS, content=refusal.body(), request=request
    )


def _is_whole(response: Any, exchange: Exchange) -> bool:
    """Record the response's head, and its body if available; return whether it is."""
    if not response.is_stream_consumed and not response.is_closed:
        exchange.responded(response.status_code, response.headers)
        return False
    try:
        content: bytes = response.content
    except Exception:  # closed without being read
        exchange.responded(response.status_code, response.headers)
        exchange.end(Ending.UNREAD)
        return True
    exchange.whole(response.status_code, response.headers, content)
    return True
