"""Creation of the rows of priced calls, with the keys of shared dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from otel_cost_ledger.model.histogram import MAX_LATENCY_US
from otel_cost_ledger.model.rows import (
    MAX_NANO_USD,
    MAX_TIME_NS,
    MAX_UNITS,
    RARE_USAGE,
    DimKey,
    OriginKey,
    OutcomeKey,
    Row,
    fingerprint,
    signed_64,
    trace_bytes,
)
from otel_cost_ledger.model.schema import NS_PER_US
from otel_pricing.model.call import NANO_PER_USD, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.privacy import Pseudonyms
    from otel_pricing.model.call import ModelCall, PricedCall


_MOST_KEYS: Final = 8192


_NO_USAGE: Final = Usage()


class RowMaker:
    """Creates rows of priced calls; caches keys, since few differ from call to call.

    *clean* is applied to every name, once per distinct key.
    """

    def __init__(self, clean: Callable[[str], str], pseudonyms: Pseudonyms) -> None:
        self._clean = clean
        self._pseudonyms = pseudonyms
        self._dims: dict[tuple[str | None, ...], DimKey] = {}
        self._origins: dict[tuple[str | bool | None, ...], OriginKey] = {}
        self._outcomes: dict[tuple[str | int | None, ...], OutcomeKey] = {}

    def row(self, priced: PricedCall) -> Row:
        """Return the row that the ledger stores for *priced*."""
        call = priced.call
        usage = call.usage or _NO_USAGE
        start_ns = call.start_ns
        ttft_ns = call.time_to_first_token_ns
        parent = call.parent_span_id
        # Positional arguments, because this runs for every call.
        return Row(
            start_ns if 0 <= start_ns <= MAX_TIME_NS else _within(start_ns, MAX_TIME_NS),
            signed_64(call.span_id),
            trace_bytes(call.trace_id),
            None if parent is None else signed_64(parent),
            self._dim(call),
            self._origin(call),
            self._outcome(priced),
            self._pseudonyms.of("user", call.user),
            self._pseudonyms.of("session", call.session),
            _within((call.end_ns - start_ns) // NS_PER_US, MAX_LATENCY_US),
            None if ttft_ns is None else _within(ttft_ns // NS_PER_US, MAX_LATENCY_US),
            _units(usage.input_tokens),
            _units(usage.output_tokens),
            _units(usage.cache_read_tokens),
            _units(usage.cache_write_tokens),
            _units(usage.reasoning_tokens),
            _money(priced.cost_nano_usd),
            _money(priced.exposure_nano_usd),
            _units(call.max_output_tokens),
            fingerprint(call.response_id),
            _extra(priced, usage, self._pseudonyms.of_prompt(call.prompt_mark)),
        )

    def _dim(self, call: ModelCall) -> DimKey:
        raw = (call.service, call.provider, call.model, call.operation, call.tenant)
        key = self._dims.get(raw)
        if key is None:
            key = DimKey(*(self._clean(name or "") for name in raw))
            _remember(self._dims, raw, key)
        return key

    def _origin(self, call: ModelCall) -> OriginKey:
        names = (
            call.scope,
            call.request_model,
            call.agent,
            call.feature_flag,
            call.service_tier,
        )
        raw = (*names, call.streamed)
        key = self._origins.get(raw)
        if key is None:
            streamed = -1 if call.streamed is None else int(call.streamed)
            scope, model, agent, flag, tier = (self._clean(name or "") for name in names)
            key = OriginKey(scope, model, agent, flag, tier, streamed)
            _remember(self._origins, raw, key)
        return key

    def _outcome(self, priced: PricedCall) -> OutcomeKey:
        call = priced.call
        names = (priced.reason, priced.billing_reason, priced.price_source, call.error_type)
        raw = (priced.status, priced.billed, call.http_status_code, *names)
        key = self._outcomes.get(raw)
        if key is None:
            reason, billing_reason, source, error = (self._clean(name or "") for name in names)
            key = OutcomeKey(
                status=str(priced.status),
                billed=int(priced.billed),
                failed=int(call.failed),
                reason=reason,
                billing_reason=billing_reason,
                price_source=source,
                error_type=error,
                http_status_code=_within(call.http_status_code or 0, 999),
            )
            _remember(self._outcomes, raw, key)
        return key


_Raw = TypeVar("_Raw")


_Made = TypeVar("_Made")


def _remember(keys: dict[_Raw, _Made], raw: _Raw, key: _Made) -> None:
    if len(keys) >= _MOST_KEYS:
        keys.clear()
    keys[raw] = key


def _extra(priced: PricedCall, usage: Usage, prompt: int | None) -> dict[str, int] | None:
    call = priced.call
    extra: dict[str, int] = {}
    for name in RARE_USAGE if usage is not _NO_USAGE else ():
        units = _units(getattr(usage, name))
        if units is not None:
            extra[name] = units
    if call.reported_cost_usd is not None and call.reported_cost_usd.is_finite():
        extra["reported_nano_usd"] = _within(
            int(call.reported_cost_usd * NANO_PER_USD), MAX_NANO_USD
        )
    if call.request_never_sent:
        extra["request_never_sent"] = 1
    if call.usage_estimate:
        extra["usage_is_estimate"] = 1
    if call.prompt_has_sound:
        extra["prompt_has_sound"] = 1
    if call.most_input_tokens is not None:
        extra["most_input_tokens"] = _within(call.most_input_tokens, MAX_UNITS)
    if call.own_host_process is not None:
        extra["own_host_process"] = _within(call.own_host_process, 2**63 - 1)
    if prompt is not None:
        extra["prompt"] = prompt
    if priced.billed_span_id is not None:
        extra["billed_span_id"] = signed_64(priced.billed_span_id)
    return extra or None


def _within(value: int, maximum: int) -> int:
    return 0 if value < 0 else min(value, maximum)


def _units(value: int | None) -> int | None:
    return None if value is None else _within(value, MAX_UNITS)


def _money(value: int | None) -> int | None:
    return None if value is None else _within(value, MAX_NANO_USD)
