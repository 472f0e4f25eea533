"""How much a call may cost, before it is made.

Three figures for every request:

* the ceiling: what is held. Output is what the request allows. Input is bounded by its bytes, as
  no tokenizer makes more tokens than bytes, plus what providers add unseen.
* the least: what must be left for a call that has the budget to itself.
* the likely: what is charged if the caller vanishes.

Once calls of a model and size have been seen, the most they used replaces the bound, so that
little of a budget is held back for nothing. Until then several times the ceiling is held, which
lets one call find out while the others wait, unless there is plenty.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from otel_budget.books import Lesson
from otel_budget.endpoints import WITHOUT_OUTPUT
from otel_pricing.prices.price import MILLION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.endpoints import ModelRequest
    from otel_pricing import Price, Usage

UNSEEN_TOKENS = 2048
"""Input that a provider may add to what a request carries: its own prompt, tool descriptions."""
EMBEDDING_UNSEEN_TOKENS = 64
"""The same for embeddings, which have no prompt to be wrapped in."""
HIDDEN_TOKENS = 32_768
"""The same where a request refers to a stored conversation or a search."""
OPEN_OUTPUT_TOKENS = 4096
"""Output held for a call that sets no limit, until the model has been seen answering."""
OPEN_LEAST_TOKENS = 512
CAUTION = 4
"""How many times the ceiling is held for a kind of call never seen before."""
_SURE = 3

NANO_PER_TOKEN = Decimal(1_000_000_000 // MILLION)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Input and output tokens."""

    input: int
    output: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call may use, by the three figures."""

    ceiling: Tokens
    least: Tokens
    likely: Tokens
    caution: int = 1

    @classmethod
    def of(cls, request: ModelRequest, learned: Sequence[Lesson | None]) -> Estimate:
        """Estimate *request* by what was *learned* of its `kinds`."""
        of_input, of_output = learned
        unseen = _unseen(request)
        limit = request.max_output_tokens
        likely_in = request.size // 4
        if of_input is None:
            most_in, least_in = request.size + unseen, request.size // 3 + unseen * 3 // 4
        else:
            most_in = least_in = _scaled(of_input, request.size)
            likely_in = min(most_in, of_input.most)
        if limit is not None:
            most_out = least_out = likely_out = limit
        elif of_output is None:
            most_out, least_out, likely_out = (
                OPEN_OUTPUT_TOKENS,
                OPEN_LEAST_TOKENS,
                OPEN_LEAST_TOKENS,
            )
        else:
            most_out = least_out = _with_margin(of_output)
            likely_out = of_output.most
        known = of_input is not None and (limit is not None or of_output is not None)
        return cls(
            ceiling=Tokens(most_in, most_out),
            least=Tokens(least_in, least_out),
            likely=Tokens(likely_in, likely_out),
            caution=1 if known else CAUTION,
        )


def _unseen(request: ModelRequest) -> int:
    if request.operation in WITHOUT_OUTPUT:
        return EMBEDDING_UNSEEN_TOKENS
    return HIDDEN_TOKENS if request.hidden_input else UNSEEN_TOKENS


def kinds(request: ModelRequest) -> tuple[str, str]:
    """Return under which names the input and the output of such requests are learned."""
    prefix = "hidden " if request.hidden_input else ""
    return f"{prefix}input {request.size.bit_length()}", f"open output {request.operation}"


def lessons(request: ModelRequest, usage: Usage) -> list[Lesson]:
    """Return what a finished call teaches."""
    of_input, of_output = kinds(request)
    found = []
    if usage.input_tokens:
        found.append(Lesson.of(request.model, of_input, usage.input_tokens, request.size))
    if usage.output_tokens and request.max_output_tokens is None:
        found.append(Lesson.of(request.model, of_output, usage.output_tokens, 0))
    return found


def _scaled(lesson: Lesson, size: int) -> int:
    if size == lesson.size and lesson.most == lesson.least:
        return lesson.most
    tokens = _with_margin(lesson)
    # Tokens grow no faster than bytes do, apart from the part that is the same for every call.
    return tokens if size <= lesson.size else -(-tokens * size // lesson.size)


def _with_margin(lesson: Lesson) -> int:
    """Return the most seen, and more the wider and the fewer the figures are."""
    spread = 2 * (lesson.most - lesson.least) // lesson.calls
    unsure = lesson.most // 2 if lesson.calls < _SURE else 0
    return lesson.most + spread + unsure


def nano_usd(tokens: Tokens, request: ModelRequest, price: Price) -> int:
    """Return what *tokens* cost at most at the undiscounted rates of *price*, rounded up."""
    rate_in = _dearest(price, _input_units(request), tokens.input)
    rate_out = _dearest(price, _output_units(request), tokens.input)
    usd = (tokens.input * rate_in + tokens.output * rate_out) * NANO_PER_TOKEN
    usd += (price.usd_per_request or 0) * 1_000_000_000
    return int(usd.to_integral_value(ROUND_CEILING))


def _input_units(request: ModelRequest) -> tuple[str, ...]:
    units: tuple[str, ...] = ("input",)
    if request.writes_cache:
        units += ("cache_write", "cache_write_1h")
    return (*units, "input_audio") if request.has_audio else units


def _output_units(request: ModelRequest) -> tuple[str, ...]:
    return ("output", "reasoning", "output_audio") if request.has_audio else ("output", "reasoning")


def _dearest(price: Price, units: tuple[str, ...], input_tokens: int) -> Decimal:
    rates = [rate.at(input_tokens) for unit in units if (rate := price.rate(unit)) is not None]
    return max(rates, default=Decimal(0))
