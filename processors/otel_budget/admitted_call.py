"""An admitted call, until it is settled.

The app's thread only records how a call ended. Another thread reads and prices the response, so
that the app does not wait.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from otel_budget.cost_budget import CostBudget, Unit
from otel_budget.estimate import Tariff, Tokens, usage_ceilings
from otel_pricing import CostStatus, ModelCall, Usage, price_call
from otel_wire.operations import WITHOUT_OUTPUT
from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.gate import Gate
    from otel_budget.reservations.leases import Reservation
    from otel_budget.reservations.usage_ceilings import UsageCeiling
    from otel_wire.answers import Answer
    from otel_wire.exchange import Exchange
    from otel_wire.record import WireRecord
    from otel_wire.requests import ModelRequest

CHARACTERS_PER_TOKEN = 3
"""Characters of output text per token, for streams that end without usage; most tokens have more.
"""


class AdmittedCall:
    """An admitted call, settled once by its exchange."""

    # Initial values are class attributes: setting them on each instance takes time.
    _written: tuple[tuple[BudgetAccount, int], ...] = ()
    on_ended: Callable[[], None] | None = None
    """Called when the call has ended, on the thread that ended it."""
    on_settled: Callable[[int], None] | None = None
    """Called with the cost in nano-USD, once known and before it is charged."""
    cost_nano_usd: int | None = None
    """Cost of the settled call in nano-USD; 0 if it cost nothing."""
    is_in_ledger = False
    """Whether the ledger's decision on the call replaces `written`."""
    latency_ms: float | None = None
    """From admission to its end; None before that."""

    def __init__(
        self,
        gate: Gate,
        request: ModelRequest,
        reservation: Reservation,
        accounts: Mapping[BudgetAccount, CostBudget],
        tariff: Tariff | None,
        start_ns: int,
        host: str = "",
    ) -> None:
        self._gate = gate
        self.request = request
        self._reservation = reservation
        self._accounts = accounts
        self._tariff = tariff
        self.start_ns = start_ns
        self.host = host
        """Host that the call is sent to."""

    @property
    def reserved_nano_usd(self) -> int:
        """Amount charged if this process dies, in nano-USD; 0 without a budget in US dollars."""
        return self._usd_of(self._reservation.lost())

    def _usd_of(self, costs: Iterable[tuple[BudgetAccount, int]]) -> int:
        return next((c for account, c in costs if self._accounts[account].unit is Unit.USD), 0)

    @property
    def is_settled(self) -> bool:
        """Whether `written` is known."""
        return self.cost_nano_usd is not None

    @property
    def written(self) -> tuple[tuple[BudgetAccount, int], ...]:
        """Amount charged for the call, by account."""
        return self._written

    def ended(self, exchange: Exchange) -> None:
        """Settle the call from *exchange*, on another thread."""
        self.latency_ms = (self._gate.now_ns() - self.start_ns) / 1e6
        if self.on_ended is not None:
            self.on_ended()
        action = partial(self._guarded, self._settle, exchange)
        self._gate.accounts.later(action, soon=self._reservation.number is not None)

    def corrected(self, exchange: Exchange) -> None:
        """Charge the difference to the cost found in *exchange* after the reservation expired."""
        self._gate.accounts.later(partial(self._guarded, self._correct, exchange), soon=False)

    def _guarded(self, settle: Callable[[Exchange], None], exchange: Exchange) -> None:
        try:
            settle(exchange)
        except Exception as error:  # a background thread has no caller
            self._gate.listener.failed(error)

    def _settle(self, exchange: Exchange) -> None:
        record = exchange.record()
        if record is None:
            self._write(self._reservation.lost())
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
        changes = [(account, cost - before.get(account, 0)) for account, cost in costs]
        self._gate.accounts.charge([(account, change) for account, change in changes if change])

    def _judge(
        self, record: WireRecord, pieces: int
    ) -> tuple[Sequence[tuple[BudgetAccount, int]], Sequence[UsageCeiling]]:
        """Return the cost of the call in each account, and the usage to learn from."""
        if record.ending is Ending.NOT_SENT or record.is_error:
            # Providers do not charge for errors, and the ledger records no cost for them.
            return (), ()
        answer = record.answer
        usage = answer.usage
        has_output = self.request.operation not in WITHOUT_OUTPUT
        if (
            usage is not None
            and answer.usage_is_final
            and (usage.output_tokens is not None or not has_output)
        ):
            learned = usage_ceilings(self.request, usage) if self.request.readable else ()
            return self._costs(answer, usage), learned
        is_stream = bool(pieces) or (self.request.streamed and answer.output_characters > 0)
        if not is_stream or record.status is None:
            # The response was not seen, so the call may have cost its maximum.
            return self._reservation.lost(), ()
        # A stream without usage is charged for the output seen.
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

    def _costs(self, answer: Answer, usage: Usage) -> list[tuple[BudgetAccount, int]]:
        tokens = Tokens(usage.input_tokens or 0, usage.output_tokens or 0)
        costs: list[tuple[BudgetAccount, int]] = []
        for account, budget in self._accounts.items():
            if budget.unit is Unit.CALLS:
                costs.append((account, 1))
            elif budget.unit is Unit.TOKENS:
                costs.append((account, tokens.total))
            else:
                costs.append((account, self._nano_usd(answer, usage, tokens)))
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

    def _write(
        self, costs: Sequence[tuple[BudgetAccount, int]], learned: Sequence[UsageCeiling] = ()
    ) -> None:
        self._note(costs)
        if self.on_settled is not None and list(costs) != self._reservation.lost():
            self.on_settled(self.cost_nano_usd or 0)
        self._gate.accounts.settle(self._reservation, costs, learned)

    def _note(self, costs: Sequence[tuple[BudgetAccount, int]]) -> None:
        self._written = tuple(costs)
        self.cost_nano_usd = self._usd_of(costs)
