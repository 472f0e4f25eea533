"""Outcome of one export request, the same for all exporters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final


class ResponseClass(Enum):
    """Action for a request, determined by its response."""

    DELIVERED = auto()
    TRY_LATER = auto()
    """The request can be retried."""
    REJECTED = auto()
    """It would be rejected again, so it is not kept."""
    UNSUPPORTED = auto()
    """The endpoint does not serve this signal; spooled requests stay on disk."""
    TOO_LARGE = auto()
    """Smaller requests with the same content may be accepted."""


class DeliveryOutcome(Enum):
    """Outcome of the last request of an exporter."""

    UNSENDABLE = auto()
    """The request was not sent, or too large: it could not be encoded, or exceeds the limit of one
    request. Parts of it may be sent."""
    DELIVERED = auto()
    SPOOLED = auto()
    """It is on disk and will be sent later."""
    REJECTED = auto()
    FAILED = auto()
    """It was neither delivered nor spooled; the caller can retry."""
    TAKEN_OVER = auto()
    """The request was in progress at exit; the thread that took it over accounts for it."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """A verdict and, unless all of it was delivered, the reason."""

    response_class: ResponseClass
    reason: str = ""
    responded: bool = True
    """False if the endpoint did not respond, which likely affects the other signals as well."""
    rejected: int = 0
    """Records of a delivered request that the receiver rejected permanently."""


DELIVERED: Final = SendResult(ResponseClass.DELIVERED)

_RETRYABLE: Final = frozenset({401, 403, 407, 408, 425, 429})
"""4xx statuses about the sender or a temporary state, not about the data.

OTLP requires that 401 and similar are not retried. They are not retried at once, but spooled:
telemetry recorded with an expired key is sent once the key is valid, or by `spool drain`.
"""
_UNSUPPORTED: Final = frozenset({404, 405, 410, 501})
"""The endpoint does not accept this signal. Redirects mean the same; they are not followed because
they could carry credentials elsewhere."""


def classify_http(status: int | None) -> ResponseClass:
    """Classify an HTTP status; None is no response."""
    if status is None or status in _RETRYABLE or (status >= 500 and status not in _UNSUPPORTED):
        return ResponseClass.TRY_LATER
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ResponseClass.TOO_LARGE
    if status in _UNSUPPORTED or status < 200 or 300 <= status < 400:
        return ResponseClass.UNSUPPORTED
    return ResponseClass.DELIVERED if status < 300 else ResponseClass.REJECTED


_GRPC_REJECTED: Final = frozenset({"INVALID_ARGUMENT", "FAILED_PRECONDITION", "ALREADY_EXISTS"})
_GRPC_UNSUPPORTED: Final = frozenset({"NOT_FOUND", "UNIMPLEMENTED"})


def classify_grpc(code: str) -> ResponseClass:
    """Classify the name of a gRPC status code."""
    if code == "OK":
        return ResponseClass.DELIVERED
    if code in _GRPC_UNSUPPORTED:
        return ResponseClass.UNSUPPORTED
    return ResponseClass.REJECTED if code in _GRPC_REJECTED else ResponseClass.TRY_LATER
