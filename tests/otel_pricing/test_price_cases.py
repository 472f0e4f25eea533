"""Price cases across providers, models, days and units, compared with the price list.

Where genai-prices has a rate for every unit of a case, both sums are equal, to the nano-dollar.
Where its sum would be wrong silently (audio charged as text, units without a price, models listed
at zero) the status is partial or unpriced.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest

from otel_pricing import CostStatus, ModelCall, PriceBook, Usage, price_call
from otel_pricing.costing.bill import nano

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One call: model, units, day and tier."""

    provider: str
    model: str
    units: dict[str, int] = field(default_factory=lambda: {"input": 1000, "output": 500})
    when: datetime = NOW
    tier: str | None = None
    operation: str = "chat"

    @property
    def name(self) -> str:
        """A readable id for the test."""
        units = "+".join(f"{count} {unit}" for unit, count in self.units.items())
        return f"{self.provider}/{self.model} {self.tier or ''} {units} {self.when:%Y-%m}"

    @property
    def call(self) -> ModelCall:
        """The call as read from a span."""
        names = {
            "input": "input_tokens",
            "output": "output_tokens",
            "cache_read": "cache_read_tokens",
            "cache_write": "cache_write_tokens",
            "cache_write_1h": "cache_write_1h_tokens",
            "reasoning": "reasoning_tokens",
            "audio_in": "input_audio_tokens",
            "audio_out": "output_audio_tokens",
            "searches": "web_search_requests",
        }
        start_ns = int(self.when.timestamp()) * 1_000_000_000
        return ModelCall(
            trace_id=1,
            span_id=1,
            start_ns=start_ns,
            end_ns=start_ns,
            scope="s",
            operation=self.operation,
            provider=self.provider,
            request_model=self.model,
            service_tier=self.tier,
            usage=Usage(**{names[unit]: count for unit, count in self.units.items()}),
        )

    def list_cost(self) -> Decimal:
        """The sum of genai-prices, in nano-US-dollars."""
        names = {
            "input": "input_tokens",
            "output": "output_tokens",
            "cache_read": "cache_read_tokens",
            "cache_write": "cache_write_tokens",
            "cache_write_1h": "cache_write_1h_tokens",
            "reasoning": "output_reasoning_tokens",
            "audio_in": "input_audio_tokens",
            "audio_out": "output_audio_tokens",
            "searches": "web_searches",
        }
        context = {"processing": "batch"} if self.tier == "batch" else {"service_tier": self.tier}
        units = {names[unit]: count for unit, count in self.units.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = genai_prices.calc_price(
                genai_prices.Usage(**units),
                self.model,
                provider_id=self.provider,
                genai_request_timestamp=self.when,
                price_context={k: v for k, v in context.items() if v} or None,
            )
        return found.total_price * 1_000_000_000


CACHED = {"input": 10_000, "output": 500, "cache_read": 8000}
WRITTEN = {"input": 10_000, "output": 500, "cache_read": 6000, "cache_write": 2000}
SPLIT = WRITTEN | {"cache_write_1h": 500}
LONG = {"input": 300_000, "output": 5000}
THOUGHT = {"input": 1000, "output": 2000, "reasoning": 1500}
INPUT = {"input": 8000}

RIGHT = [
    *(
        Case("openai", model)
        for model in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5-mini")
    ),
    *(Case("openai", model) for model in ("gpt-4-turbo", "gpt-3.5-turbo", "o1", "o3", "o3-mini")),
    *(Case("openai", model, CACHED) for model in ("gpt-4o", "gpt-4.1-nano", "gpt-5", "o4-mini")),
    *(Case("openai", model, THOUGHT) for model in ("o3", "o3-mini", "gpt-5")),
    *(Case("openai", "gpt-5", tier=tier) for tier in ("flex", "priority", "batch")),
    Case("openai", "gpt-5", CACHED, tier="flex"),
    Case("openai", "gpt-4o", tier="batch"),
    Case("openai", "gpt-4o-2024-05-13"),
    Case("openai", "gpt-4o-2024-08-06"),
    Case("openai", "ft:gpt-4o-2024-08-06:acme::1"),
    Case("openai", "o3", when=datetime(2025, 5, 1, tzinfo=UTC)),
    *(
        Case("openai", model, INPUT, operation="embeddings")
        for model in ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002")
    ),
    *(
        Case("anthropic", model, units)
        for model in ("claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1")
        for units in ({"input": 1000, "output": 500}, CACHED, WRITTEN, SPLIT)
    ),
    Case("anthropic", "claude-3-5-haiku-20241022"),
    Case("anthropic", "claude-3-7-sonnet-20250219", WRITTEN),
    Case("anthropic", "claude-sonnet-4-5", LONG),
    Case("anthropic", "claude-sonnet-4-5", {"input": 1000, "output": 500, "searches": 3}),
    Case("anthropic", "claude-sonnet-4-5", tier="batch"),
    *(
        Case("google", model, units)
        for model in ("gemini-2.5-flash", "gemini-2.5-pro")
        for units in ({"input": 1000, "output": 500}, CACHED, THOUGHT, LONG)
    ),
    Case("google", "gemini-2.0-flash", {"input": 1000, "output": 500, "audio_in": 400}),
    Case("google", "claude-sonnet-4-5"),
    Case("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", WRITTEN),
    Case("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", WRITTEN),
    Case("azure", "gpt-4o", CACHED),
    Case("mistral", "mistral-large-latest"),
    Case("groq", "llama-3.3-70b-versatile"),
    Case("deepseek", "deepseek-chat", CACHED),
    Case("x-ai", "grok-4"),
    Case("cohere", "command-r-plus"),
    Case("openrouter", "openai/gpt-4o"),
    Case("perplexity", "sonar"),
]

AUDIO = {"input": 1200, "output": 300, "audio_in": 100, "audio_out": 50}
WRONG = [
    (Case("openai", "gpt-4o-audio-preview", AUDIO), CostStatus.PARTIAL),
    (Case("openai", "gpt-4o-audio-preview"), CostStatus.PARTIAL),
    (Case("openai", "gpt-4o", AUDIO), CostStatus.PARTIAL),
    (Case("openai", "whisper-1", {"input": 1000}), CostStatus.UNPRICED),
    (Case("openai", "tts-1", {"input": 1000}), CostStatus.UNPRICED),
    (Case("github-copilot", "gpt-4o"), CostStatus.UNPRICED),
    (Case("google", "gemma-3"), CostStatus.UNPRICED),
    (Case("openrouter", "openai/gpt-oss-20b:free"), CostStatus.UNPRICED),
    (
        Case("groq", "llama-3.3-70b-versatile", {"input": 10, "output": 5, "searches": 2}),
        CostStatus.PARTIAL,
    ),
]


def test_there_are_enough_cases() -> None:
    """Sixty-five and more, each different."""
    names = [case.name for case in RIGHT] + [case.name for case, _ in WRONG]
    assert len(names) == len(set(names)) >= 65


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_our_sum_is_the_lists_sum_where_the_list_is_right(case: Case, book: PriceBook) -> None:
    """The same rates, each token once, rounded once."""
    priced = price_call(case.call, book)

    assert priced.status is CostStatus.PRICED, priced.reason
    assert priced.cost_nano_usd == nano(case.list_cost())
    assert priced.cost_nano_usd


@pytest.mark.parametrize(("case", "status"), WRONG, ids=lambda value: getattr(value, "name", ""))
def test_silent_errors_of_the_list_are_marked(
    case: Case, status: CostStatus, book: PriceBook
) -> None:
    """Its sum exists, and is too low or zero."""
    priced = price_call(case.call, book)

    assert priced.status is status
    assert priced.reason
    assert (priced.cost_nano_usd or 0) <= case.list_cost()


def test_every_model_listed_without_a_price_is_unpriced(book: PriceBook) -> None:
    """The list's own answer for each of them is 0."""
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.types import ModelPrice

    at_nothing = [
        (provider.id, model.id)
        for provider in get_snapshot().providers
        for model in provider.models
        if isinstance(model.prices, ModelPrice) and not model.prices._comparable_values()
    ]
    assert len(at_nothing) > 100

    for provider, model in at_nothing:
        status = price_call(Case(provider, model).call, book).status
        assert status is CostStatus.UNPRICED, (provider, model)
