"""Cost estimates of calls before they are sent.

Two figures for every request:

* the ceiling, reserved for the call and charged if the caller vanishes. Output is the limit in the
  request. Input is bounded by its bytes, as no tokenizer makes more tokens than bytes, plus input
  that providers add.
* the least amount that must be left to admit a call while no other is in flight.

Once calls of a model and size have been seen, their highest usage replaces the bound, so that
little of a budget is reserved in vain. Until then several times the ceiling is reserved, which
admits one call to learn from while the others wait, unless much of the budget is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, NamedTuple

from otel_budget.accounts.account import BudgetAccount, Claim
from otel_budget.cost_budget import CostBudget, Unit
from otel_budget.reservations.usage_ceilings import UsageCeiling
from otel_pricing.prices.price import MILLION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_pricing import Price, Usage
    from otel_wire.requests import ModelRequest


OPEN_OUTPUT_TOKENS = 4096
"""Output tokens reserved for a call without a limit, until responses of the model were seen."""
OPEN_LEAST_TOKENS = 512
CAUTION = 4
"""Multiple of the ceiling reserved for a kind of call never seen before."""
_SURE = 3

NANO_PER_TOKEN = Decimal(1_000_000_000 // MILLION)


class Tokens(NamedTuple):
    """Input and output tokens."""

    input: int
    output: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.input + self.output


class Estimate(NamedTuple):
    """Token estimate of a call, by the two figures."""

    ceiling: Tokens
    least: Tokens
    caution: int = 1

    @classmethod
    def of(cls, request: ModelRequest, learned: Sequence[UsageCeiling | None]) -> Estimate:
        """Estimate *request* from the ceilings *learned* for its `kinds`."""
        most_in, most_out, least_in, least_out, caution = _bounds(request, learned)
        return cls(Tokens(most_in, most_out), Tokens(least_in, least_out), caution)


def _bounds(
    request: ModelRequest, learned: Sequence[UsageCeiling | None]
) -> tuple[int, int, int, int, int]:
    """Return most input and output, least input and output, and the multiple to reserve."""
    of_input, of_output = learned
    limit = request.max_output_tokens
    if of_input is None:
        unseen = request.unseen_tokens
        most_in, least_in = request.size + unseen, request.size // 3 + unseen * 3 // 4
    else:
        most_in = least_in = _scaled(of_input, request.size)
    if limit is not None:
        most_out = least_out = limit
    elif of_output is None:
        most_out, least_out = OPEN_OUTPUT_TOKENS, OPEN_LEAST_TOKENS
    else:
        most_out = least_out = _with_margin(of_output)
    known = of_input is not None and (limit is not None or of_output is not None)
    caution = 1 if known or not request.readable else CAUTION  # never learned
    return most_in, most_out, least_in, least_out, caution


def kinds(request: ModelRequest) -> tuple[str, str]:
    """Return the keys under which input and output of such requests are learned."""
    prefix = "hidden " if request.hidden_input else ""
    return f"{prefix}input {request.size.bit_length()}", f"open output {request.operation}"


def usage_ceilings(request: ModelRequest, usage: Usage) -> list[UsageCeiling]:
    """Return the usage ceilings learned from a finished call."""
    of_input, of_output = kinds(request)
    found = []
    if usage.input_tokens:
        found.append(UsageCeiling.of(request.model, of_input, usage.input_tokens, request.size))
    if usage.output_tokens and request.max_output_tokens is None:
        found.append(UsageCeiling.of(request.model, of_output, usage.output_tokens, 0))
    return found


def _scaled(usage_ceiling: UsageCeiling, size: int) -> int:
    if size == usage_ceiling.size and usage_ceiling.most == usage_ceiling.least:
        return usage_ceiling.most
    tokens = _with_margin(usage_ceiling)
    # Tokens grow no faster than bytes, apart from a constant part of every call.
    return tokens if size <= usage_ceiling.size else -(-tokens * size // usage_ceiling.size)


def _with_margin(usage_ceiling: UsageCeiling) -> int:
    """Return the maximum seen plus a margin, larger for fewer and more scattered values."""
    spread = 2 * (usage_ceiling.most - usage_ceiling.least) // usage_ceiling.calls
    unsure = usage_ceiling.most // 2 if usage_ceiling.calls < _SURE else 0
    return usage_ceiling.most + spread + unsure


@dataclass(frozen=True, slots=True)
class Tariff:
    """The undiscounted rates that apply to a request, prepared for integer arithmetic."""

    input: tuple[tuple[int, int], ...]
    """(n, rate): with more than n input tokens every one costs that rate; the first n is -1."""
    output: tuple[tuple[int, int], ...]
    per_request: int
    flat: tuple[int, int] | None
    """Input and output rates, if they do not depend on the length of the input."""

    @classmethod
    def of(cls, price: Price, request: ModelRequest) -> Tariff:
        """Return the rates of *price* for calls like *request*."""
        per_request = (price.usd_per_request or 0) * 1_000_000_000
        of_input = _dearest(price, _input_units(request))
        of_output = _dearest(price, _output_units(request))
        return cls(
            of_input,
            of_output,
            int(Decimal(per_request).to_integral_value(ROUND_CEILING)),
            (of_input[0][1], of_output[0][1]) if len(of_input) == len(of_output) == 1 else None,
        )

    def nano_usd(self, tokens: Tokens) -> int:
        """Return the maximum cost of *tokens* in nano-USD, rounded up."""
        return self.nano_usd_of(*tokens)

    def nano_usd_of(self, input_tokens: int, output_tokens: int) -> int:
        """Return the maximum cost of *input_tokens* and *output_tokens* in nano-USD, rounded up."""
        if self.flat is not None:
            rate_in, rate_out = self.flat
        else:
            rate_in, rate_out = _at(self.input, input_tokens), _at(self.output, input_tokens)
        exact = input_tokens * rate_in + output_tokens * rate_out
        return -(-exact // _SCALE) + self.per_request


_SCALE = 10**12
"""Rates per token are integers in this fraction of a nano-USD."""


def _at(steps: tuple[tuple[int, int], ...], input_tokens: int) -> int:
    rate = 0
    for start, dearer in steps:
        if input_tokens <= start:
            break
        rate = dearer
    return rate


def _input_units(request: ModelRequest) -> tuple[str, ...]:
    units: tuple[str, ...] = ("input",)
    if request.writes_cache:
        units += ("cache_write", "cache_write_1h")
    return (*units, "input_audio") if request.has_audio else units


def _output_units(request: ModelRequest) -> tuple[str, ...]:
    return ("output", "reasoning", "output_audio") if request.has_audio else ("output", "reasoning")


def _dearest(price: Price, units: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    rates = [rate for unit in units if (rate := price.rate(unit)) is not None]
    starts = sorted({-1, *(start for rate in rates for start, _ in rate.steps)})
    return tuple((n, max((_parts(r.at(n + 1)) for r in rates), default=0)) for n in starts)


def _parts(usd_per_million: Decimal) -> int:
    return int((usd_per_million * NANO_PER_TOKEN * _SCALE).to_integral_value(ROUND_CEILING))


def claims(
    request: ModelRequest,
    learned: Sequence[UsageCeiling | None],
    accounts: Mapping[BudgetAccount, CostBudget],
    tariff: Tariff | None,
) -> list[Claim]:
    """Return the claims of *request* on *accounts*, each given with its budget.

    Without a tariff there is no claim on budgets in money.
    """
    most_in, most_out, least_in, least_out, caution = _bounds(request, learned)
    found = []
    for account, budget in accounts.items():
        unit = budget.unit
        if unit is Unit.CALLS:
            found.append(Claim(account, 1, 1, 1))
            continue
        if unit is Unit.TOKENS:
            most, least = most_in + most_out, least_in + least_out
        elif tariff is not None:
            least = most = tariff.nano_usd_of(most_in, most_out)
            if least_in != most_in or least_out != most_out:
                least = tariff.nano_usd_of(least_in, least_out)
        else:
            continue
        found.append(Claim(account, most * caution, min(least, most), most))
    return found
