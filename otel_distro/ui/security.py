"""Access control of the page: host names, and a token if one is set.

All responses are private. Everything is read-only, except paths that accept a form. Other web pages
cannot read it (no CORS), frame it, or reach it by DNS rebinding (the `Host` header is checked);
only our own scripts and styles load; responses are not stored (`no-store`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""The content security policy: nothing inline, nothing from anywhere else."""

HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}
COOKIE: Final = "otel_distro_ui"
_HOST: Final = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[^\s:@/\[\]]+))(?::\d{1,5})?")
_METHODS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Access:
    """The access rules."""

    token: str | None = None
    """Token that visitors need; None allows anyone who reaches the port."""
    hosts: frozenset[str] = frozenset()
    """Host names of the page besides those of loopback."""
    read_only: bool = False
    """Whether changes are disabled even with the token."""

    def allows_host(self, header: str) -> bool:
        """Return whether the name in a `Host` header is allowed.

        With a token an IP address is allowed too: DNS rebinding needs a name.
        """
        name = host_name(header)
        if name in LOOPBACK or name in self.hosts:
            return True
        return self.token is not None and _is_address(name)

    def is_token(self, value: str) -> bool:
        """Return whether *value* equals the token."""
        return self.token is not None and hmac.compare_digest(
            value.encode("utf-8", "replace"), self.token.encode("utf-8", "replace")
        )

    @property
    def cookie_value(self) -> str:
        """Cookie value derived from the token, which does not reveal it."""
        return hashlib.sha256(f"{COOKIE}\x00{self.token}".encode()).hexdigest()


def host_name(header: str) -> str:
    """Return the name in a `Host` header, without its port, in lower case; "" if it has none."""
    match = _HOST.fullmatch(header.strip().lower())
    return match["address"] or match["name"] if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guarded:
    """An ASGI middleware that enforces *access* and marks every response as private."""

    def __init__(self, app: ASGIApp, access: Access, forms: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._access = access
        self._forms = forms
        """Paths that accept a form; all others are read-only."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_private(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_private)

    def _refusal(self, scope: Scope) -> Response | None:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(values) != 1 or not self._access.allows_host(values[0]):
            return PlainTextResponse(
                "otel-distro ui: this page is not served under that name; "
                "use http://127.0.0.1 or http://localhost with its port, "
                "or allow the name with --allow-host\n",
                421,
            )
        is_form = scope["method"] == "POST" and scope["path"] in self._forms
        if scope["method"] not in _METHODS and not is_form:
            return PlainTextResponse(
                "otel-distro ui: this page is read-only\n", 405, {"allow": "GET, HEAD"}
            )
        return None if self._access.token is None else self._check_token(scope)

    def _check_token(self, scope: Scope) -> Response | None:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == "token"]
        if scope["method"] != "POST" and tokens and self._access.is_token(tokens[-1]):
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            # A single slash: "//elsewhere" would lead away.
            path = "/" + scope["path"].lstrip("/")
            answer = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
            answer.set_cookie(COOKIE, self._access.cookie_value, httponly=True, samesite="strict")
            return answer
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        kind, _, credential = headers.get(b"authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._access.is_token(credential.strip()):
            return None
        if self._has_cookie(headers.get(b"cookie", "")):
            return None
        return PlainTextResponse(
            "otel-distro ui: a token is needed; open the address that `otel-distro ui` printed, "
            "which ends in ?token=...\n",
            401,
            {"www-authenticate": "Bearer"},
        )

    def _has_cookie(self, header: str) -> bool:
        try:
            cookie = SimpleCookie(header).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(
            cookie.value.encode("utf-8", "replace"), self._access.cookie_value.encode()
        )
