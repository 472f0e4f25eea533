"""Operations of model providers: wire format, span, and cost of each.

`OPERATIONS` is the table of docs/pricing.md. A response has its provider's documented form with
made-up counts; a span has the names of the conventions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
OPENAI, ANTHROPIC = "api.openai.com", "api.anthropic.com"
GEMINI = "generativelanguage.googleapis.com"
BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
MESSAGES: Json = {"messages": [{"role": "user", "content": "hi"}]}


@dataclass(frozen=True)
class Wire:
    """A request and its response."""

    host: str
    path: str
    body: Json
    answer: Json | bytes | None
    """None where the request is refused or not readable by design."""
    kind: str = "application/json"
    headers: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One row of the table."""

    name: str
    provider: str
    model: str
    operation: str
    nano_usd: int | None
    """Exact cost; None without evidence."""
    wire: Wire | None = None
    counts: Json | None = None
    """`gen_ai.usage.*` of the span; None where spans cannot report it."""
    on_wire: str = "exact"
    on_span: str = "exact"
    """`exact`, or the status and its reason."""
    tier: str | None = None
    result: Json | None = None
    """The line of a batch result, for the import and a download."""
    result_at: tuple[str, str] | None = None
    """Host and path of the download."""


def _chat(host: str, model: str, usage: Json, **more: Any) -> Wire:
    answer = {"id": "c-1", "model": model, "choices": [{"finish_reason": "stop"}], "usage": usage}
    return Wire(host, "/v1/chat/completions", {"model": model, **MESSAGES}, {**answer, **more})


def _responses(model: str, usage: Json, **more: Any) -> Wire:
    answer = {"id": "r-1", "object": "response", "status": "completed", "model": model,
              "usage": usage, **more}  # fmt: skip
    return Wire(OPENAI, "/v1/responses", {"model": model, "input": "hi"}, answer)


def _claude(usage: Json, model: str = "claude-sonnet-4-5", **body: Any) -> Wire:
    answer = {"id": "m-1", "type": "message", "model": model, "stop_reason": "end_turn",
              "usage": usage}  # fmt: skip
    request = {"model": model, "max_tokens": 900, **MESSAGES, **body}
    return Wire(ANTHROPIC, "/v1/messages", request, answer)


def _gemini(model: str, usage: Json, text: str = "hi") -> Wire:
    answer = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage,
              "modelVersion": model}  # fmt: skip
    contents = [{"role": "user", "parts": [{"text": text}]}]
    path = f"/v1beta/models/{model}:generateContent"
    return Wire(GEMINI, path, {"contents": contents}, answer)


def _parts(**tokens: int) -> list[Json]:
    return [{"modality": name.upper(), "tokenCount": n} for name, n in tokens.items()]


_IO = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
_SPAN = {"input_tokens": 1000, "output_tokens": 100}
_CLAUDE_IO = {"input_tokens": 1000, "output_tokens": 100}


def _plain(name: str, host: str, provider: str, model: str, nano_usd: int) -> Operation:
    return Operation(name, provider, model, "chat", nano_usd, _chat(host, model, _IO), dict(_SPAN))


_OF_GEMINI: Json = {"modelVersion": "gemini-2.5-pro", "usageMetadata": {
    "promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}}  # fmt: skip


def _of_openai(model: str) -> Json:
    body = {"id": "c-1", "object": "chat.completion", "model": model, "usage": _IO}
    response = {"status_code": 200, "body": body}
    return {"id": "b-1", "custom_id": "1", "error": None, "response": response}


def _batch(provider: str, model: str, nano_usd: int | None, host: str, path: str, line: Json,
           usage: str = "exact") -> Operation:  # fmt: skip
    return Operation("batch, its result", provider, model, "chat", nano_usd, None, dict(_SPAN),
                     usage, usage, tier="batch", result=line, result_at=(host, path))  # fmt: skip


OPERATIONS: list[Operation] = [
    # Text. 1000 in and 100 out at the list's rates.
    _plain("chat", OPENAI, "openai", "gpt-4o", 3_500_000),
    _plain("chat", "api.groq.com", "groq", "llama-3.3-70b-versatile", 669_000),
    _plain("chat", "api.x.ai", "x_ai", "grok-4", 4_500_000),
    _plain("chat", "api.deepseek.com", "deepseek", "deepseek-chat", 190_000),
    _plain("chat", "api.mistral.ai", "mistral_ai", "mistral-large-latest", 2_600_000),
    _plain("chat", "api.together.xyz", "together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo",
           968_000),
    _plain("chat", "house.openai.azure.com", "azure.ai.openai", "gpt-4o", 3_500_000),
    _plain("chat", "inference.baseten.co", "baseten", "openai/gpt-oss-120b", 150_000),
    _plain("chat", "api.meta.ai", "meta", "muse-spark-1.3", 1_675_000),
    _plain("chat", "api.minimax.io", "minimax", "MiniMax-M2", 420_000),
    _plain("chat", "bedrock-mantle.us-east-1.api.aws", "aws.bedrock", "openai.gpt-5.5", 8_800_000),
    Operation("chat", "cloudflare", "@cf/meta/llama-3.1-8b-instruct", "chat", 364_700,
              Wire("api.cloudflare.com",
                   "/client/v4/accounts/1/ai/run/@cf/meta/llama-3.1-8b-instruct", MESSAGES,
                   {"result": {"response": "Hi", "usage": _IO}, "success": True}), dict(_SPAN)),
    Operation("chat", "databricks", "databricks-gpt-oss-120b", "chat", 210_000,
              Wire("dbc-1.cloud.databricks.com",
                   "/serving-endpoints/databricks-gpt-oss-120b/invocations", MESSAGES,
                   {"id": "1", "object": "chat.completion", "choices": [], "usage": _IO}),
              dict(_SPAN)),
    Operation("chat", "cohere", "command-a-03-2025", "chat", 3_500_000,
              Wire("api.cohere.com", "/v2/chat", {"model": "command-a-03-2025", **MESSAGES},
                   {"id": "c-1", "finish_reason": "COMPLETE", "usage": {
                       "billed_units": {"input_tokens": 1000, "output_tokens": 100},
                       "tokens": {"input_tokens": 1400, "output_tokens": 100}}}), dict(_SPAN)),
    Operation("chat", "anthropic", "claude-sonnet-4-5", "chat", 4_500_000, _claude(_CLAUDE_IO),
              dict(_SPAN)),
    Operation("chat", "gcp.gemini", "gemini-2.5-pro", "generate_content", 2_250_000,
              _gemini("gemini-2.5-pro", {"promptTokenCount": 1000, "candidatesTokenCount": 100,
                                         "totalTokenCount": 1100}), dict(_SPAN)),
    Operation("chat", "aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "chat",
              4_950_000,
              Wire(BEDROCK, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
                   MESSAGES, {"stopReason": "end_turn", "usage": {
                       "inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}}),
              dict(_SPAN)),
    Operation("chat, global profile", "aws.bedrock",
              "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "chat", 4_500_000,
              Wire(BEDROCK, "/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
                   MESSAGES, {"model": "claude-sonnet-4-5-20250929", "stop_reason": "end_turn",
                              "usage": _CLAUDE_IO}), dict(_SPAN)),
    Operation("chat, own profile", "aws.bedrock",
              "arn:aws:bedrock:us-east-1:1:application-inference-profile/ab12", "chat", None,
              Wire(BEDROCK, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-"
                   "profile%2Fab12/converse", MESSAGES, {"stopReason": "end_turn", "usage": {
                       "inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}}),
              dict(_SPAN), "unpriced: declare an alias", "unpriced: declare an alias"),
    Operation("responses", "openai", "gpt-5", "chat", 2_250_000,
              _responses("gpt-5", {"input_tokens": 1000, "output_tokens": 100}), dict(_SPAN)),
    Operation("responses, reasoning", "openai", "gpt-5", "chat", 2_250_000,
              _responses("gpt-5", {"input_tokens": 1000, "output_tokens": 100,
                                   "output_tokens_details": {"reasoning_tokens": 90}}),
              {**_SPAN, "reasoning.output_tokens": 90}),
    Operation("chat, thoughts", "gcp.gemini", "gemini-2.5-pro", "generate_content", 2_250_000,
              _gemini("gemini-2.5-pro", {"promptTokenCount": 1000, "candidatesTokenCount": 40,
                                         "thoughtsTokenCount": 60, "totalTokenCount": 1100}),
              {**_SPAN, "reasoning.output_tokens": 60}),
    Operation("chat, own model", "openai", "house-model-1", "chat", None,
              _chat("llm.example.com", "house-model-1", _IO), dict(_SPAN),
              "unpriced: no price known", "unpriced: no price known"),
    Operation("chat, stream without usage", "openai", "gpt-4o", "chat", None,
              Wire(OPENAI, "/v1/chat/completions", {"model": "gpt-4o", "stream": True, **MESSAGES},
                   b'data: {"model": "gpt-4o", "choices": [{"delta": {"content": "Hello"}, '
                   b'"finish_reason": "stop"}]}\n\ndata: [DONE]\n\n', "text/event-stream"),
              {}, "estimated: no usage", "unpriced: no usage reported"),
    # Cached.
    Operation("cached", "openai", "gpt-4o", "chat", 2_500_000,
              _chat(OPENAI, "gpt-4o", {**_IO, "prompt_tokens_details": {"cached_tokens": 800}}),
              {**_SPAN, "cache_read.input_tokens": 800}),
    Operation("cached", "anthropic", "claude-sonnet-4-5", "chat", 2_340_000,
              _claude({"input_tokens": 200, "cache_read_input_tokens": 800, "output_tokens": 100,
                       "cache_creation_input_tokens": 0}),
              {**_SPAN, "cache_read.input_tokens": 800}),
    Operation("cache write, 5 min", "anthropic", "claude-sonnet-4-5", "chat", 5_100_000,
              _claude({"input_tokens": 200, "cache_creation_input_tokens": 800,
                       "output_tokens": 100}),
              {**_SPAN, "cache_write.input_tokens": 800}),
    Operation("cache write, 1 h", "anthropic", "claude-sonnet-4-5", "chat", 6_900_000,
              _claude({"input_tokens": 200, "cache_creation_input_tokens": 800,
                       "cache_creation": {"ephemeral_1h_input_tokens": 800},
                       "output_tokens": 100}),
              {**_SPAN, "cache_write.input_tokens": 800,
               "cache_creation.ephemeral_1h_input_tokens": 800}),
    Operation("cached", "gcp.gemini", "gemini-2.5-pro", "generate_content", 1_350_000,
              _gemini("gemini-2.5-pro", {"promptTokenCount": 1000, "candidatesTokenCount": 100,
                                         "cachedContentTokenCount": 800, "totalTokenCount": 1100}),
              {**_SPAN, "cache_read.input_tokens": 800}),
    Operation("cached", "deepseek", "deepseek-chat", "chat", 110_000,
              _chat("api.deepseek.com", "deepseek-chat", {**_IO, "prompt_cache_hit_tokens": 800}),
              {**_SPAN, "cache_read.input_tokens": 800}),
    # Tiers and long contexts.
    Operation("tier flex", "openai", "gpt-5", "chat", 1_125_000,
              _responses("gpt-5", {"input_tokens": 1000, "output_tokens": 100},
                         service_tier="flex"), dict(_SPAN), tier="flex"),
    Operation("tier priority", "openai", "gpt-5", "chat", 4_500_000,
              _responses("gpt-5", {"input_tokens": 1000, "output_tokens": 100},
                         service_tier="priority"), dict(_SPAN), tier="priority"),
    Operation("tier without a list price", "openai", "gpt-4o", "chat", None,
              _chat(OPENAI, "gpt-4o", _IO, service_tier="scale"), dict(_SPAN),
              "estimated: standard rates", "estimated: standard rates", tier="scale"),
    Operation("long context", "gcp.gemini", "gemini-2.5-pro", "generate_content", 751_500_000,
              _gemini("gemini-2.5-pro", {"promptTokenCount": 300_000, "candidatesTokenCount": 100,
                                         "totalTokenCount": 300_100}, text="x" * 1_200_000),
              {"input_tokens": 300_000, "output_tokens": 100}),
    Operation("long context", "anthropic", "claude-sonnet-4-5", "chat", 1_802_250_000,
              _claude({"input_tokens": 300_000, "output_tokens": 100}, system="x" * 1_200_000),
              {"input_tokens": 300_000, "output_tokens": 100}),
    # Images.
    Operation("image in", "openai", "gpt-4o", "chat", 3_500_000, _chat(OPENAI, "gpt-4o", _IO),
              dict(_SPAN)),
    Operation("image out", "gcp.gemini", "gemini-2.5-flash-image", "generate_content", 38_730_000,
              _gemini("gemini-2.5-flash-image",
                      {"promptTokenCount": 100, "candidatesTokenCount": 1290,
                       "totalTokenCount": 1390, "candidatesTokensDetails": _parts(image=1290)}),
              {"input_tokens": 100, "output_tokens": 1290, "image.output_tokens": 1290}),
    Operation("image out", "gcp.gemini", "gemini-3-pro-image-preview", "generate_content",
              134_600_000,
              _gemini("gemini-3-pro-image-preview",
                      {"promptTokenCount": 100, "candidatesTokenCount": 1120,
                       "totalTokenCount": 1220, "candidatesTokensDetails": _parts(image=1120)}),
              {"input_tokens": 100, "output_tokens": 1120, "image.output_tokens": 1120}),
    Operation("image out, not split", "gcp.gemini", "gemini-2.5-flash-image", "generate_content",
              None,
              _gemini("gemini-2.5-flash-image", {"promptTokenCount": 100,
                                                 "candidatesTokenCount": 1290,
                                                 "totalTokenCount": 1390}),
              {"input_tokens": 100, "output_tokens": 1290},
              "partial: image output tokens", "partial: image output tokens"),
    Operation("image generation", "openai", "gpt-image-1.5", "image_generation", 36_500_000,
              Wire(OPENAI, "/v1/images/edits", {"model": "gpt-image-1.5", "prompt": "x"},
                   {"created": 1, "usage": {
                       "input_tokens": 600, "output_tokens": 1000, "total_tokens": 1600,
                       "input_tokens_details": {"text_tokens": 100, "image_tokens": 500},
                       "output_tokens_details": {"image_tokens": 1000, "text_tokens": 0}}}),
              {"input_tokens": 600, "output_tokens": 1000, "image.input_tokens": 500,
               "image.output_tokens": 1000}),
    Operation("image generation, not split", "openai", "gpt-image-1.5", "image_generation", None,
              Wire(OPENAI, "/v1/images/generations", {"model": "gpt-image-1.5", "prompt": "x"},
                   {"created": 1, "usage": {"input_tokens": 100, "output_tokens": 1000,
                                            "total_tokens": 1100}}),
              {"input_tokens": 100, "output_tokens": 1000}, "partial: image output tokens",
              "partial: image output tokens"),
    Operation("image generation by the image", "openai", "dall-e-3", "image_generation", None,
              Wire(OPENAI, "/v1/images/generations", {"model": "dall-e-3", "prompt": "x"},
                   {"created": 1, "data": [{"url": "x"}]}),
              {"output_images": 1}, "unpriced: no list price", "unpriced: no list price"),
    # Audio.
    Operation("audio in and out", "openai", "gpt-audio", "chat", 8_998_000,
              _chat(OPENAI, "gpt-audio", {"prompt_tokens": 100, "completion_tokens": 120,
                    "total_tokens": 220, "prompt_tokens_details": {"audio_tokens": 60},
                    "completion_tokens_details": {"audio_tokens": 107}}),
              {"input_tokens": 100, "output_tokens": 120, "audio.input_tokens": 60,
               "audio.output_tokens": 107}),
    Operation("audio, not split", "openai", "gpt-audio", "chat", None,
              _chat(OPENAI, "gpt-audio", _IO), dict(_SPAN), "partial: audio tokens",
              "partial: audio tokens"),
    Operation("audio in", "gcp.gemini", "gemini-2.5-flash", "generate_content", 1_059_600,
              _gemini("gemini-2.5-flash",
                      {"promptTokenCount": 1000, "candidatesTokenCount": 100,
                       "totalTokenCount": 1100,
                       "promptTokensDetails": _parts(text=272, audio=728)}),
              {**_SPAN, "audio.input_tokens": 728}),
    Operation("transcription by the token", "openai", "gpt-4o-transcribe", "transcription",
              7_000_000,
              Wire(OPENAI, "/v1/audio/transcriptions", {"model": "gpt-4o-transcribe", "input": "x"},
                   {"text": "Hi", "usage": {
                       "type": "tokens", "input_tokens": 1000, "output_tokens": 100,
                       "total_tokens": 1100,
                       "input_token_details": {"text_tokens": 0, "audio_tokens": 1000}}}),
              {**_SPAN, "audio.input_tokens": 1000}),
    Operation("transcription by the second", "openai", "whisper-1", "transcription", 9_000_000,
              Wire(OPENAI, "/v1/audio/transcriptions", {"model": "whisper-1", "input": "x"},
                   {"text": "Hi", "usage": {"type": "duration", "seconds": 90}}),
              {"audio_seconds": 90}),
    Operation("transcription by the second", "groq", "whisper-large-v3", "transcription", 2_775_000,
              Wire("api.groq.com", "/openai/v1/audio/transcriptions",
                   {"model": "whisper-large-v3", "input": "x"},
                   {"task": "transcribe", "duration": 90.0, "text": "Hi"}),
              {"audio_seconds": 90}),
    Operation("speech by the character", "openai", "tts-1", "speech", 3_000_000,
              Wire(OPENAI, "/v1/audio/speech", {"model": "tts-1", "input": "x" * 200}, b"ID3",
                   "audio/mpeg"), {"input_characters": 200}),
    Operation("speech, audio alone", "openai", "gpt-4o-mini-tts", "speech", None,
              Wire(OPENAI, "/v1/audio/speech", {"model": "gpt-4o-mini-tts", "input": "x" * 200},
                   b"ID3", "audio/mpeg"), {}, "estimated or partial: no usage",
              "unpriced: no usage reported"),
    Operation("realtime", "openai", "gpt-realtime", "realtime_inference", 6_560_000, None,
              {"input_tokens": 100, "output_tokens": 100, "audio.input_tokens": 60,
               "audio.output_tokens": 60, "text.input_tokens": 40, "text.output_tokens": 40,
               }, "refused by design: websocket"),
    Operation("realtime, not split", "openai", "gpt-realtime", "realtime_inference", None, None,
              dict(_SPAN), "refused by design: websocket", "partial: audio tokens"),
    Operation("realtime", "gcp.gemini", "gemini-3.8-live", "realtime_inference", 1_335_000, None,
              {"input_tokens": 100, "output_tokens": 100, "audio.input_tokens": 60,
               "audio.output_tokens": 90, "text.input_tokens": 40, "text.output_tokens": 10},
              "refused by design: websocket"),
    Operation("realtime by the second", "openai", "gpt-realtime-whisper", "realtime_inference",
              17_000_000, None, {"audio_seconds": 60}, "refused by design: websocket"),
    # Video.
    Operation("video out", "gcp.gemini", "gemini-omni-1.1-flash", "generate_content", 17_650_000,
              _gemini("gemini-omni-1.1-flash",
                      {"promptTokenCount": 100, "candidatesTokenCount": 1000,
                       "totalTokenCount": 1100, "candidatesTokensDetails": _parts(video=1000)}),
              {"input_tokens": 100, "output_tokens": 1000, "video.output_tokens": 1000}),
    Operation("video by the second", "openai", "sora-2", "video_generation", None,
              Wire(OPENAI, "/v1/videos", {"model": "sora-2", "prompt": "x", "seconds": 8},
                   {"id": "video_1", "status": "queued", "seconds": "8"}),
              {"video_seconds": 8}, "unpriced: no list price", "unpriced: no list price"),
    # Embeddings, reranks, searches, documents.
    Operation("embeddings", "openai", "text-embedding-3-small", "embeddings", 20_000,
              Wire(OPENAI, "/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"},
                   {"model": "text-embedding-3-small", "usage": {"prompt_tokens": 1000,
                                                                 "total_tokens": 1000}}),
              {"input_tokens": 1000}),
    Operation("embeddings", "voyageai", "voyage-3.5", "embeddings", 60_000,
              Wire("api.voyageai.com", "/v1/embeddings", {"model": "voyage-3.5", "input": ["x"]},
                   {"model": "voyage-3.5", "usage": {"total_tokens": 1000}}),
              {"input_tokens": 1000}),
    Operation("embeddings with images", "gcp.gemini", "gemini-embedding-2", "embeddings", None,
              Wire(GEMINI, "/v1beta/models/gemini-embedding-2:embedContent",
                   {"content": {"parts": [{"inlineData": {"mimeType": "image/png",
                                                          "data": "AAAA"}}]}},
                   {"embedding": {"values": [0.5]}}),
              {"input_tokens": 1000}, "partial: image input tokens",
              "partial: image input tokens"),
    Operation("rerank by the search", "cohere", "rerank-v3.5", "rerank", None,
              Wire("api.cohere.com", "/v2/rerank", {"model": "rerank-v3.5", "query": "x",
                                                    "documents": ["y"]},
                   {"id": "r-1", "results": [], "meta": {"billed_units": {"search_units": 1}}}),
              {"rerank_searches": 1}, "unpriced: no list price", "unpriced: no list price"),
    Operation("web search", "anthropic", "claude-sonnet-4-5", "chat", 24_500_000,
              _claude({**_CLAUDE_IO, "server_tool_use": {"web_search_requests": 2}},
                      tools=[{"type": "web_search_20250305", "name": "web_search"}]),
              {**_SPAN, "web_search_requests": 2}),
    Operation("search by the request", "perplexity", "sonar", "chat", 13_100_000,
              _chat("api.perplexity.ai", "sonar", _IO), dict(_SPAN)),
    # 1000 × 2 + 100 × 8 + 500 × 2 + 2000 × 3, and 3 searches at 5 for 1000.
    Operation("deep research", "perplexity", "sonar-deep-research", "chat", 24_800_000,
              _chat("api.perplexity.ai", "sonar-deep-research",
                    {**_IO, "citation_tokens": 500, "reasoning_tokens": 2000,
                     "num_search_queries": 3}),
              dict(_SPAN), on_span="partial: reasoning tokens, web searches"),
    Operation("OCR by the page", "mistral_ai", "mistral-ocr-4-0", "ocr", 12_000_000,
              Wire("api.mistral.ai", "/v1/ocr", {"model": "mistral-ocr-4-0", "document": {}},
                   {"model": "mistral-ocr-4-0", "usage_info": {"pages_processed": 3}}),
              {"pages_processed": 3}),
    Operation("moderation", "openai", "omni-moderation-latest", "moderation", None,
              Wire(OPENAI, "/v1/moderations", {"model": "omni-moderation-latest", "input": "x"},
                   {"id": "m-1", "model": "omni-moderation-latest", "results": []}), {},
              "free", "free"),
    # Gateways and batches.
    Operation("gateway, reported cost", "openrouter", "house/model-1", "chat", 3_900_000,
              _chat("openrouter.ai", "house/model-1", {**_IO, "cost": 0.0039}),
              {**_SPAN, "cost": 0.0039}, "reported", "reported"),
    Operation("batch, submitted", "openai", "gpt-4o", "batch", None,
              Wire(OPENAI, "/v1/batches", {"input_file_id": "f-1", "endpoint": "/v1/responses"},
                   None), None, "refused by design: charged by its result",
              "refused by design: charged by its result"),
    Operation("batch, submitted", "anthropic", "claude-sonnet-4-5", "batch", None,
              Wire(ANTHROPIC, "/v1/messages/batches", {"requests": []}, None), None,
              "refused by design: charged by its result",
              "refused by design: charged by its result"),
    Operation("batch, submitted", "gcp.gemini", "gemini-2.5-pro", "batch", None,
              Wire(GEMINI, "/v1beta/models/gemini-2.5-pro:batchGenerateContent", {"batch": {}},
                   None), None, "refused by design: charged by its result",
              "refused by design: charged by its result"),
    _batch("openai", "gpt-4o", 1_750_000, OPENAI, "/v1/files/f-1/content", _of_openai("gpt-4o")),
    _batch("mistral_ai", "mistral-large-latest", None, "api.mistral.ai", "/v1/files/f-1/content",
           _of_openai("mistral-large-latest"), "estimated: standard rates"),
    _batch("anthropic", "claude-sonnet-4-5", 2_250_000, ANTHROPIC,
           "/v1/messages/batches/b-1/results",
           {"custom_id": "1", "result": {"type": "succeeded", "message": {
               "id": "m-1", "model": "claude-sonnet-4-5", "usage": _CLAUDE_IO}}}),
    _batch("gcp.gemini", "gemini-2.5-pro", 1_125_000, GEMINI,
           "/download/v1beta/files/f-1:download", {"key": "1", "response": _OF_GEMINI}),
    _batch("gcp.vertex_ai", "gemini-2.5-pro", 1_125_000, "storage.googleapis.com",
           "/download/storage/v1/b/house/o/predictions.jsonl",
           {"status": "", "processed_time": "2026-11-18T00:00:00Z", "request": {},
            "response": _OF_GEMINI}),
    _batch("aws.bedrock", "claude-sonnet-4-5-20250929", None, "house.s3.us-east-1.amazonaws.com",
           "/out/1/in.jsonl.out",
           {"recordId": "1", "modelInput": {}, "modelOutput": {
               "id": "m-1", "model": "claude-sonnet-4-5-20250929", "usage": _CLAUDE_IO}},
           "estimated: standard rates"),
    Operation("batch, its result", "openai", "text-embedding-3-small", "embeddings", None, None,
              {"input_tokens": 1000}, "estimated: standard rates", "estimated: standard rates",
              tier="batch", result_at=(OPENAI, "/v1/files/f-1/content"), result={
                  "id": "b-1", "custom_id": "1", "error": None, "response": {
                      "status_code": 200, "body": {
                          "object": "list", "model": "text-embedding-3-small",
                          "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}}}),
]  # fmt: skip
