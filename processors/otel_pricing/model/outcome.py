"""Outcome of a call, and whether a failure may be billed.

A call that the provider rejected before any work is free. A timeout, an interrupted stream or a
server error may still be billed, which the client cannot determine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_pricing.model.values import count, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_pricing.model.record import SpanRecord

STATUS_CODE_NAMES = ("http.response.status_code", "http.status_code")
_ANSWERED = (*STATUS_CODE_NAMES, "gen_ai.response.id", "gen_ai.response.model")
UNKNOWN_ERROR = "_OTHER"
"""Value in the conventions for an error without a name."""

# "Error code: 429 - ...", "HTTP 503", "status_code=400", "status code: 402", "'code': 429"; and at
# the beginning, after the class: "429 RESOURCE_EXHAUSTED. ...", "Client error '404 Not Found' for",
# "An error occurred (429) when calling".
_CODE_IN_MESSAGE = re.compile(
    r"""\b(?:error\ code|http(?:\ error)?|status(?:[_ ]?code)?|(?<=['"])code)
        ['"]?\s*[:=]?\s*([1-5]\d\d)\b
      | \A(?:[\w.]{1,100}:\s*)?(?:\w{1,20}\ error\ '|An\ error\ occurred\ \()?
        ([45]\d\d)(?:\ [A-Z]|\))""",
    re.IGNORECASE | re.VERBOSE,
)
# "An error occurred (ThrottlingException) when calling the Converse operation: ..."
_AWS_CODE = re.compile(r"\bAn error occurred \(([A-Z]\w{1,99})\)")
_AWS_CATCH_ALL = "ClientError"
_CLASS_IN_MESSAGE = re.compile(r"\A['\"]?([A-Za-z_][\w.]*(?:Error|Exception|Timeout|Cancelled))\b")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")

_REJECTED_STATUS = frozenset(range(400, 500)) - {408, 409, 499} | {503, 529}
"""Rejected before any work; 408 and 499 are timeouts, 409 is ambiguous, 529 is overload."""

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

# Errors of clients about their arguments; an invalid response has another error.
_OWN_CHECKS = frozenset({"ValueError", "TypeError", "builtins.ValueError", "builtins.TypeError"})
_OWN_CHECK_NS = 10_000_000
"""No request is sent and fails within ten milliseconds without any part of a response."""

_NEVER_SENT = ("ConnectError", "ConnectionRefusedError", "Connection refused", "gaierror")


def error_type(record: SpanRecord) -> str | None:
    """Return the class or code of the error of *record*, or None for a success."""
    named = text(record.attributes.get("error.type"))
    if named is None and not record.status_is_error:
        return None
    raised = (text(event.attributes.get("exception.type")) for event in record.events)
    named = named or next((found for found in raised if found), None)
    if named is not None:
        return _aws_code(record) or named if named.endswith(_AWS_CATCH_ALL) else named
    in_message = _CLASS_IN_MESSAGE.match(record.status_message)
    return in_message[1] if in_message else UNKNOWN_ERROR


def _aws_code(record: SpanRecord) -> str | None:
    """Return the service's name of an error without a class in the AWS client."""
    matches = (_AWS_CODE.search(message[:500]) for message in _messages(record))
    return next((match[1] for match in matches if match), None)


def http_status_code(record: SpanRecord) -> int | None:
    """Return the HTTP status of the response from any attribute of it; None without one."""
    for name in STATUS_CODE_NAMES:
        code = count(record.attributes.get(name))
        if code is not None and 100 <= code <= 599:
            return code
    named = record.attributes.get("error.type")
    if isinstance(named, str) and len(named) == 3 and named.isdecimal():
        return int(named)
    if not record.status_is_error:
        return None
    # A message may be long and is untrusted: its beginning is enough.
    for message in _messages(record):
        match = _CODE_IN_MESSAGE.search(message[:500])
        if match:
            return int(match[1] or match[2])
    return None


def _messages(record: SpanRecord) -> Iterator[str]:
    """Yield texts of the error; some instrumentations only record the exception."""
    yield record.status_message
    for event in record.events:
        message = event.attributes.get("exception.message")
        if isinstance(message, str):
            yield message


def never_sent(record: SpanRecord) -> bool:
    """Return whether the span proves that a failed request did not reach the provider."""
    if error_type(record) in _OWN_CHECKS and record.end_ns - record.start_ns < _OWN_CHECK_NS:
        return not any(name in record.attributes for name in _ANSWERED)
    for event in record.events:
        for name in ("exception.message", "exception.stacktrace"):
            trace = event.attributes.get(name)
            if isinstance(trace, str) and any(word in trace[-20_000:] for word in _NEVER_SENT):
                return True
    return False


def was_rejected(error: str | None, status_code: int | None) -> bool:
    """Return whether a failed call was certainly rejected before it could cost anything."""
    if error is None:
        return False
    if status_code is not None and status_code >= 400:
        return status_code in _REJECTED_STATUS
    words = [word.lower() for word in _WORDS.findall(error)]
    return any(_contains(words, phrase) for phrase in _REJECTED_WORDS)


def _contains(words: list[str], phrase: tuple[str, ...]) -> bool:
    last = len(words) - len(phrase)
    return any(tuple(words[i : i + len(phrase)]) == phrase for i in range(last + 1))
