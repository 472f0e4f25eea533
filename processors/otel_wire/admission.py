"""What a budget must provide to stand before model calls, and the loop that asks it."""

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
"""The second one is what the clients of OpenAI and Anthropic ask before they retry."""


class Refusing(Protocol):
    """Why a call is refused."""

    def body(self) -> bytes:
        """Return the JSON body of the response that the app gets."""
        ...


class Settling(Protocol):
    """A call that was admitted; it learns once how the call ended."""

    def ended(self, exchange: Exchange) -> None:
        """Settle the call by `exchange.record()`, on another thread. Must not raise."""
        ...

    def corrected(self, exchange: Exchange) -> None:
        """Settle again: the response was read after the reservation had expired."""
        ...


class Asking(Protocol):
    """One call that asks for admission. Nothing here raises."""

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
        """Ask without waiting for anything; return whether it is decided."""
        ...

    def ask(self) -> float:
        """Ask once; return how many seconds to wait before asking again, 0 once decided."""
        ...


class CallGate(Protocol):
    """Decides about model calls before they are sent."""

    def admission_for(
        self, host: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Any:
        """Return the `Asking` of a POST request; None when it is no model call.

        *body* is None where the client cannot show it.
        """
        ...

    def at_fault(self, host: str, path: str) -> Any:
        """Return a refused `Asking` for a model call that an error of ours kept from being read.

        None lets it through: it is no model call, or the policy for faults allows it.
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
    """Do the same; the event loop does not wait for the shared accounts."""
    asking = exchange.asking
    if asking is None:
        return None
    if not asking.ask_here():
        while pause := await in_thread(asking.ask):
            await sleep(pause)
    return exchange.decide()
