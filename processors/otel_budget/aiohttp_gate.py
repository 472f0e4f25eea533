"""The gate in `aiohttp`: around the request of a session, which all its methods go through."""

from __future__ import annotations

import inspect
import json as json_module
import weakref
from typing import TYPE_CHECKING, Any

import wrapt

from otel_budget.gate import inside
from otel_budget.refusal import HEADERS, STATUS
from otel_budget.streams import Recorder
from otel_budget.wrapping import Gated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from otel_budget.gate import Gate
    from otel_budget.refusal import Refusal
    from otel_budget.ticket import Ticket
    from otel_budget.turn import Turn

MODULES = ("aiohttp",)

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

_gate: Gate | None = None


def current() -> Gate | None:
    """Return the gate in force, if there is one."""
    return _gate


def install(module: Any, gate: Gate | None) -> None:
    """Wrap the sessions of *module*, and make *gate* the gate in force; None for none."""
    global _gate  # noqa: PLW0603 - libraries are patched once a process, so there is one gate
    _gate = gate
    session = module.ClientSession
    if not isinstance(vars(session)["_request"], Gated):
        session._request = Gated(session._request, _request(module))  # noqa: SLF001


def _request(module: Any) -> Any:
    async def request(wrapped: Any, session: Any, args: Any, kwargs: Any) -> Any:
        turn = _turn(session, *args, **kwargs)
        if turn is None:
            return await wrapped(*args, **kwargs)
        if not turn.ask_here():
            import asyncio  # late, so that programs without it do not load it

            while pause := await asyncio.to_thread(turn.ask):
                await asyncio.sleep(pause)
        if turn.refusal is not None:
            return await _refused(module, session, args, kwargs, turn.refusal)
        ticket = turn.ticket
        try:
            with inside():
                response = await wrapped(*args, **kwargs)
        except BaseException as error:
            if ticket is not None:
                ticket.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        if ticket is not None:
            _record(response, ticket)
        return response

    return request


def _turn(
    session: Any,
    method: str = "",
    str_or_url: Any = "",
    *_args: Any,
    data: Any = None,
    json: Any = None,
    headers: Any = None,
    **_kwargs: Any,
) -> Turn | None:
    gate = _gate
    if gate is None:
        return None
    try:
        url = session._build_url(str_or_url)  # noqa: SLF001 - it joins the session's own base URL

        def lowered() -> dict[str, str]:
            given = {**dict(session.headers or {}), **dict(headers or {})}
            return {str(key).lower(): value for key, value in given.items()}

        def body() -> bytes:
            return _bytes(data) if json is None else json_module.dumps(json).encode()

        return gate.turn(method.upper(), url.host or "", url.path, body, lowered())
    except Exception as error:  # noqa: BLE001 - the app must not see our errors
        gate.listener.failed(error)
        return None


def _bytes(data: Any) -> bytes:
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    return data.encode() if isinstance(data, str) else b""


async def _refused(module: Any, session: Any, args: Any, kwargs: Any, refusal: Refusal) -> Any:
    import asyncio

    method = (args[0] if args else kwargs["method"]).upper()
    url = session._build_url(args[1] if len(args) > 1 else kwargs["str_or_url"])  # noqa: SLF001
    headers = _multidict({**HEADERS})
    about = module.RequestInfo(url, method, _multidict({}), url)
    response = _empty_response(module, session, method, url, about)
    response.status, response.reason = STATUS, "Payment Required"
    response._headers = headers  # noqa: SLF001 - there is no public way to make an answer
    response._raw_headers = tuple((k.encode(), v.encode()) for k, v in headers.items())  # noqa: SLF001
    response._body = refusal.body()  # noqa: SLF001
    response.content = module.StreamReader(_NoProtocol(), 2**16, loop=asyncio.get_running_loop())
    response.content.feed_data(refusal.body())
    response.content.feed_eof()
    await _raise_if_asked(session, response, kwargs.get("raise_for_status"))
    return response


def _multidict(values: dict[str, str]) -> Any:
    from multidict import CIMultiDict, CIMultiDictProxy  # aiohttp's own dependency

    return CIMultiDictProxy(CIMultiDict(values))


class _NoProtocol:
    """What a reader asks to slow down; there is no connection."""

    _reading_paused = False

    def pause_reading(self) -> None:
        """Nothing comes."""

    def resume_reading(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing comes."""


class _NoWriter:
    """What has sent the request; nothing was sent."""

    output_size = 0


def _empty_response(module: Any, session: Any, method: str, url: Any, about: Any) -> Any:
    import asyncio

    from aiohttp.helpers import TimerNoop  # type: ignore[import-not-found,unused-ignore]

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
    # Which of these it wants depends on the version.
    wanted = inspect.signature(module.ClientResponse.__init__).parameters
    given = {name: value for name, value in known.items() if name in wanted}
    return module.ClientResponse(method, url, **given)


async def _raise_if_asked(session: Any, response: Any, asked: Any) -> None:
    if asked is None:
        asked = session.raise_for_status
    if callable(asked):
        waited: Any = asked(response)
        await waited
    elif asked:
        response.raise_for_status()


def _record(response: Any, ticket: Ticket) -> None:
    """Have *ticket* settled once the body of *response* has been read, closed or dropped."""
    recorder = Recorder(ticket, response.status)
    if response._body is not None:  # noqa: SLF001 - read as a whole already
        recorder.add(response._body)  # noqa: SLF001
        recorder.end()
        return
    response.content = _Recorded(response.content, recorder)
    close, release = response.close, response.release

    def recorded_close() -> None:
        close()
        recorder.end()

    def recorded_release() -> Any:
        done = release()
        recorder.end()
        return done

    response.close, response.release = recorded_close, recorded_release
    weakref.finalize(response, recorder.end)


if TYPE_CHECKING:
    _Proxy = Any
else:
    _Proxy = wrapt.ObjectProxy


class _Recorded(_Proxy):  # type: ignore[misc]
    """A body whose parts are remembered as they are read."""

    def __init__(self, content: Any, recorder: Recorder) -> None:
        super().__init__(content)
        self._self_recorder = recorder

    def _self_note(self, data: bytes) -> bytes:
        self._self_recorder.add(data)
        if self.__wrapped__.at_eof():
            self._self_recorder.end()
        return data

    async def read(self, n: int = -1) -> bytes:
        return self._self_note(await self.__wrapped__.read(n))

    async def readany(self) -> bytes:
        return self._self_note(await self.__wrapped__.readany())

    async def readexactly(self, n: int) -> bytes:
        return self._self_note(await self.__wrapped__.readexactly(n))

    async def readline(self, *args: Any, **kwargs: Any) -> bytes:
        return self._self_note(await self.__wrapped__.readline(*args, **kwargs))

    async def readuntil(self, *args: Any, **kwargs: Any) -> bytes:
        return self._self_note(await self.__wrapped__.readuntil(*args, **kwargs))

    async def readchunk(self) -> tuple[bytes, bool]:
        data, at_end = await self.__wrapped__.readchunk()
        return self._self_note(data), at_end

    def read_nowait(self, n: int = -1) -> bytes:
        return self._self_note(self.__wrapped__.read_nowait(n))

    def __aiter__(self) -> Any:
        return _each(self.readline)

    def iter_chunked(self, n: int) -> Any:
        return _each(lambda: self.read(n))

    def iter_any(self) -> Any:
        return _each(self.readany)

    def iter_chunks(self) -> Any:
        return _each_chunk(self.readchunk)


async def _each(read: Callable[[], Awaitable[bytes]]) -> Any:
    while data := await read():
        yield data


async def _each_chunk(read: Callable[[], Awaitable[tuple[bytes, bool]]]) -> Any:
    while True:
        found = await read()
        if found == (b"", False):
            return
        yield found
