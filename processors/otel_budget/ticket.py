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
from otel_wire.answers import Answer, AnswerReader
from otel_wire.operations import WITHOUT_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_budget.book import Book
    from otel_budget.gate import Gate
    from otel_budget.leases import Hold
    from otel_budget.lessons import Lesson
    from otel_wire.requests import ModelRequest

FIRST_ERROR = 400
"""Lowest HTTP status of an answer that is an error."""


class Ticket:
    """A call that was let through; it must be told how the call ended, once."""

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
        self._open = [True]  # taken away once, by whichever thread comes first
        self.start_ns = start_ns
        self.cost_nano_usd: int | None = None
        """What the call cost once it is settled; 0 when it cost nothing."""
        self.latency_ms: float | None = None
        """From its being let through to its end; None before that."""

    def answered(self, status: int, *parts: bytes) -> None:
        """Settle by the answer: its HTTP status, and its body or the beginning and end of it."""
        self._end(partial(self._by_answer, status, parts, None))

    def broken(self, status: int, outputs: int, *parts: bytes) -> None:
        """Settle a stream that may have ended without usage, after *outputs* pieces of output."""
        self._end(partial(self._by_answer, status, parts, outputs))

    def failed(self, *, sent: bool) -> None:
        """Settle a call without an answer: nothing if it was not even sent."""
        self._end(partial(self._write, self._hold.lost() if sent else ()))

    def _end(self, settle: Callable[[], None]) -> None:
        try:
            self._open.pop()
        except IndexError:
            return
        self.latency_ms = (self._gate.now_ns() - self.start_ns) / 1e6
        books = self._gate.books
        books.later(partial(self._guarded, settle), soon=self._hold.number is not None)

    def _guarded(self, settle: Callable[[], None]) -> None:
        try:
            settle()
        except Exception as error:  # noqa: BLE001 - nobody is there to hear it
            self._gate.listener.failed(error)

    def _by_answer(self, status: int, parts: Sequence[bytes], outputs: int | None) -> None:
        if status >= FIRST_ERROR:
            # Providers do not charge for errors, and the ledger counts none for them.
            self._write(())
            return
        reader = AnswerReader(self.request, status, {})
        for part in parts:
            reader.feed(part)
        answer = reader.end()
        usage = answer.usage
        has_output = self.request.operation not in WITHOUT_OUTPUT
        if usage is not None and (usage.output_tokens is not None or not has_output):
            self._write(self._costs(answer, usage), lessons(self.request, usage))
        elif outputs is None:
            known = lessons(self.request, usage) if usage is not None else ()
            self._write(self._hold.lost(), known)
        else:
            known_input = usage.input_tokens if usage is not None else None
            seen = Usage(
                input_tokens=self.request.size // 4 if known_input is None else known_input,
                output_tokens=outputs,
            )
            self._write(self._costs(answer, seen))

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
        self.cost_nano_usd = next(
            (cost for book, cost in costs if self._books[book].unit is Unit.USD), 0
        )
        self._gate.books.settle(self._hold, costs, learned)
