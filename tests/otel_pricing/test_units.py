"""Units beside text tokens: media, durations, characters, pages, searches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from otel_pricing import CostStatus, ModelCall, PriceBook, SpanRecord, price_call, read_call
from otel_pricing.prices import price_table
from otel_wire.answers import AnswerReader
from otel_wire.estimates import usage_or_estimate
from otel_wire.requests import read_request

START_NS = 1_795_800_000_000_000_000
BOOK = PriceBook()


def span(model: str, provider: str, operation: str = "chat", **counts: Any) -> ModelCall:
    call = read_call(
        SpanRecord(
            trace_id=1,
            span_id=2,
            start_ns=START_NS,
            end_ns=START_NS + 1,
            attributes={
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": provider,
                "gen_ai.request.model": model,
                **{f"gen_ai.usage.{name.replace('__', '.')}": n for name, n in counts.items()},
            },
        )
    )
    assert call is not None
    return call


def on_the_wire(host: str, path: str, body: dict[str, Any], answer: bytes, kind: str) -> ModelCall:
    """Return the call of a request and its response, as in the accounting."""
    request = read_request(host, path, json.dumps(body).encode(), {})
    assert request is not None
    reader = AnswerReader(request, 200, {"content-type": kind})
    reader.feed(answer)
    found = usage_or_estimate(request, reader.end())
    return ModelCall(
        trace_id=1,
        span_id=2,
        start_ns=START_NS,
        end_ns=START_NS + 1,
        scope="wire",
        operation=request.operation,
        provider=request.provider,
        request_model=request.model,
        usage=found.usage,
        usage_estimate="estimated" if found.is_estimated else "",
    )


def cost(call: ModelCall) -> tuple[str, int | None]:
    priced = price_call(call, BOOK)
    return priced.status.value, priced.cost_nano_usd


MEDIA = [
    # 100 × 0.30 + 1290 × 30 = 38 730
    ("gemini-2.5-flash-image", "gcp.gemini",
     {"input_tokens": 100, "output_tokens": 1290, "image__output_tokens": 1290}, 38_730_000),
    # 100 × 5 + 1000 × 32, and 500 × 8 for the image that was sent
    ("gpt-image-1.5", "openai",
     {"input_tokens": 600, "output_tokens": 1000, "image__input_tokens": 500,
      "image__output_tokens": 1000}, 36_500_000),
    # 40 × 0.75 + 60 × 3 + 10 × 4.5 + 90 × 12 = 1335
    ("gemini-3.8-live", "gcp.gemini",
     {"input_tokens": 100, "output_tokens": 100, "audio__input_tokens": 60,
      "audio__output_tokens": 90, "text__input_tokens": 40, "text__output_tokens": 10}, 1_335_000),
    # 20 × 0.6 + 30 × 10 + 50 × 0.3 + 100 × 2.4: half of the input is audio from the cache
    ("gpt-realtime-mini", "openai",
     {"input_tokens": 100, "output_tokens": 100, "audio__input_tokens": 80,
      "audio__output_tokens": 0, "image__input_tokens": 0, "cache_read__input_tokens": 50,
      "audio__cache_read__input_tokens": 50}, 567_000),
    # 100 × 1.5 + 1000 × 17.5
    ("gemini-omni-1.1-flash", "gcp.gemini",
     {"input_tokens": 100, "output_tokens": 1000, "video__output_tokens": 1000}, 17_650_000),
]  # fmt: skip


@pytest.mark.parametrize(("model", "provider", "counts", "nano_usd"), MEDIA)
def test_media_cost_their_own_rates(
    model: str, provider: str, counts: dict[str, Any], nano_usd: int
) -> None:
    """By the names of the conventions."""
    assert cost(span(model, provider, **counts)) == ("priced", nano_usd)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gemini-2.5-flash-image", "gcp.gemini"),
        ("gemini-3-pro-image-preview", "gcp.gemini"),
        ("gpt-image-1.5", "openai"),
        ("gpt-image-1", "openai"),
        ("gpt-realtime", "openai"),
        ("gemini-3.8-live", "gcp.gemini"),
        ("gemini-omni-1.1-flash", "gcp.gemini"),
        ("amazon.nova-sonic-v1:0", "aws.bedrock"),
        ("voxtral-small-24b-2507", "mistral_ai"),
        ("eleven_realtime_v1_max", "elevenlabs"),
        ("gpt-4o-transcribe", "openai"),
    ],
)
def test_a_medium_that_the_span_does_not_split_is_not_priced_as_text(
    model: str, provider: str
) -> None:
    """The amount is what text would cost, a lower bound."""
    priced = price_call(span(model, provider, input_tokens=1000, output_tokens=500), BOOK)

    assert priced.status is CostStatus.PARTIAL
    assert "not reported" in priced.reason


def test_text_counts_equal_to_totals_exclude_other_media() -> None:
    """1000 × 5 + 500 × 10: text counts equal both totals."""
    counts: dict[str, Any] = {"input_tokens": 1000, "output_tokens": 500}
    split: dict[str, Any] = {"text__input_tokens": 1000, "text__output_tokens": 500}

    assert cost(span("gpt-image-1.5", "openai", **counts, **split)) == ("priced", 10_000_000)


def test_an_unknown_part_of_the_cache_is_not_priced_as_text() -> None:
    """Cached audio has another rate, and the span lacks its count."""
    call = span(
        "gpt-realtime-mini",
        "openai",
        input_tokens=100,
        output_tokens=10,
        audio__input_tokens=80,
        audio__output_tokens=0,
        image__input_tokens=0,
        cache_read__input_tokens=50,
    )

    assert price_call(call, BOOK).reason == "cached audio tokens not reported"


@pytest.mark.parametrize(
    ("model", "provider", "operation", "counts", "nano_usd"),
    [
        # 90 s of 0.36 an hour
        ("whisper-1", "openai", "transcription", {"audio_seconds": 90.0}, 9_000_000),
        ("whisper-1", "openai", "transcription", {"input_audio_seconds": "90"}, 9_000_000),
        # 2000 characters of 15 a million
        ("tts-1", "openai", "speech", {"input_characters": 2000}, 30_000_000),
        # 3 pages of 4 a thousand
        ("mistral-ocr-4-0", "mistral_ai", "chat", {"pages_processed": 3}, 12_000_000),
        # 60 s of 3 an hour
        ("gpt-live-1", "openai", "realtime_inference", {"audio_seconds": 60}, 50_000_000),
    ],
)
def test_units_other_than_tokens_have_list_prices(
    model: str, provider: str, operation: str, counts: dict[str, Any], nano_usd: int
) -> None:
    """As spans report them, in the units' own names."""
    assert cost(span(model, provider, operation, **counts)) == ("priced", nano_usd)


@pytest.mark.parametrize(
    ("host", "path", "body", "answer", "kind", "nano_usd"),
    [
        ("api.openai.com", "/v1/audio/transcriptions", {"model": "whisper-1", "input": "x"},
         b'{"text": "Hi", "usage": {"type": "duration", "seconds": 90.5}}', "application/json",
         9_050_000),
        ("api.openai.com", "/v1/audio/transcriptions", {"model": "whisper-1", "input": "x"},
         b'{"task": "transcribe", "duration": "36.500000095367432", "text": "Hi"}',
         "application/json", 3_650_000),
        ("api.openai.com", "/v1/audio/speech", {"model": "tts-1", "input": "x" * 200},
         b"ID3\x00\x00", "audio/mpeg", 3_000_000),
        ("api.mistral.ai", "/v1/ocr", {"model": "mistral-ocr-2505", "document": {"type": "x"}},
         b'{"model": "mistral-ocr-2505", "usage_info": {"pages_processed": 2}}',
         "application/json", 2_000_000),
    ],
)  # fmt: skip
def test_units_other_than_tokens_are_read_on_the_wire(
    host: str, path: str, body: dict[str, Any], answer: bytes, kind: str, nano_usd: int
) -> None:
    """From the response, or from the request where providers count there."""
    assert cost(on_the_wire(host, path, body, answer, kind)) == ("priced", nano_usd)


def test_a_price_file_has_rates_for_counted_units() -> None:
    """8 s of video, 2 images, 3 searches, 30 minutes of audio, each as declared."""
    book = PriceBook(
        price_table(
            [
                {"model": "sora-2", "video_second": "0.10"},
                {"model": "dall-e-3", "image": "0.04"},
                {"model": "rerank-v3.5", "rerank_search": "0.002"},
                {"model": "scribe", "audio_hour": "0.40"},
            ]
        )
    )
    calls = [
        span("sora-2", "openai", "video_generation", video_seconds=8),
        span("dall-e-3", "openai", "image_generation", output_images=2),
        span("rerank-v3.5", "cohere", "rerank", search_units=3),
        span("scribe", "elevenlabs", "transcription", audio_seconds=1800),
    ]

    priced = [price_call(call, book) for call in calls]

    assert [p.cost_nano_usd for p in priced] == [800_000_000, 80_000_000, 6_000_000, 200_000_000]
    assert {p.status for p in priced} == {CostStatus.PRICED}


def test_a_request_price_holds_with_and_without_a_usage() -> None:
    """A rerank that also reports tokens costs its request."""
    book = PriceBook(price_table([{"model": "rerank-v3.5", "request": "0.002"}]))

    assert price_call(span("rerank-v3.5", "cohere", "rerank", input_tokens=9), book).cost_nano_usd


def test_a_failed_call_is_not_charged_by_its_request() -> None:
    """The request has its characters even if the provider produced no speech."""
    call = span("tts-1", "openai", "speech", input_characters=2000)
    failed = replace(call, error_type="500")

    assert price_call(failed, BOOK).status is CostStatus.UNPRICED


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ('[{"role":"user","parts":[{"type":"text","content":"an audio book"}]}]', "priced"),
        ('[{"parts":[{"type":"blob","modality":"audio","content":"AA=="}]}]', "partial"),
        ('[{"content":[{"type": "input_audio"}]}]', "partial"),
        ('[{"parts":[{"type":"uri","mime_type":"video/mp4","uri":"gs://a"}]}]', "partial"),
        (None, "priced"),
    ],
)
def test_a_prompt_with_sound_that_is_not_counted_apart_is_partly_priced(
    messages: str | None, status: str
) -> None:
    """Text alone, and a prompt that is not captured, count as text."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
        "gen_ai.usage.input_tokens": 1_000,
        "gen_ai.usage.output_tokens": 100,
    }
    if messages is not None:
        attributes["gen_ai.input.messages"] = messages
    call = read_call(
        SpanRecord(
            trace_id=1, span_id=2, start_ns=START_NS, end_ns=START_NS + 1, attributes=attributes
        )
    )
    assert call is not None
    priced = price_call(call, BOOK)

    assert priced.status.value == status, priced.reason
    if status == "partial":
        # The upper bound is all of it at the rate of audio.
        assert priced.exposure_nano_usd == 1_000 * 1_000 + 100 * 2_500
