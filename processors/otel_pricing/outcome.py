"""How a call ended, and whether a failure can have cost anything.

A call that the provider turned away before working on it is free. A timeout, a broken stream or
a server error may still be billed, and nobody on our side can know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_pricing.values import count, text

if TYPE_CHECKING:
    from otel_pricing.record import SpanRecord

STATUS_CODE_NAMES = ("http.response.status_code", "http.status_code")
_ANSWERED = (*STATUS_CODE_NAMES, "gen_ai.response.id", "gen_ai.response.model")
UNKNOWN_ERROR = "_OTHER"
"""What the conventions write for an error without a name."""

# "Error code: 429 - ...", "HTTP 503", "status_code=400", "status code: 402"
_CODE_IN_MESSAGE = re.compile(
    r"\b(?:error code|http(?: error)?|status(?:[_ ]?code)?)\s*[:=]?\s*([1-5]\d\d)\b", re.IGNORECASE
)
_CLASS_IN_MESSAGE = re.compile(r"\A['\"]?([A-Za-z_][\w.]*(?:Error|Exception|Timeout|Cancelled))\b")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")

_REJECTED_STATUS = frozenset(range(400, 500)) - {408, 409, 499} | {503, 529}
"""Turned away before any work; 408 and 499 are timeouts, 409 says nothing, 529 is overload."""

_REJECTED_WORDS = (
    ("rate", "limit"),
    ("authentication",),
    ("permission", "denied"),
    ("permission", "error"),
    ("access", "denied"),
    ("unauthorized",),
    ("forbidden",),
    ("not", "found"),
    ("bad", "request"),
    ("invalid", "request"),
    ("invalid", "argument"),
    ("validation", "exception"),
    ("unprocessable",),
    ("too", "large"),
    ("too", "many", "requests"),
    ("throttling",),
    ("throttled",),
    ("quota",),
    ("resource", "exhausted"),
    ("payment", "required"),
    ("billing",),
    ("budget",),
    ("overloaded",),
    ("context", "window"),
    ("content", "policy"),
    ("unsupported", "params"),
    ("model", "not", "ready"),
    ("connect", "error"),
    ("connection", "refused"),
    ("no", "credentials"),
    ("endpoint", "connection"),
)

# What a client raises about its own arguments; a broken answer has an error of its own name.
_OWN_CHECKS = frozenset({"ValueError", "TypeError", "builtins.ValueError", "builtins.TypeError"})
_OWN_CHECK_NS = 10_000_000
"""No request leaves, returns and fails in ten milliseconds without a trace of an answer."""

_NEVER_SENT = ("ConnectError", "ConnectionRefusedError", "Connection refused", "gaierror")


def error_type(record: SpanRecord) -> str | None:
    """Return the class or code of the error *record* ended in, or None for a success."""
    named = text(record.attributes.get("error.type"))
    if named:
        return named
    if not record.status_is_error:
        return None
    for event in record.events:
        found = text(event.attributes.get("exception.type"))
        if found:
            return found
    in_message = _CLASS_IN_MESSAGE.match(record.status_message)
    return in_message[1] if in_message else UNKNOWN_ERROR


def http_status_code(record: SpanRecord) -> int | None:
    """Return the HTTP status of the response, from wherever the span says it."""
    for name in STATUS_CODE_NAMES:
        code = count(record.attributes.get(name))
        if code is not None and 100 <= code <= 599:
            return code
    named = record.attributes.get("error.type")
    if isinstance(named, str) and len(named) == 3 and named.isdecimal():
        return int(named)
    if not record.status_is_error:
        return None
    # A message may be long and is somebody else's text: its beginning is enough.
    in_message = _CODE_IN_MESSAGE.search(record.status_message[:500])
    return int(in_message[1]) if in_message else None


def never_sent(record: SpanRecord) -> bool:
    """Return whether the span shows that a failed request did not reach the provider."""
    if error_type(record) in _OWN_CHECKS and record.end_ns - record.start_ns < _OWN_CHECK_NS:
        return not any(name in record.attributes for name in _ANSWERED)
    for event in record.events:
        for name in ("exception.message", "exception.stacktrace"):
            trace = event.attributes.get(name)
            if isinstance(trace, str) and any(word in trace[-20_000:] for word in _NEVER_SENT):
                return True
    return False


def was_rejected(error: str | None, status_code: int | None) -> bool:
    """Return whether a failed call was certainly turned away before it could cost anything."""
    if error is None:
        return False
    if status_code is not None and status_code >= 400:
        return status_code in _REJECTED_STATUS
    words = [word.lower() for word in _WORDS.findall(error)]
    return any(_contains(words, phrase) for phrase in _REJECTED_WORDS)


def _contains(words: list[str], phrase: tuple[str, ...]) -> bool:
    last = len(words) - len(phrase)
    return any(tuple(words[i : i + len(phrase)]) == phrase for i in range(last + 1))
