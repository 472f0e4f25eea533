"""One finished request to a model endpoint, as seen on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_wire.admission import Settling
    from otel_wire.answers import Answer
    from otel_wire.requests import ModelRequest

FIRST_ERROR = 400
"""Lowest HTTP status of an error."""


class Ending(StrEnum):
    """End of a request."""

    COMPLETE = "complete"
    """The whole response was read."""
    ABANDONED = "abandoned"
    """The app closed or dropped the response after reading part of it."""
    UNREAD = "unread"
    """The app closed or dropped the response, or kept it, without reading its body."""
    NETWORK = "network"
    """The request was sent, or may have been; the transport failed."""
    NOT_SENT = "not_sent"
    """No connection was made."""
    REFUSED = "refused"
    """A budget refused the call; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRecord:
    """Facts of one request and its response; never text of the user or the model.

    Times are nanoseconds since the epoch.
    """

    client: str
    """Library that sent the request, for example `httpx`."""
    host: str
    request: ModelRequest
    answer: Answer
    status: int | None
    """HTTP status; None without a response."""
    provider_request_id: str | None
    context: Context
    """OpenTelemetry context of the code that sent the request."""
    trace_id: int
    """Id of the span that was current when the request was sent; 0 without one."""
    span_id: int
    start_ns: int
    first_byte_ns: int | None
    """Time of the body's first chunk; None if the client read the body at once, or none came."""
    first_token_ns: int | None
    """Time of the first chunk with output; None without one, or if `first_byte_ns` is None."""
    end_ns: int
    ending: Ending
    attempt: int = 1
    """2 for the first retry that the HTTP library itself makes, and so on."""
    call_id: int = 0
    """Id under which the request is kept until it is stored; 0 if it is not kept."""
    admission: Settling | None = None
    """The admission by a budget, which settles the call; None without one."""

    @property
    def admitted(self) -> bool:
        """Whether a budget admitted the call and settles it."""
        return self.admission is not None

    @property
    def is_error(self) -> bool:
        """Whether the provider returned an HTTP error."""
        return self.status is not None and self.status >= FIRST_ERROR
