"""Interface of budgets to the HTTP hooks, and the admission loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from otel_wire.exchange import Exchange
    from otel_wire.requests import ModelRequest

REFUSED_STATUS = 402
REFUSED_REASON = "Payment Required"
REFUSED_HEADERS = {"content-type": "application/json", "x-should-retry": "false"}
"""The second one is checked by the clients of OpenAI and Anthropic before a retry."""


class Refusing(Protocol):
    """Reason for the refusal of a call."""

    def body(self) -> bytes:
        """Return the JSON body of the response to the app."""
        ...


class Settling(Protocol):
    """An admitted call, settled once at its end."""

    def ended(self, exchange: Exchange) -> None:
        """Settle the call by `exchange.record()`, on another thread. Must not raise."""
        ...

    def corrected(self, exchange: Exchange) -> None:
        """Settle again: the response was read after the reservation expired."""
        ...


class Asking(Protocol):
    """One call that requests admission. Nothing here raises."""

    request: ModelRequest

    @property
    def refusal(self) -> Any:
        """A `Refusing` once the call is refused, else None."""
        ...

    @property
    def admitted(self) -> Any:
        """A `Settling` once the call is admitted under a budget, else None."""
        ...

    def ask_here(self) -> bool:
        """Try without blocking; return whether the call is decided."""
        ...

    def ask(self) -> float:
        """Try once; return the seconds to wait before the next try, 0 once decided."""
        ...


class CallGate(Protocol):
    """Admits or refuses model calls before they are sent."""

    def admission_for(
        self, host: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Any:
        """Return the `Asking` of a POST request; None when it is no model call.

        *body* is None if it is not available.
        """
        ...

    def at_fault(self, host: str, path: str) -> Any:
        """Return a refused `Asking` for a model call that an internal error made unreadable.

        None admits it: it is no model call, or the fault policy allows it.
        """
        ...


def admit(exchange: Exchange) -> Refusing | None:
    """Wait until *exchange* is admitted or refused; return the refusal, None if admitted."""
    asking = exchange.asking
    if asking is None:
        return None
    if not asking.ask_here():
        while pause := asking.ask():
            time.sleep(pause)
    return exchange.decide()


async def admit_async(
    exchange: Exchange,
    in_thread: Callable[[Callable[[], float]], Awaitable[float]],
    sleep: Callable[[float], Awaitable[object]],
) -> Refusing | None:
    """Await admission without blocking the event loop; return the refusal, None if admitted."""
    asking = exchange.asking
    if asking is None:
        return None
    if not asking.ask_here():
        while pause := await in_thread(asking.ask):
            await sleep(pause)
    return exchange.decide()
