"""A call that was let through, until it has ended and is settled.

How a call ended is only noted where it ends; reading the answer and pricing it is left to another
thread, so that the app does not wait for it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from otel_budget.cost_budget import CostBudget, Unit
from otel_budget.estimate import Tariff, Tokens, lessons
from otel_pricing import CostStatus, ModelCall, Usage, price_call
from otel_wire.operations import WITHOUT_OUTPUT
from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.book import Book
    from otel_budget.gate import Gate
    from otel_budget.leases import Hold
    from otel_budget.lessons import Lesson
    from otel_wire.answers import Answer
    from otel_wire.exchange import Exchange
    from otel_wire.record import WireRecord
    from otel_wire.requests import ModelRequest

CHARACTERS_PER_TOKEN = 3
"""Of output text, where a stream ends without usage; most tokens have more."""


class Ticket:
    """A call that was admitted; it is settled once, by its exchange."""

    def __init__(
        self,
        gate: Gate,
        request: ModelRequest,
        hold: Hold,
        books: Mapping[Book, CostBudget],
        tariff: Tariff | None,
        start_ns: int,
    ) -> None:
        self._gate = gate
        self.request = request
        self._hold = hold
        self._books = books
        self._tariff = tariff
        self._written: tuple[tuple[Book, int], ...] = ()
        self.start_ns = start_ns
        self.host = ""
        """Where the call goes."""
        self.on_ended: Callable[[], None] | None = None
        """Called when the call has ended, on the thread that ended it."""
        self.cost_nano_usd: int | None = None
        """What the call cost once it is settled; 0 when it cost nothing."""
        self.is_in_ledger = False
        """Whether the ledger's decision on the call has taken the place of `written`."""
        self.latency_ms: float | None = None
        """From its being let through to its end; None before that."""

    @property
    def is_settled(self) -> bool:
        """Whether `written` is known."""
        return self.cost_nano_usd is not None

    @property
    def written(self) -> tuple[tuple[Book, int], ...]:
        """What the call was charged with, in each account."""
        return self._written

    def ended(self, exchange: Exchange) -> None:
        """Settle the call by what *exchange* saw, on another thread."""
        self.latency_ms = (self._gate.now_ns() - self.start_ns) / 1e6
        if self.on_ended is not None:
            self.on_ended()
        self._later(self._settle, exchange)

    def corrected(self, exchange: Exchange) -> None:
        """Charge the difference to what *exchange* saw after the reservation had expired."""
        self._later(self._correct, exchange)

    def _later(self, settle: Callable[[Exchange], None], exchange: Exchange) -> None:
        books = self._gate.books
        books.later(partial(self._guarded, settle, exchange), soon=self._hold.number is not None)

    def _guarded(self, settle: Callable[[Exchange], None], exchange: Exchange) -> None:
        try:
            settle(exchange)
        except Exception as error:  # noqa: BLE001 - nobody is there to hear it
            self._gate.listener.failed(error)

    def _settle(self, exchange: Exchange) -> None:
        record = exchange.record()
        if record is None:
            self._write(self._hold.lost())
            return
        costs, learned = self._judge(record, exchange.output_pieces)
        self._write(costs, learned)

    def _correct(self, exchange: Exchange) -> None:
        record = exchange.record()
        if record is None:
            return
        costs, _ = self._judge(record, exchange.output_pieces)
        before = dict(self._written)
        self._note(costs)
        changes = [(book, cost - before.get(book, 0)) for book, cost in costs]
        self._gate.books.charge([(book, change) for book, change in changes if change])

    def _judge(
        self, record: WireRecord, pieces: int
    ) -> tuple[Sequence[tuple[Book, int]], Sequence[Lesson]]:
        """Return what the call cost in each account, and what it teaches."""
        if record.ending is Ending.NOT_SENT or record.is_error:
            # Providers do not charge for errors, and the ledger counts none for them.
            return (), ()
        answer = record.answer
        usage = answer.usage
        has_output = self.request.operation not in WITHOUT_OUTPUT
        if (
            usage is not None
            and answer.usage_is_final
            and (usage.output_tokens is not None or not has_output)
        ):
            learned = lessons(self.request, usage) if self.request.readable else ()
            return self._costs(answer, usage), learned
        is_stream = bool(pieces) or (self.request.streamed and answer.output_characters > 0)
        if not is_stream or record.status is None:
            # It may have cost all that it could: nobody has seen what it did.
            return self._hold.lost(), ()
        # A stream without its usage: it cost what was seen of it.
        known_input = usage.input_tokens if usage is not None else None
        seen = Usage(
            input_tokens=self.request.size // 4 if known_input is None else known_input,
            output_tokens=max(
                pieces,
                -(-answer.output_characters // CHARACTERS_PER_TOKEN),
                (usage.output_tokens or 0) if usage is not None else 0,
            ),
        )
        return self._costs(answer, seen), ()

    def _costs(self, answer: Answer, usage: Usage) -> list[tuple[Book, int]]:
        tokens = Tokens(usage.input_tokens or 0, usage.output_tokens or 0)
        costs: list[tuple[Book, int]] = []
        for book, budget in self._books.items():
            if budget.unit is Unit.CALLS:
                costs.append((book, 1))
            elif budget.unit is Unit.TOKENS:
                costs.append((book, tokens.total))
            else:
                costs.append((book, self._nano_usd(answer, usage, tokens)))
        return costs

    def _nano_usd(self, answer: Answer, usage: Usage, tokens: Tokens) -> int:
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
        if priced.status is CostStatus.UNPRICED and self._tariff is not None:
            return self._tariff.nano_usd(tokens)
        if priced.status is CostStatus.PARTIAL:
            return max(priced.cost_nano_usd or 0, priced.exposure_nano_usd or 0)
        return priced.cost_nano_usd or 0

    def _write(self, costs: Sequence[tuple[Book, int]], learned: Sequence[Lesson] = ()) -> None:
        self._note(costs)
        self._gate.books.settle(self._hold, costs, learned)

    def _note(self, costs: Sequence[tuple[Book, int]]) -> None:
        self._written = tuple(costs)
        self.cost_nano_usd = next(
            (cost for book, cost in costs if self._books[book].unit is Unit.USD), 0
        )
