"""The gate in `httpx` and in `httpx2`: around `send`, which every request of a client goes through.

Clients with transports of their own are covered too, which a gate in the transport would miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_budget.gate import inside
from otel_budget.refusal import HEADERS, STATUS
from otel_budget.streams import Recorder
from otel_budget.wrapping import Gated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_budget.gate import Gate
    from otel_budget.refusal import Refusal
    from otel_budget.ticket import Ticket
    from otel_budget.turn import Turn

MODULES = ("httpx", "httpx2")

# Before a connection stands nothing was sent; after that the provider may have done its work.
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError")


_gate: Gate | None = None


def current() -> Gate | None:
    """Return the gate in force, if there is one."""
    return _gate


def install(module: Any, gate: Gate | None) -> None:
    """Wrap the clients of *module*, one of `MODULES`, and make *gate* the one in force, or none.

    Wrapped once; a later call only changes the gate.
    """
    global _gate  # noqa: PLW0603 - libraries are patched once a process, so there is one gate
    _gate = gate
    if isinstance(vars(module.Client)["send"], Gated):
        return  # also where httpx is httpx2 under another name
    module.Client.send = Gated(module.Client.send, _sync(module))
    module.AsyncClient.send = Gated(module.AsyncClient.send, _async(module))


def _sync(module: Any) -> Callable[..., Any]:
    import time

    stream_class = _sync_stream_class(module)

    def send(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
        request = args[0] if args else kwargs["request"]
        turn = _turn(_gate, request)
        if turn is None:
            return wrapped(*args, **kwargs)
        if not turn.ask_here():
            while pause := turn.ask():
                time.sleep(pause)
        if turn.refusal is not None:
            return _refused(module, request, turn.refusal)
        ticket = turn.ticket
        if ticket is None:
            return wrapped(*args, **kwargs)
        try:
            with inside():
                response = wrapped(*args, **kwargs)
        except BaseException as error:
            ticket.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        if not _settled(response, ticket):
            response.stream = stream_class(response, _recorder(module, response, ticket))
        return response

    return send


def _async(module: Any) -> Callable[..., Any]:
    stream_class = _async_stream_class(module)

    async def send(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
        request = args[0] if args else kwargs["request"]
        turn = _turn(_gate, request)
        if turn is None:
            return await wrapped(*args, **kwargs)
        if not turn.ask_here():
            await _ask_elsewhere(turn)
        if turn.refusal is not None:
            return _refused(module, request, turn.refusal)
        ticket = turn.ticket
        if ticket is None:
            return await wrapped(*args, **kwargs)
        try:
            with inside():
                response = await wrapped(*args, **kwargs)
        except BaseException as error:
            ticket.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        if not _settled(response, ticket):
            response.stream = stream_class(response, _recorder(module, response, ticket))
        return response

    return send


async def _ask_elsewhere(turn: Turn) -> None:
    """Have *turn* decided without the event loop waiting for the shared books."""
    import anyio  # the library's own dependency: it may run on asyncio or trio
    import anyio.to_thread

    while pause := await anyio.to_thread.run_sync(turn.ask):
        await anyio.sleep(pause)


def _turn(gate: Gate | None, request: Any) -> Turn | None:
    if gate is None:
        return None
    try:
        url = request.url
        headers: Mapping[str, str] = request.headers
        return gate.turn(request.method, url.host, url.path, lambda: _body(request), headers)
    except Exception as error:  # noqa: BLE001 - the app must not see our errors
        gate.listener.failed(error)
        return None


def _body(request: Any) -> bytes:
    try:
        content: bytes = request.content
    except Exception:  # noqa: BLE001 - a body that is streamed has not been read and is no JSON
        return b""
    return content


def _refused(module: Any, request: Any, refusal: Refusal) -> Any:
    return module.Response(STATUS, headers=HEADERS, content=refusal.body(), request=request)


def _settled(response: Any, ticket: Ticket) -> bool:
    """Settle *ticket* if the answer is here as a whole; return whether it was."""
    if not response.is_stream_consumed and not response.is_closed:
        return False
    try:
        content: bytes = response.content
    except Exception:  # noqa: BLE001 - closed without having been read
        content = b""
    ticket.answered(response.status_code, content)
    return True


def _recorder(module: Any, response: Any, ticket: Ticket) -> Recorder:
    encoding = response.headers.get("content-encoding", "identity")

    def decode(raw: bytes) -> bytes:
        if encoding == "identity":
            return raw
        headers = {"content-encoding": encoding}
        content: bytes = module.Response(200, headers=headers, content=raw).content
        return content

    return Recorder(ticket, response.status_code, decode, keep_all=encoding != "identity")


def _sync_stream_class(module: Any) -> Any:
    class Stream(module.SyncByteStream):  # type: ignore[misc]
        """Passes the answer on as it comes, and has it settled when it ends."""

        def __init__(self, response: Any, recorder: Recorder) -> None:
            self.inner = response.stream
            self.recorder = recorder

        def __iter__(self) -> Any:
            for part in self.inner:
                self.recorder.add(part)
                yield part
            self.recorder.end()

        def close(self) -> None:
            try:
                self.inner.close()
            finally:
                self.recorder.end()

        def __del__(self) -> None:
            self.recorder.end()

    return Stream


def _async_stream_class(module: Any) -> Any:
    class Stream(module.AsyncByteStream):  # type: ignore[misc]
        """Passes the answer on as it comes, and has it settled when it ends."""

        def __init__(self, response: Any, recorder: Recorder) -> None:
            self.inner = response.stream
            self.recorder = recorder

        async def __aiter__(self) -> Any:
            async for part in self.inner:
                self.recorder.add(part)
                yield part
            self.recorder.end()

        async def aclose(self) -> None:
            try:
                await self.inner.aclose()
            finally:
                self.recorder.end()

        def __del__(self) -> None:
            self.recorder.end()

    return Stream
