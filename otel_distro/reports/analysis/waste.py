"""Wasted spending, as far as it shows in a ledger without any text.

A call's prompt is not stored. Where its span carried one there is a keyed fingerprint, which
identifies equal prompts; else two calls are taken for the same one by their shape: same caller,
same model, same number of input tokens, shortly after each other. Both are bounds ("at most"),
never sums to be claimed back: two responses to one prompt may be intended.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from otel_pricing import Usage, price_call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.query.calls import StoredCall
    from otel_pricing import ModelCall, PriceBook, PricedCall

RETRY_NS: Final = 60 * 10**9
"""A call of the same trace and model that starts this soon after a failure repeats it."""
REPEAT_NS: Final = 600 * 10**9
"""Calls of one shape this near each other may be the same question asked twice."""
CACHE_NS: Final = 300 * 10**9
"""Providers keep a cached prefix for about five minutes."""
SHORTEST_PREFIX: Final = 1024
"""Fewer tokens than this are not cached by the providers that cache by themselves."""
SHORTEST_REPEAT: Final = 100
"""Short prompts have the same number of tokens by chance."""

MEANINGS: Final = {
    "retries": "failed calls that were made again",
    "failures": "failed calls that were not",
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
    """Spent for nothing, as far as is known."""
    at_most_nano_usd: int = 0
    """The most that it can have been: unknown costs at their bound, likenesses taken as same."""

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
    """What `find_waste` found, the largest bound first."""

    calls: int
    cost_nano_usd: int
    lines: tuple[WasteLine, ...]
    unused_limit_tokens: int
    """Output tokens that were allowed by max_tokens and not used."""
    unused_limit_nano_usd: int
    """Their price. It is not charged, but rate limits and hard budgets reserve it."""


def find_waste(calls: Iterable[StoredCall], book: PriceBook) -> WasteReport:
    """Return the waste among the billed *calls*, which are in order of time."""
    search = _Search(book)
    for stored in calls:
        search.look_at(stored.priced)
    return search.report()


class _Search:
    """State from call to call."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self._lines = {kind: WasteLine(kind) for kind in MEANINGS}
        self._failed: dict[tuple[object, ...], list[PricedCall]] = defaultdict(list)
        self._shapes: dict[tuple[object, ...], int] = {}
        self._prefixes: dict[tuple[object, ...], tuple[int, int]] = {}
        self._calls = self._cost = self._unused = self._unused_cost = 0

    def look_at(self, priced: PricedCall) -> None:
        self._calls += 1
        self._cost += priced.cost_nano_usd or 0
        call = priced.call
        self._settle_failures(call)
        if _is_abandoned(priced):
            self._lines["abandoned streams"].add(**_spent(priced))
        elif call.failed:
            self._failed[_attempt(call)].append(priced)
        if not call.failed and call.usage is not None:
            if call.prompt_mark is None:
                self._look_at_shape(priced, call.usage)
            else:
                self._look_at_prompt(priced, call.prompt_mark)
            self._look_at_prefix(priced, call.usage)
            self._look_at_limit(priced, call.usage)

    def report(self) -> WasteReport:
        for failures in self._failed.values():
            for priced in failures:
                self._lines["failures"].add(**_spent(priced))
        self._failed.clear()
        found = (line for line in self._lines.values() if line.calls)
        return WasteReport(
            calls=self._calls,
            cost_nano_usd=self._cost,
            lines=tuple(sorted(found, key=lambda line: (-line.at_most_nano_usd, line.kind))),
            unused_limit_tokens=self._unused,
            unused_limit_nano_usd=self._unused_cost,
        )

    def _settle_failures(self, call: ModelCall) -> None:
        for failed in self._failed.pop(_attempt(call), ()):
            soon = call.start_ns - failed.call.end_ns <= RETRY_NS
            self._lines["retries" if soon else "failures"].add(**_spent(failed))

    def _look_at_shape(self, priced: PricedCall, usage: Usage) -> None:
        if (usage.input_tokens or 0) < SHORTEST_REPEAT:
            return
        call = priced.call
        shape = (*_caller(call), call.user, call.session, usage.input_tokens)
        before = self._shapes.get(shape)
        if before is not None and call.start_ns - before <= REPEAT_NS:
            self._lines["repeats"].add(at_most=priced.cost_nano_usd or 0)
        self._shapes[shape] = call.start_ns

    def _look_at_prompt(self, priced: PricedCall, prompt: bytes | int) -> None:
        call = priced.call
        # An earlier response would have served, whoever the user is.
        same = (*_caller(call), call.scope, prompt)
        before = self._shapes.get(same)
        if before is not None and call.start_ns - before <= REPEAT_NS:
            self._lines["same prompts"].add(at_most=priced.cost_nano_usd or 0)
        self._shapes[same] = call.start_ns

    def _look_at_prefix(self, priced: PricedCall, usage: Usage) -> None:
        call = priced.call
        tokens = usage.input_tokens or 0
        if tokens < SHORTEST_PREFIX:
            return
        key = (*_caller(call), call.agent)
        before_ns, before_tokens = self._prefixes.get(key, (0, 0))
        self._prefixes[key] = (call.start_ns, tokens)
        # No longer than either prompt: the only known bound on their common part.
        shared = min(tokens, before_tokens)
        cached = usage.cache_read_tokens or 0
        if call.start_ns - before_ns > CACHE_NS or shared - cached < SHORTEST_PREFIX:
            return
        saved = self._saved(priced, usage, shared)
        if saved > 0:
            self._lines["uncached prefixes"].add(at_most=saved)

    def _saved(self, priced: PricedCall, usage: Usage, shared: int) -> int:
        written = min(usage.cache_write_tokens or 0, (usage.input_tokens or 0) - shared)
        cached = replace(
            usage,
            cache_read_tokens=shared,
            cache_write_tokens=written or None,
            cache_write_1h_tokens=None,
        )
        cheaper = price_call(replace(priced.call, usage=cached), self._book)
        now = price_call(priced.call, self._book)
        if cheaper.cost_nano_usd is None or now.cost_nano_usd is None:
            return 0
        return now.cost_nano_usd - cheaper.cost_nano_usd

    def _look_at_limit(self, priced: PricedCall, usage: Usage) -> None:
        limit, used = priced.call.max_output_tokens, usage.output_tokens
        if not limit or used is None:
            return
        if used >= limit:
            self._lines["cut off"].add(at_most=priced.cost_nano_usd or 0)
            return
        whole = replace(priced.call, usage=replace(usage, output_tokens=limit))
        dearer = price_call(whole, self._book).cost_nano_usd
        now = price_call(priced.call, self._book).cost_nano_usd
        self._unused += limit - used
        if dearer is not None and now is not None:
            self._unused_cost += max(0, dearer - now)


def _is_abandoned(priced: PricedCall) -> bool:
    usage = priced.call.usage
    return bool(priced.call.streamed) and (usage is None or usage.output_tokens is None)


def _spent(priced: PricedCall) -> dict[str, int]:
    known = priced.cost_nano_usd or 0
    return {"certain": known, "at_most": max(known, priced.exposure_nano_usd or 0)}


def _caller(call: ModelCall) -> tuple[object, ...]:
    return (call.service, call.tenant, call.provider, call.model, call.operation)


def _attempt(call: ModelCall) -> tuple[object, ...]:
    # A refused call has no response model yet, so the one asked for must do.
    return (call.service, call.provider, call.request_model, call.operation, call.trace_id)
