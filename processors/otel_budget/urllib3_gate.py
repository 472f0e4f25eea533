"""The gate in `urllib3`, and with it in what is built on it: `requests` and `botocore`."""

from __future__ import annotations

import io
import time
import weakref
from typing import TYPE_CHECKING, Any

from otel_budget.gate import inside
from otel_budget.refusal import HEADERS, STATUS
from otel_budget.streams import Recorder
from otel_budget.wrapping import Gated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_budget.gate import Gate
    from otel_budget.refusal import Refusal
    from otel_budget.ticket import Ticket
    from otel_budget.turn import Turn

MODULES = ("urllib3",)

_NEVER_SENT = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "MaxRetryError")

_gate: Gate | None = None


def current() -> Gate | None:
    """Return the gate in force, if there is one."""
    return _gate


def install(module: Any, gate: Gate | None) -> None:
    """Wrap the connection pools of *module*, and make *gate* the gate in force; None for none."""
    global _gate  # noqa: PLW0603 - libraries are patched once a process, so there is one gate
    _gate = gate
    pool = module.HTTPConnectionPool
    if not isinstance(vars(pool)["urlopen"], Gated):
        pool.urlopen = Gated(pool.urlopen, _urlopen(module))


def _urlopen(module: Any) -> Any:
    def urlopen(wrapped: Any, pool: Any, args: Any, kwargs: Any) -> Any:
        turn = _turn(pool, *args, **kwargs)
        if turn is None:
            return wrapped(*args, **kwargs)
        if not turn.ask_here():
            while pause := turn.ask():
                time.sleep(pause)
        if turn.refusal is not None:
            return _refused(module, turn.refusal)
        ticket = turn.ticket
        try:
            with inside():
                response = wrapped(*args, **kwargs)
        except BaseException as error:
            if ticket is not None:
                ticket.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        if ticket is not None:
            _record(response, ticket)
        return response

    return urlopen


def _turn(
    pool: Any,
    method: str = "",
    url: str = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *_args: Any,
    **_kwargs: Any,
) -> Turn | None:
    gate = _gate
    if gate is None:
        return None
    try:
        path = url.partition("?")[0]
        if "://" in path:  # through a proxy
            path = "/" + path.partition("://")[2].partition("/")[2]
        lowered = {str(k).lower(): v for k, v in dict(headers or {}).items()}
        return gate.turn(method, pool.host, path, lambda: _bytes(body), lowered)
    except Exception as error:  # noqa: BLE001 - the app must not see our errors
        gate.listener.failed(error)
        return None


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    return body.encode() if isinstance(body, str) else b""


def _refused(module: Any, refusal: Refusal) -> Any:
    return module.response.HTTPResponse(
        body=io.BytesIO(refusal.body()),
        status=STATUS,
        reason="Payment Required",
        headers=HEADERS,
        preload_content=False,
    )


def _record(response: Any, ticket: Ticket) -> None:
    """Have *ticket* settled once the body of *response* has been read, closed or dropped."""
    recorder = Recorder(ticket, response.status)
    read, read_chunked = response.read, response.read_chunked
    stream, close = response.stream, response.close

    def recorded_read(amt: int | None = None, *args: Any, **kwargs: Any) -> bytes:
        data: bytes = read(amt, *args, **kwargs)
        recorder.add(data)
        if amt is None or not data or response.length_remaining == 0:
            recorder.end()
        return data

    def recorded_chunks(*args: Any, **kwargs: Any) -> Any:
        for part in read_chunked(*args, **kwargs):
            recorder.add(part)
            yield part
        recorder.end()

    def recorded_stream(*args: Any, **kwargs: Any) -> Any:
        yield from stream(*args, **kwargs)  # which reads by the two above
        recorder.end()

    def recorded_close() -> None:
        close()
        recorder.end()

    body = getattr(response, "_body", None)
    if body is not None:  # read as a whole already
        recorder.add(body)
        recorder.end()
        return
    response.read, response.read_chunked = recorded_read, recorded_chunks
    response.stream, response.close = recorded_stream, recorded_close
    weakref.finalize(response, recorder.end)
