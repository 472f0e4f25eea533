"""Detects wasted spending in a ledger without any text.

Prompts are not stored. If the span had one, a keyed fingerprint identifies equal prompts; else two
calls count as the same by their shape: same caller, model and number of input tokens, within a
short time. Both are upper bounds ("at most"): two responses to one prompt may be intended.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from otel_pricing import Usage
from otel_pricing.costing.bill import NANO_PER_TOKEN, bill, nano

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.query.billed_calls import BilledCall
    from otel_pricing import Price, PriceBook

RETRY_NS: Final = 60 * 10**9
"""A call of the same trace and model that starts this soon after a failure repeats it."""
REPEAT_NS: Final = 600 * 10**9
"""Calls of one shape within this time may repeat the same prompt."""
CACHE_NS: Final = 300 * 10**9
"""Providers keep a cached prefix for about five minutes."""
SHORTEST_PREFIX: Final = 1024
"""Minimum prompt length of providers with automatic caching."""
SHORTEST_REPEAT: Final = 100
"""Short prompts have the same number of tokens by chance."""

MEANINGS: Final = {
    "retries": "failed calls that were retried",
    "failures": "failed calls that were not retried",
    "abandoned streams": "streams that ended before their usage was known",
    "same prompts": "the same prompt again within ten minutes",
    "repeats": "calls of the same shape within ten minutes, whose prompts are not known",
    "uncached prefixes": "input that a prompt cache could have served, if it was the same",
    "cut off": "answers that ended at max_tokens",
}


@dataclass(slots=True)
class WasteLine:
    """One kind of waste; a call can be in several."""

    kind: str
    calls: int = 0
    certain_nano_usd: int = 0
    """Wasted cost, as far as known."""
    at_most_nano_usd: int = 0
    """Upper bound: unknown costs at their bound, and all similar calls as repeats."""

    @property
    def meaning(self) -> str:
        """Description of this kind of waste, in one clause."""
        return MEANINGS[self.kind]

    def add(self, *, certain: int = 0, at_most: int) -> None:
        """Count one call."""
        self.calls += 1
        self.certain_nano_usd += certain
        self.at_most_nano_usd += at_most


@dataclass(frozen=True, slots=True)
class WasteReport:
    """The findings of `find_waste`, the largest bound first."""

    calls: int
    cost_nano_usd: int
    lines: tuple[WasteLine, ...]
    unused_limit_tokens: int
    """Output tokens allowed by max_tokens and not used."""
    unused_limit_nano_usd: int
    """Their price. It is not charged, but rate limits and hard budgets reserve it."""


def find_waste(calls: Iterable[BilledCall], book: PriceBook) -> WasteReport:
    """Return the waste among *calls*, which are in order of time."""
    search = _Search(book)
    for call in calls:
        search.add(call)
    return search.report()


class _Search:
    """State between calls."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self._lines = {kind: WasteLine(kind) for kind in MEANINGS}
        self._failed: dict[tuple[object, ...], list[BilledCall]] = defaultdict(list)
        self._shapes: dict[tuple[object, ...], int] = {}
        self._prefixes: dict[tuple[object, ...], tuple[int, int]] = {}
        self._calls = self._cost = self._unused = 0
        self._unused_cost = Decimal(0)

    def add(self, call: BilledCall) -> None:
        self._calls += 1
        self._cost += call.cost_nano_usd or 0
        if self._failed:
            self._settle_failures(call)
        if call.origin.streamed == 1 and call.output_tokens is None:
            self._lines["abandoned streams"].add(**_spent(call))
        elif call.outcome.failed:
            self._failed[_attempt(call)].append(call)
        if not call.outcome.failed and call.has_usage:
            self._check_repeat(call)
            self._check_prefix(call)
            self._check_output_limit(call)

    def report(self) -> WasteReport:
        for failures in self._failed.values():
            for call in failures:
                self._lines["failures"].add(**_spent(call))
        self._failed.clear()
        lines = (line for line in self._lines.values() if line.calls)
        return WasteReport(
            calls=self._calls,
            cost_nano_usd=self._cost,
            lines=tuple(sorted(lines, key=lambda line: (-line.at_most_nano_usd, line.kind))),
            unused_limit_tokens=self._unused,
            unused_limit_nano_usd=nano(self._unused_cost),
        )

    def _settle_failures(self, call: BilledCall) -> None:
        for failed in self._failed.pop(_attempt(call), ()):
            soon = call.start_ns - failed.end_ns <= RETRY_NS
            self._lines["retries" if soon else "failures"].add(**_spent(failed))

    def _check_repeat(self, call: BilledCall) -> None:
        prompt = call.more.get("prompt")
        same: tuple[object, ...]
        if prompt is not None:
            # An earlier response would have served any user.
            kind, same = "same prompts", (call.dim, call.origin.scope, prompt)
        elif (call.input_tokens or 0) >= SHORTEST_REPEAT:
            kind, same = "repeats", (call.dim, call.user_id, call.session_id, call.input_tokens)
        else:
            return
        before = self._shapes.get(same)
        if before is not None and call.start_ns - before <= REPEAT_NS:
            self._lines[kind].add(at_most=call.cost_nano_usd or 0)
        self._shapes[same] = call.start_ns

    def _check_prefix(self, call: BilledCall) -> None:
        tokens = call.input_tokens or 0
        if tokens < SHORTEST_PREFIX:
            return
        key = (call.dim, call.origin.agent)
        before_ns, before_tokens = self._prefixes.get(key, (0, 0))
        self._prefixes[key] = (call.start_ns, tokens)
        # The only known bound on the common prefix is the shorter prompt.
        shared = min(tokens, before_tokens)
        cached = call.cache_read_tokens or 0
        if call.start_ns - before_ns > CACHE_NS or shared - cached < SHORTEST_PREFIX:
            return
        saved = self._saved(call, shared)
        if saved > 0:
            self._lines["uncached prefixes"].add(at_most=saved)

    def _saved(self, call: BilledCall, shared: int) -> int:
        price = self._price(call)
        if price is None or price.is_free:
            return 0
        tokens, written = call.input_tokens or 0, call.cache_write_tokens or 0
        now = Usage(
            input_tokens=tokens,
            cache_read_tokens=call.cache_read_tokens,
            cache_write_tokens=call.cache_write_tokens,
            cache_write_1h_tokens=call.more.get("cache_write_1h_tokens"),
        )
        cached = Usage(
            input_tokens=tokens,
            cache_read_tokens=shared,
            cache_write_tokens=min(written, tokens - shared) or None,
        )
        return nano(bill(now, price).nano_usd - bill(cached, price).nano_usd)

    def _check_output_limit(self, call: BilledCall) -> None:
        limit, used = call.max_output_tokens, call.output_tokens
        if not limit or used is None:
            return
        if used >= limit:
            self._lines["cut off"].add(at_most=call.cost_nano_usd or 0)
            return
        self._unused += limit - used
        price = self._price(call)
        if price is not None and price.output is not None:
            usd = price.output.at(call.input_tokens or 0)
            self._unused_cost += (limit - used) * usd * NANO_PER_TOKEN

    def _price(self, call: BilledCall) -> Price | None:
        dim, origin = call.dim, call.origin
        return self._book.price_of_names(
            dim.provider,
            answered=dim.model,
            asked=origin.request_model,
            tier=origin.service_tier,
            at_ns=call.start_ns,
        )


def _spent(call: BilledCall) -> dict[str, int]:
    known = call.cost_nano_usd or 0
    return {"certain": known, "at_most": max(known, call.exposure_nano_usd or 0)}


def _attempt(call: BilledCall) -> tuple[object, ...]:
    # A refused call has no response model, so the requested one is used.
    dim = call.dim
    return (dim.service, dim.provider, call.origin.request_model, dim.operation, call.trace_id)
