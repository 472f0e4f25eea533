"""The gate a model call passes before it is sent: it holds what the call may cost, or refuses it.

A transport asks for a turn and tries it until it is admitted or refused; while calls on their way
hold what this one would need, it is worth waiting a little for them to end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_budget.answers import Answer, read_answer
from otel_budget.books import Claim, Held
from otel_budget.cost_budget import CostBudget, Hide, Unit
from otel_budget.endpoints import WITHOUT_OUTPUT, ModelRequest, is_candidate, read_request
from otel_budget.estimate import Estimate, Tokens, kinds, lessons, nano_usd
from otel_budget.refusal import Refusal
from otel_pricing import CostStatus, ModelCall, Usage, price_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.book import Book
    from otel_budget.books import Books, Crossing, Lesson
    from otel_pricing import Price, PriceBook

PATIENCE_S = 10.0
"""How long a call waits for others on their way to end before it is refused."""
FIRST_ERROR = 400
"""Lowest HTTP status of an answer that is an error."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05

_is_inside: ContextVar[bool] = ContextVar("otel_budget_inside", default=False)


@contextmanager
def inside() -> Iterator[None]:
    """Mark the body as a call that has passed the gate: clients are built on one another."""
    token = _is_inside.set(True)
    try:
        yield
    finally:
        _is_inside.reset(token)


ScopeValues = Mapping[str, str | None]


UnknownModel = Callable[[str], "Price | None"]
"""Returns the price to assume for a model without one; None lets it through, Refused denies it."""


class Refused(Exception):  # noqa: N818 - an outcome, not an error
    """A call is not let through."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens at the gate; none of these may raise."""

    crossed: Callable[[Sequence[Crossing]], None] = lambda _crossings: None
    refused: Callable[[Refusal], None] = lambda _refusal: None
    failed: Callable[[BaseException], None] = lambda _error: None
    passed: Callable[[Ticket], None] = lambda _ticket: None


class Gate:
    """Lets model calls through while every hard budget has room; thread-safe."""

    def __init__(
        self,
        budgets: Sequence[CostBudget],
        books: Books,
        open_book: Callable[[], PriceBook],
        *,
        unknown_model: UnknownModel = lambda _model: None,
        scope_values: Callable[[ModelRequest, Mapping[str, str]], ScopeValues] | None = None,
        hide: Hide = lambda _scope, value: value,
        refuse_on_fault: bool = True,
        listener: Listener | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.budgets = {budget.name: budget for budget in budgets}
        self.books = books
        self.unknown_model = unknown_model
        self.refuse_on_fault = refuse_on_fault
        self._hide = hide
        self.listener = listener or Listener()
        self.now_ns = now_ns
        self.patience_s = patience_s
        self._scope_values = scope_values or _by_request
        self._open_book = open_book
        self._prices: PriceBook | None = None

    @property
    def prices(self) -> PriceBook:
        """The prices, loaded when the first call asks for them."""
        if self._prices is None:
            self._prices = self._open_book()
        return self._prices

    def turn(
        self,
        method: str,
        host: str,
        path: str,
        body: Callable[[], bytes],
        headers: Mapping[str, str],
    ) -> Turn | None:
        """Return the turn of an HTTP request; None when it is no model call."""
        if not is_candidate(method, path) or _is_inside.get():
            return None
        request = read_request(host, path, body())
        if request is None:
            return None
        return Turn(self, request, lambda: self._scope_values(request, headers))

    def books_of(self, scope_values: ScopeValues, now_ns: int) -> dict[Book, CostBudget]:
        """Return the books of a call, with the budgets that they belong to."""
        return {
            book: budget
            for budget in self.budgets.values()
            if (book := budget.book(scope_values, now_ns, self._hide)) is not None
        }


def _by_request(request: ModelRequest, _headers: Mapping[str, str]) -> ScopeValues:
    return {"model": request.model, "provider": request.provider}


class Turn:
    """One call at the gate."""

    def __init__(
        self, gate: Gate, request: ModelRequest, scope_values: Callable[[], ScopeValues]
    ) -> None:
        self._gate = gate
        self.request = request
        self._scope_values = scope_values
        self._books: dict[Book, CostBudget] | None = None
        self._now_ns = gate.now_ns()
        self._deadline = time.monotonic() + gate.patience_s
        self._pause = _FIRST_PAUSE_S
        self.ticket: Ticket | None = None
        """Given when the call was let through."""
        self.refusal: Refusal | None = None

    def ask(self) -> float:
        """Ask once; return how many seconds to wait before asking again, 0 once it is decided.

        Never raises: what goes wrong is decided as the gate's policy for faults says.
        """
        try:
            return self._ask()
        except Refused as refused:
            return self._refuse(refused.refusal)
        except Exception as error:  # noqa: BLE001 - the app must not see our errors
            self._gate.listener.failed(error)
            if not self._gate.refuse_on_fault:
                return 0
            return self._refuse(
                Refusal(
                    "budgets cannot be checked now, and are set to refuse calls then; see "
                    "`otel-distro doctor`, or set OTEL_DISTRO_BUDGET_ON_FAULT=allow",
                    self.request.model,
                )
            )

    def _ask(self) -> float:
        gate, request = self._gate, self.request
        if self._books is None:
            self._books = gate.books_of(self._scope_values(), self._now_ns)
        books = self._books
        if not books:
            return 0
        price = gate.prices.find(
            request.provider, request.model, at_ns=self._now_ns, tier=request.tier
        )
        if price is None or not (price.has_token_rates or price.is_free or price.usd_per_request):
            price = gate.unknown_model(request.model)
        claims: dict[Book, Claim] = {}

        def ask(learned: Sequence[Lesson | None]) -> Sequence[Claim]:
            estimate = Estimate.of(request, learned)
            for book, budget in books.items():
                claim = _claim(book, budget.unit, estimate, request, price)
                if claim is not None:
                    claims[book] = claim
            return tuple(claims.values())

        result = gate.books.reserve(request.model, kinds(request), ask)
        if isinstance(result, Held):
            likely = {book: claim.likely for book, claim in claims.items()}
            self.ticket = Ticket(gate, request, result.hold, books, likely, price)
            gate.listener.passed(self.ticket)
            return 0
        if result.may_change and time.monotonic() < self._deadline:
            pause, self._pause = self._pause, min(self._pause * 1.5, _LONGEST_PAUSE_S)
            return pause
        budget = books[result.book]
        return self._refuse(Refusal.of(budget, result, request.model, self._now_ns))

    def _refuse(self, refusal: Refusal) -> float:
        self.refusal = refusal
        self._gate.listener.refused(refusal)
        return 0


def _claim(
    book: Book, unit: Unit, estimate: Estimate, request: ModelRequest, price: Price | None
) -> Claim | None:
    if unit is Unit.CALLS:
        return Claim(book, 1, 1, 1)
    if unit is Unit.TOKENS:
        ceiling, least, likely = (
            tokens.total for tokens in (estimate.ceiling, estimate.least, estimate.likely)
        )
    elif price is None:
        return None
    else:
        ceiling, least, likely = (
            nano_usd(tokens, request, price)
            for tokens in (estimate.ceiling, estimate.least, estimate.likely)
        )
    return Claim(book, ceiling * estimate.caution, min(least, ceiling), likely)


class Ticket:
    """A call that was let through; it must be told how the call ended, once."""

    def __init__(
        self,
        gate: Gate,
        request: ModelRequest,
        hold: int,
        books: Mapping[Book, CostBudget],
        likely: Mapping[Book, int],
        price: Price | None,
    ) -> None:
        self._gate = gate
        self.request = request
        self._hold = hold
        self._books = books
        self._likely = likely
        self._price = price
        self._lock = threading.Lock()
        self._open = True
        self.start_ns = gate.now_ns()
        self.cost_nano_usd: int | None = None
        """What the call cost once it has ended; 0 when it cost nothing."""

    def answered(self, status: int, *parts: bytes) -> None:
        """Settle by the answer: its HTTP status, and its body or the beginning and end of it."""
        if status >= FIRST_ERROR:
            # Providers do not charge for errors, and the ledger counts none for them.
            self._end({})
            return
        self._guarded(self._settle, read_answer(*parts), None)

    def broken(self, status: int, outputs: int, *parts: bytes) -> None:
        """Settle a stream that may have ended without usage, after *outputs* pieces of output."""
        if status >= FIRST_ERROR:
            self._end({})
            return
        self._guarded(self._settle, read_answer(*parts), outputs)

    def failed(self, *, sent: bool) -> None:
        """Settle a call without an answer: nothing if it was not even sent."""
        self._end(self._likely if sent else {})

    def _settle(self, answer: Answer, outputs: int | None) -> None:
        usage = answer.usage
        has_output = self.request.operation not in WITHOUT_OUTPUT
        if usage is None or (usage.output_tokens is None and has_output):
            if outputs is None:
                self._end(self._likely, lessons(self.request, usage) if usage else ())
                return
            known = usage.input_tokens if usage else None
            usage = Usage(
                input_tokens=known if known is not None else self.request.size // 4,
                output_tokens=outputs,
            )
            learned: Sequence[Lesson] = ()
        else:
            learned = lessons(self.request, usage)
        cost = self._cost(answer, usage)
        tokens = Tokens(usage.input_tokens or 0, usage.output_tokens or 0).total
        by_unit = {Unit.USD: cost, Unit.TOKENS: tokens, Unit.CALLS: 1}
        self._end({book: by_unit[budget.unit] for book, budget in self._books.items()}, learned)

    def _cost(self, answer: Answer, usage: Usage) -> int:
        request = self.request
        call = ModelCall(
            trace_id=0,
            span_id=0,
            start_ns=self.start_ns,
            end_ns=self.start_ns,
            scope="",
            operation=request.operation,
            provider=request.provider,
            request_model=request.model,
            response_model=answer.model,
            service_tier=answer.tier,
            usage=usage,
            max_output_tokens=request.max_output_tokens,
        )
        priced = price_call(call, self._gate.prices)
        if priced.status is CostStatus.UNPRICED and self._price is not None:
            tokens = Tokens(usage.input_tokens or 0, usage.output_tokens or 0)
            return nano_usd(tokens, request, self._price)
        if priced.status is CostStatus.PARTIAL:
            return max(priced.cost_nano_usd or 0, priced.exposure_nano_usd or 0)
        return priced.cost_nano_usd or 0

    def _end(self, costs: Mapping[Book, int], learned: Sequence[Lesson] = ()) -> None:
        with self._lock:
            was_open, self._open = self._open, False
        if not was_open:
            return
        self.cost_nano_usd = next(
            (cost for book, cost in costs.items() if self._books[book].unit is Unit.USD), 0
        )
        self._guarded(self._write, costs, learned)

    def _write(self, costs: Mapping[Book, int], learned: Sequence[Lesson]) -> None:
        crossings = self._gate.books.settle(self._hold, tuple(costs.items()), learned)
        if crossings:
            self._gate.listener.crossed(crossings)

    def _guarded(self, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except Exception as error:  # noqa: BLE001 - the app must not see our errors
            self._gate.listener.failed(error)
