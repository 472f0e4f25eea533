"""Protects forms: each is accepted once, from our own page in an authenticated browser.

A form is refused unless the request comes from a page of this origin (`Origin`, which browsers do
not let scripts set) and has the single-use token issued to that page.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

FORM_TYPE: Final = "application/x-www-form-urlencoded"
_LARGEST_BYTES: Final = 4096
_MOST_FIELDS: Final = 8
_SECONDS: Final = 3600.0
_MOST: Final = 200


class RefusedFormError(Exception):
    """A form was refused; the message has the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        """An HTTP status."""


class FormTokens:
    """Form tokens issued to pages, each valid for one form within an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._given: OrderedDict[bytes, float] = OrderedDict()

    def issue(self) -> str:
        """Return a new token; only the latest two hundred are kept."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._given[_digest(token)] = self._clock() + _SECONDS
            while len(self._given) > _MOST:
                self._given.popitem(last=False)
        return token

    def redeem(self, token: str) -> bool:
        """Consume *token*; return whether it was valid."""
        with self._lock:
            until = self._given.pop(_digest(token), None)
        return until is not None and self._clock() < until


def _digest(token: str) -> bytes:
    # Looked up by digest, so that the timing reveals nothing about the token.
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


async def read_form(request: Request, tokens: FormTokens) -> dict[str, str]:
    """Return the fields of the form in *request*; raises RefusedFormError."""
    if not is_same_origin(request):
        raise RefusedFormError(403, "this form was not sent by this page")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise RefusedFormError(415, f"a form is sent as {FORM_TYPE}")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BYTES:
            raise RefusedFormError(413, f"a form has at most {_LARGEST_BYTES:,} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise RefusedFormError(400, "the request is not a form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise RefusedFormError(400, "a field occurs twice")
    if not tokens.redeem(fields.pop("form_token", "")):
        raise RefusedFormError(
            403, "this form was already sent, or is too old; open the page again and repeat it"
        )
    return fields


def is_same_origin(request: Request) -> bool:
    """Return whether the `Origin` of *request* is this host and port."""
    origins = request.headers.getlist("origin")
    hosts = request.headers.getlist("host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    try:
        parts = urlsplit(origins[0])
    except ValueError:
        return False
    fetched = request.headers.getlist("sec-fetch-site")
    return (
        parts.scheme in {"http", "https"}
        and parts.netloc.lower() == hosts[0].strip().lower()
        and not (parts.path or parts.query or parts.fragment)
        and set(fetched) <= {"same-origin"}
    )
