"""The OTLP/HTTP receiver: an ASGI app for `/v1/traces`, `/v1/logs` and `/v1/metrics`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status

from otel_distro.server.decoding import JSON, PROTOBUF
from otel_distro.server.ingest import RETRY_AFTER_SECONDS
from otel_distro.server.requests import Outcome
from otel_distro.server.signals import PATHS, response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message
    from starlette.types import Receive, Scope, Send

    from otel_distro.server.access import SenderAccess
    from otel_distro.server.ingest import Ingest
    from otel_distro.server.limits import ReceiverLimits

_ANSWER_SECONDS: Final = 60.0
_GRPC_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 3, 415: 3, 421: 3}
_UNAVAILABLE: Final = 14
_ALLOWED_HEADERS: Final = "content-type, content-encoding, authorization"


class BodyTooLargeError(Exception):
    """A body larger than the limit."""


class Receiver:
    """Responds to each request when its records are stored."""

    def __init__(self, ingest: Ingest, access: SenderAccess, limits: ReceiverLimits) -> None:
        self._ingest = ingest
        self._access = access
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        wants_json = _first(headers, b"content-type").startswith(JSON)
        answer = _Response(send, self._cross_origin(headers), wants_json=wants_json)
        if scope["method"] == "OPTIONS" and b"origin" in headers:
            await self._preflight(headers, answer)
            return
        refused = self._access.refusal(headers)
        if refused is not None:
            await answer.refuse(*refused)
            return
        signal = PATHS.get(scope["path"])
        if signal is None:
            await answer.refuse(404, f"there is nothing here; send to {', '.join(PATHS)}")
            return
        if scope["method"] != "POST":
            await answer.refuse(405, "send with POST")
            return
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._body(headers, receive)
        except BodyTooLargeError:
            await answer.refuse(413, f"the body has more than {self._limits.body_bytes:,} bytes")
            return
        except TimeoutError:
            await answer.refuse(408, "the body did not arrive in time")
            return
        except ConnectionError:
            return
        outcome = await self._outcome(signal, body, headers)
        if outcome.status == 200:
            await answer.accept(response(signal, outcome.rejected, outcome.reason))
        else:
            await answer.refuse(outcome.status, outcome.reason)

    async def _outcome(
        self, signal: str, body: bytes, headers: dict[bytes, list[bytes]]
    ) -> Outcome:
        waiting = self._ingest.submit(
            signal,
            body,
            _first(headers, b"content-type"),
            _first(headers, b"content-encoding"),
        )
        try:
            return await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(waiting)), _ANSWER_SECONDS
            )
        except TimeoutError:
            return Outcome(503, "storing the request takes too long")

    async def _body(self, headers: dict[bytes, list[bytes]], receive: Receive) -> bytes:
        most = self._limits.body_bytes
        declared = _first(headers, b"content-length")
        if declared.isdigit() and int(declared[:20]) > most:
            raise BodyTooLargeError
        parts: list[bytes] = []
        size = 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise ConnectionError
            part = event.get("body", b"")
            size += len(part)
            if size > most:
                raise BodyTooLargeError
            parts.append(part)
            if not event.get("more_body", False):
                return b"".join(parts)

    def _cross_origin(self, headers: dict[bytes, list[bytes]]) -> list[tuple[bytes, bytes]]:
        origins = headers.get(b"origin", [])
        if not origins or not self._access.allows_origin(origins):
            return []
        return [(b"access-control-allow-origin", origins[0]), (b"vary", b"origin")]

    async def _preflight(self, headers: dict[bytes, list[bytes]], answer: _Response) -> None:
        # A preflight has no token; only host and origin are checked.
        refused = self._access.refusal({**headers, b"authorization": []})
        if refused is not None and refused[0] != 401:
            await answer.refuse(*refused)
            return
        await answer.send(
            204,
            b"",
            b"text/plain",
            [
                (b"access-control-allow-methods", b"POST"),
                (b"access-control-allow-headers", _ALLOWED_HEADERS.encode()),
                (b"access-control-max-age", b"600"),
            ],
        )


class _Response:
    """Writes one response in the format of its request."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]], *, wants_json: bool) -> None:
        self._send = send
        self._headers = headers
        self._wants_json = wants_json

    async def accept(self, message: Message) -> None:
        """Send the response to an accepted request."""
        await self._write(200, message, [])

    async def refuse(self, status: int, reason: str) -> None:
        """Send *status* with the reason as a `google.rpc.Status`, as OTLP requires."""
        headers = []
        if status in {429, 503}:
            headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
        if status == 405:
            headers.append((b"allow", b"POST"))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        code = _GRPC_CODES.get(status, _UNAVAILABLE)
        await self._write(status, Status(code=code, message=reason), headers)

    async def _write(
        self, status: int, message: Message, headers: list[tuple[bytes, bytes]]
    ) -> None:
        if self._wants_json:
            text = MessageToJson(message, indent=None)
            await self.send(status, text.encode(), JSON.encode(), headers)
        else:
            await self.send(status, message.SerializeToString(), PROTOBUF.encode(), headers)

    async def send(
        self, status: int, body: bytes, kind: bytes, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """Send a response."""
        all_headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *self._headers,
            *headers,
        ]
        if status in {408, 413}:
            # The rest of the body is not read, so the connection cannot be reused.
            all_headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})
        await self._send({"type": "http.response.body", "body": body})


def _first(headers: Mapping[bytes, list[bytes]], name: bytes) -> str:
    values = headers.get(name, [b""])
    return values[0].decode("latin-1").strip().lower()


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
