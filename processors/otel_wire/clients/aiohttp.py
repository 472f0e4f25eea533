"""Hook in `aiohttp`, around the request method of a session, which all its methods call."""

# pyright: reportOptionalMemberAccess=false

from __future__ import annotations

import asyncio
import inspect
import json as json_module
import weakref
from typing import TYPE_CHECKING, Any

from otel_wire.admission import (
    REFUSED_HEADERS,
    REFUSED_REASON,
    REFUSED_STATUS,
    admit_async,
)
from otel_wire.bodies import as_bytes, shown, shown_async
from otel_wire.clients.aiohttp_body import NotedBody
from otel_wire.clients.aiohttp_filter import FilteredBody
from otel_wire.observer import observer, sending, under_way
from otel_wire.patching import patch
from otel_wire.stream_usage import asked_for_usage, is_event_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_wire.exchange import Exchange

_NEVER_SENT = (
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ClientConnectorSSLError",
    "ClientConnectorCertificateError",
    "ClientProxyConnectionError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "NonHttpUrlClientError",
)


def install(module: Any) -> None:
    """Wrap the sessions of *module*."""
    patch(module.ClientSession, "_request", lambda request: _request(module, request))


def _request(module: Any, request: Any) -> Callable[..., Any]:
    async def sent(self: Any, method: Any, str_or_url: Any, *args: Any, **kwargs: Any) -> Any:
        if method in ("GET", "get"):
            result = _begin_result(self, str_or_url)
            if result is None:
                return await request(self, method, str_or_url, *args, **kwargs)
            with sending(result):
                response = await request(self, method, str_or_url, *args, **kwargs)
            _record(self, response, result)
            return response
        url = _url(self, method, str_or_url)
        if url is None:
            return await request(self, method, str_or_url, *args, **kwargs)
        content = await _shown(module, self, kwargs)
        exchange = observer.begin(
            "aiohttp", url.host or "", url.path, _lowered(self, kwargs.get("headers")), content
        )
        if exchange is None:
            return await request(self, method, str_or_url, *args, **kwargs)
        refusal = await admit_async(exchange, asyncio.to_thread, asyncio.sleep)
        if refusal is not None:
            return await _refused(module, self, method, url, kwargs, refusal)
        if parent := exchange.traceparent():
            kwargs["headers"] = _with_header(kwargs.get("headers"), "traceparent", parent)
        if observer.requests_usage:
            _ask_for_usage(module, url, kwargs, content, exchange)
        try:
            with sending(exchange):
                response = await request(self, method, str_or_url, *args, **kwargs)
        except BaseException as error:
            exchange.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        _record(self, response, exchange)
        return response

    return sent


def _begin_result(session: Any, str_or_url: Any) -> Exchange | None:
    """Return the exchange of a GET that may fetch the result of a batch; None for others."""
    try:
        path = str_or_url if isinstance(str_or_url, str) else str_or_url.path
        is_whole = getattr(session, "_base_url", None) is None
        if is_whole and not observer.concerns_result(path.partition("?")[0]):
            return None  # most of them: building the URL takes longer
        url = session._build_url(str_or_url)
        return observer.begin_result("aiohttp", url.host or "", url.path)
    except Exception:  # the library raises for the invalid URL
        return None


def _with_header(headers: Any, name: str, value: str) -> Any:
    """Return *headers* of a request and one more; repeated headers are kept."""
    from multidict import CIMultiDict

    changed = CIMultiDict(headers or ())
    changed[name] = value
    return changed


def _ask_for_usage(
    module: Any, url: Any, kwargs: dict[str, Any], content: Any, exchange: Exchange
) -> None:
    """Request usage at the end of a stream, where the API allows."""
    try:
        request = asked_for_usage(
            exchange, url.host, url.path, content, kwargs.get("headers") or {}
        )
        if request is None:
            return
        body, headers = request
        kind = getattr(kwargs.get("data"), "content_type", None) or "application/json"
        kwargs["data"] = module.payload.BytesPayload(body, content_type=kind)
        kwargs["json"], kwargs["headers"] = None, headers
    except Exception as error:  # another version of the library
        exchange.filter = None
        observer.on_fault(error)


def _url(session: Any, method: Any, str_or_url: Any) -> Any:
    """Return the URL of a request that may be a model call; None for others."""
    if method != "POST" and (not isinstance(method, str) or method.upper() != "POST"):
        return None
    try:
        url = session._build_url(str_or_url)  # it is relative to the session's base URL
        if observer.concerns("POST", url.host or "", url.path) and under_way() is None:
            return url
    except Exception:  # the library raises for it
        return None
    return None


def _lowered(session: Any, headers: Any) -> dict[str, Any]:
    merged = {**dict(session.headers or {}), **dict(headers or {})}
    return {str(key).lower(): value for key, value in merged.items()}


async def _shown(module: Any, session: Any, kwargs: dict[str, Any]) -> Any:
    """Return the content of the body; change *kwargs* if the body has to be replaced for that."""
    json, data = kwargs.get("json"), kwargs.get("data")
    if json is not None and data is None:
        return _json(module, session, kwargs, json)
    content = as_bytes(data)
    if content is not None:
        return content
    value: Any = getattr(data, "_value", None) if isinstance(data, module.payload.Payload) else data
    content = None if value is None else as_bytes(value)
    if content is not None:
        return content
    if hasattr(value, "read") and hasattr(value, "seek"):
        content, _ = shown(value, before=True)
        return content
    if hasattr(value, "__aiter__"):
        before = observer.admission is not None
        content, instead = await shown_async(value.__aiter__(), before=before)
        kwargs["data"] = instead if value is data else _payload(module, data, instead)
        return content
    return None


def _json(module: Any, session: Any, kwargs: dict[str, Any], json: Any) -> bytes | None:
    """Return *json* as sent, serialised once."""
    if getattr(session, "_json_serialize_bytes", None) is not None:
        encoded: bytes = session._json_serialize_bytes(json)
        return encoded
    dumps = getattr(session, "_json_serialize", json_module.dumps)
    payload = module.payload.JsonPayload(json, dumps=dumps)
    value = as_bytes(getattr(payload, "_value", None))
    if value:
        kwargs["json"], kwargs["data"] = None, payload
        return value
    return as_bytes(dumps(json))


def _payload(module: Any, payload: Any, pieces: Any) -> Any:
    return module.payload.AsyncIterablePayload(
        pieces, content_type=payload.content_type, headers=payload.headers
    )


async def _refused(
    module: Any, session: Any, method: str, url: Any, kwargs: Any, refusal: Any
) -> Any:
    headers = _multidict({**REFUSED_HEADERS})
    about = module.RequestInfo(url, method.upper(), _multidict({}), url)
    response = _empty_response(module, session, method.upper(), url, about)
    response.status, response.reason = REFUSED_STATUS, REFUSED_REASON
    response._headers = headers  # there is no public constructor of a response
    response._raw_headers = tuple((k.encode(), v.encode()) for k, v in headers.items())
    body: bytes = refusal.body()
    response._body = body
    response.content = module.StreamReader(_NoProtocol(), 2**16, loop=asyncio.get_running_loop())
    response.content.feed_data(body)
    response.content.feed_eof()
    await _raise_for_status(session, response, kwargs.get("raise_for_status"))
    return response


def _multidict(values: dict[str, str]) -> Any:
    from multidict import CIMultiDict, CIMultiDictProxy  # aiohttp's own dependency

    return CIMultiDictProxy(CIMultiDict(values))


class _NoProtocol:
    """Flow control for a reader without a connection."""

    _reading_paused = False

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing."""


class _NoWriter:
    """Writer of a request that was not sent."""

    output_size = 0


def _empty_response(module: Any, session: Any, method: str, url: Any, about: Any) -> Any:
    from aiohttp.helpers import TimerNoop

    known: dict[str, Any] = {
        "writer": None,
        "continue100": None,
        "timer": TimerNoop(),
        "request_info": about,
        "traces": [],
        "loop": asyncio.get_running_loop(),
        "session": session,
        "stream_writer": _NoWriter(),
    }
    # The arguments depend on the version.
    accepted = inspect.signature(module.ClientResponse.__init__).parameters
    arguments = {name: value for name, value in known.items() if name in accepted}
    return module.ClientResponse(method, url, **arguments)


async def _raise_for_status(session: Any, response: Any, wanted: Any) -> None:
    if wanted is None:
        wanted = session.raise_for_status
    if callable(wanted):
        waited: Any = wanted(response)
        await waited
    elif wanted:
        response.raise_for_status()


def _record(session: Any, response: Any, exchange: Exchange) -> None:
    """Record the body of *response* in *exchange*, already read or not."""
    status, headers = response.status, response.headers
    if response._body is not None:  # already read as a whole
        exchange.whole(status, headers, response._body)
        return
    exchange.responded(status, headers, decoded=getattr(session, "_auto_decompress", True))
    if exchange.filter is not None and is_event_stream(headers):
        response.content = FilteredBody(response.content, exchange, exchange.filter)
    else:
        response.content = NotedBody(response.content, exchange)
    close, release = response.close, response.release

    def noted_close() -> None:
        close()
        exchange.end()

    def noted_release() -> Any:
        done = release()
        exchange.end()
        return done

    response.close, response.release = noted_close, noted_release
    weakref.finalize(response, exchange.end)
