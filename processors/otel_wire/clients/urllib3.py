"""Hook in `urllib3`, which also covers `requests` and `botocore`.

It wraps `urlopen` of a connection pool, which calls itself for every retry, so each is seen.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from otel_wire.admission import REFUSED_HEADERS, REFUSED_REASON, REFUSED_STATUS, admit
from otel_wire.bodies import shown
from otel_wire.clients.proxies import place_of
from otel_wire.exchange import Exchange
from otel_wire.observer import observer, sending, under_way
from otel_wire.patching import patch
from otel_wire.record import Ending
from otel_wire.stream_usage import WithoutUsageChunk, asked_for_usage
from otel_wire.tee import note_response

if TYPE_CHECKING:
    from collections.abc import Callable

_NEVER_SENT = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "MaxRetryError")


def install(module: Any) -> None:
    """Wrap the connection pools of *module*."""
    patch(module.HTTPConnectionPool, "urlopen", lambda urlopen: _urlopen(module, urlopen))


def _urlopen(module: Any, urlopen: Any) -> Callable[..., Any]:
    def sent(
        self: Any,
        method: Any,
        url: Any,
        body: Any = None,
        headers: Any = None,
        retries: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        def go(body: Any, headers: Any = headers) -> Any:
            return urlopen(self, method, url, body, headers, retries, *args, **kwargs)

        if method in ("GET", "get"):
            result = _begin_result(module, self.host, url)
            if result is None:
                return go(body)
            with sending(result):
                response = go(body)
            note_response(response, result)
            return response
        if method not in ("POST", "post"):
            return go(body)
        host, path = place_of(self.host or "", url) if isinstance(url, str) else ("", "")
        if not observer.concerns("POST", host, path):
            return go(body)
        attempt = _attempt(retries)
        if attempt is None:
            return go(body)
        content, body = shown(body, before=observer.admission is not None, encoding="utf-8")
        exchange = observer.begin(
            module.__name__, host, path, _lowered(headers or self.headers), content,
            attempt=attempt,
        )  # fmt: skip
        if exchange is None:
            return go(body)
        refusal = admit(exchange)
        if refusal is not None:
            return _refused(module, refusal)
        with_trace = headers or self.headers or {}
        if parent := exchange.traceparent():
            headers = with_trace = {**dict(with_trace), "traceparent": parent}
        usage_request = None
        if observer.requests_usage:
            usage_request = _asked_for_usage(host, path, content, with_trace, exchange)
        try:
            with sending(exchange):
                response = go(body, headers) if usage_request is None else go(*usage_request)
        except BaseException as error:
            exchange.failed(sent=type(_cause(error)).__name__ not in _NEVER_SENT)
            raise
        if exchange.is_open:  # not ended by a retry
            note_response(response, exchange)
        return response

    return sent


def _begin_result(module: Any, host: str | None, url: Any) -> Exchange | None:
    """Return the exchange of a GET that may fetch the result of a batch; None for others."""
    if not isinstance(url, str):
        return None
    return observer.begin_result(module.__name__, *place_of(host or "", url))


def _asked_for_usage(
    host: str, path: str, content: Any, headers: Any, exchange: Exchange
) -> tuple[bytes, dict[str, Any]] | None:
    """Return body and headers that request the usage of a stream; None to send it unchanged."""
    try:
        above = under_way()
        if isinstance(above, Exchange) and above.filter is not None:  # this is a retry
            exchange.filter = WithoutUsageChunk()
            return None
        return asked_for_usage(exchange, host, path, content, headers or {})
    except Exception as error:  # a body that cannot be read, or another version of the library
        observer.on_fault(error)
        return None


def _attempt(retries: Any) -> int | None:
    """Return the number of the attempt, and end the previous one; None below another client."""
    above = under_way()
    if above is None:
        return 1
    history = getattr(retries, "history", ())
    if not isinstance(above, Exchange) or above.client != "urllib3" or not history:
        return None
    last = history[-1]
    if last.status is not None:
        above.responded(last.status, {})
        above.end(Ending.UNREAD)
    else:
        above.failed(sent=type(last.error).__name__ not in _NEVER_SENT)
    return len(history) + 1


def _cause(error: BaseException) -> BaseException:
    """Return the error of the last retry."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, BaseException) else error


def _lowered(headers: Any) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in dict(headers or {}).items()}


def _refused(module: Any, refusal: Any) -> Any:
    return module.response.HTTPResponse(
        body=io.BytesIO(refusal.body()),
        status=REFUSED_STATUS,
        reason=REFUSED_REASON,
        headers=REFUSED_HEADERS,
        preload_content=False,
    )
