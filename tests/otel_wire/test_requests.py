"""Requests to model endpoints are recognised and read for every spelling of path and body."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote

import pytest

from otel_wire import requests
from otel_wire.endpoints import may_call_model
from otel_wire.media import IMAGE_TOKENS, LEAST_DOCUMENT_TOKENS, PAGE_TOKENS
from otel_wire.requests import ModelRequest, read_request
from otel_wire.unseen_input import HIDDEN_TOKENS, OPAQUE_TOKENS, UNSEEN_TOKENS

CHAT: dict[str, Any] = {
    "model": "gpt-4o",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "hi"}],
}
ARN = "arn:aws:bedrock:us-east-1:123456789012:"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"


def read(
    path: str,
    body: object,
    host: str = "127.0.0.1",
    method: str = "POST",
    **headers: str,
) -> ModelRequest | None:
    if not may_call_model(method, path):
        return None
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return read_request(host, path, sent, {k.replace("_", "-"): v for k, v in headers.items()})


def of_model(model: str, **more: Any) -> dict[str, Any]:
    return {**CHAT, "model": model, **more}


FORM = (
    b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
    b"Content-Type: audio/mpeg\r\n\r\n" + b"\x00" * 90_000 + b"\r\n--B--\r\n"
)

DOCUMENTED: list[tuple[str, object, str, str, str]] = [
    ("/v1/chat/completions", CHAT, "openai", "gpt-4o", "chat"),
    ("/v1/responses", {"model": "gpt-5", "input": "hi"}, "openai", "gpt-5", "chat"),
    ("/v1/completions", {"model": "c", "prompt": "hi"}, "openai", "c", "text_completion"),
    ("/v1/embeddings", {"model": "e", "input": "hi"}, "openai", "e", "embeddings"),
    ("/v1/moderations", {"model": "m", "input": "hi"}, "openai", "m", "moderation"),
    ("/v1/images/generations", {"prompt": "x"}, "openai", "", "image_generation"),
    ("/v1/images/edits", {"model": "gpt-image-1", "prompt": "x"}, "openai", "gpt-image-1",
     "image_generation"),
    ("/v1/audio/speech", {"model": "tts-1", "input": "hi"}, "openai", "tts-1", "speech"),
    ("/v1/videos", {"model": "sora-2", "prompt": "x"}, "openai", "sora-2", "video_generation"),
    ("/v1/videos/video_1/remix", {"prompt": "x"}, "openai", "", "video_generation"),
    ("/v1/batches", {"input_file_id": "file-1", "endpoint": "/v1/responses"}, "openai", "",
     "batch"),
    ("/v1/threads/th_1/runs", {"assistant_id": "asst_1"}, "openai", "", "chat"),
    ("/v1/threads/runs", {"assistant_id": "asst_1"}, "openai", "", "chat"),
    ("/v1/threads/th_1/runs/run_1/submit_tool_outputs", {"tool_outputs": []}, "openai", "", "chat"),
    ("/openai/deployments/prod/chat/completions?api-version=1", CHAT, "openai", "gpt-4o", "chat"),
    ("/openai/deployments/prod/chat/completions", {"messages": []}, "openai", "prod", "chat"),
    ("/openai/deployments/gpt-5/chat/completions", of_model("gpt-4o-mini"), "openai", "gpt-5",
     "chat"),
    ("/v1/messages", of_model("claude-x"), "anthropic", "claude-x", "chat"),
    ("/v1/messages/batches", {"requests": [{"custom_id": "1", "params": CHAT}]}, "anthropic", "",
     "batch"),
    ("/v1beta/models/gemini-2.5-pro:generateContent", {"contents": []}, "gcp.gemini",
     "gemini-2.5-pro", "generate_content"),
    ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", {"contents": []}, "gcp.gemini",
     "gemini-2.5-pro", "generate_content"),
    ("/v1beta/models/gemini-embedding-001:batchEmbedContents", {"requests": []}, "gcp.gemini",
     "gemini-embedding-001", "embeddings"),
    ("/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@1:streamRawPredict",
     {"messages": []}, "anthropic", "claude-x@1", "chat"),
    ("/v1/projects/p/locations/l/publishers/google/models/imagen-4:predict", {"instances": []},
     "gcp.gemini", "imagen-4", "image_generation"),
    ("/v1/projects/p/locations/l/publishers/google/models/veo-3:predictLongRunning",
     {"instances": []}, "gcp.gemini", "veo-3", "video_generation"),
    (f"/model/{quote(HAIKU)}/converse", {"messages": []}, "aws.bedrock", HAIKU, "chat"),
    (f"/model/{HAIKU}/invoke-with-response-stream", {"messages": []}, "aws.bedrock", HAIKU, "chat"),
    (f"/model/{quote(ARN + 'inference-profile/us.' + HAIKU, safe='')}/converse", {"messages": []},
     "aws.bedrock", "us." + HAIKU, "chat"),
    (f"/model/{quote(ARN + 'foundation-model/' + HAIKU)}/invoke", {"messages": []}, "aws.bedrock",
     HAIKU, "chat"),
    (f"/model/{quote(ARN + 'application-inference-profile/ab12', safe='')}/converse-stream",
     {"messages": []}, "aws.bedrock", ARN + "application-inference-profile/ab12", "chat"),
    (f"/model/{quote(ARN + 'provisioned-model/ab12', safe='')}/invoke", {"messages": []},
     "aws.bedrock", ARN + "provisioned-model/ab12", "chat"),
    *((f"/model/{quote(arn, safe='')}/converse", {"messages": []}, "aws.bedrock", arn, "chat")
      for arn in (ARN + "custom-model-deployment/ab12", ARN + "imported-model/ab12",
                  ARN + "default-prompt-router/anthropic.claude:1", ARN + "prompt/AB:1",
                  ARN.replace("bedrock", "sagemaker") + "endpoint/llama")),
    ("/async-invoke", {"modelId": ARN + "foundation-model/amazon.nova-reel-v1:1", "modelInput": {}},
     "aws.bedrock", "amazon.nova-reel-v1:1", "video_generation"),
    ("/model-invocation-job", {"modelId": ARN + "inference-profile/us." + HAIKU,
                               "inputDataConfig": {}}, "aws.bedrock", "us." + HAIKU, "batch"),
    ("/ml/v1/text/chat", {"model_id": "ibm/granite", "messages": []}, "ibm.watsonx.ai",
     "ibm/granite", "chat"),
    ("/ml/v1/deployments/house-granite/text/chat?version=1", {"messages": []}, "ibm.watsonx.ai",
     "house-granite", "chat"),
    ("/v1/engines/davinci/completions", {"prompt": "x"}, "openai", "davinci", "text_completion"),
    ("/v1/projects/p/locations/l/endpoints/1234:generateContent", {"contents": []}, "gcp.gemini",
     "1234", "generate_content"),
    ("/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
     of_model("google/gemini-2.5-flash"), "gcp.gemini", "google/gemini-2.5-flash", "chat"),
    ("/v1beta/tunedModels/mine-1:generateContent", {"contents": []}, "gcp.gemini", "mine-1",
     "generate_content"),
    ("/models/chat/completions?api-version=1", of_model("Phi-4"), "openai", "Phi-4", "chat"),
    ("/model/amazon.titan-embed-text-v2%3A0/invoke", {"inputText": "x"}, "aws.bedrock",
     "amazon.titan-embed-text-v2:0", "embeddings"),
    ("/model/amazon.nova-canvas-v1:0/invoke", {"taskType": "TEXT_IMAGE"}, "aws.bedrock",
     "amazon.nova-canvas-v1:0", "image_generation"),
    ("/async-invoke", {"modelId": "amazon.nova-reel-v1:1", "modelInput": {}}, "aws.bedrock",
     "amazon.nova-reel-v1:1", "video_generation"),
    ("/v2/chat", of_model("command-a"), "cohere", "command-a", "chat"),
    ("/v2/embed", {"model": "embed-v4", "texts": ["x"]}, "cohere", "embed-v4", "embeddings"),
    ("/v2/rerank", {"model": "rerank-v3", "query": "x", "documents": []}, "cohere", "rerank-v3",
     "rerank"),
    ("/v1/fim/completions", {"model": "codestral-x", "prompt": "x"}, "mistral_ai", "codestral-x",
     "text_completion"),
    ("/v1/ocr", {"model": "mistral-ocr", "document": {}}, "mistral_ai", "mistral-ocr",
     "transcription"),
    ("/v1/multimodalembeddings", {"model": "voyage-x", "inputs": []}, "voyageai", "voyage-x",
     "embeddings"),
    ("/api/chat", {"model": "llama3", "messages": []}, "ollama", "llama3", "chat"),
    ("/api/embed", {"model": "nomic", "input": "x"}, "ollama", "nomic", "embeddings"),
    ("/ml/v1/text/chat", {"model": "granite", "messages": []}, "ibm.watsonx.ai", "granite", "chat"),
    ("/v1/chat/completions", of_model("claude-sonnet-4"), "anthropic", "claude-sonnet-4", "chat"),
    ("/v1/chat/completions", of_model("gemini-2.5-pro"), "gcp.gemini", "gemini-2.5-pro", "chat"),
    ("/v1/chat/completions", of_model("mistral-large"), "mistral_ai", "mistral-large", "chat"),
    ("/v1/chat/completions", of_model("anthropic/claude-x"), "anthropic", "anthropic/claude-x",
     "chat"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "provider", "model", "operation"), DOCUMENTED)
def test_documented_requests_are_read(
    path: str, body: object, provider: str, model: str, operation: str
) -> None:
    """On any host."""
    request = read(path, body)

    assert request is not None
    assert (request.provider, request.model, request.operation) == (provider, model, operation)
    assert request.readable


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files",
        "/v1/files/file-1/content",
        "/v1/vector_stores",
        "/v1/threads",
        "/v1/threads/th_1/messages",
        "/v1/messages/count_tokens",
        "/v1/models",
        "/v1/fine_tuning/jobs",
        "/v1beta/models/gemini-2.5-pro:countTokens",
        "/v1beta/cachedContents",
        "/model/x/count-tokens",
        "/v1/orders",
        "/v1/projects/p:publish",
        "/2010-04-01/Accounts/AC1/Messages.json",
    ],
)
def test_other_requests_are_not_model_calls(path: str) -> None:
    """Files, conversations, counts and endpoints of other services."""
    assert read(path, {"content": "hi", "role": "user", "name": "x"}) is None


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/channels/1/messages", b"To=%2B1&Body=hi", {}),
        ("/channels/1/messages", b"\x00\x01", {}),
        ("/channels/1/messages", b'{"content": "hi"}', {}),
        ("/generate", b"\x89PNG", {}),
    ],
)
def test_a_path_that_others_have_too_needs_a_body(
    path: str, body: bytes, headers: dict[str, str]
) -> None:
    """An unreadable body does not count there, unless the host is a provider's."""
    assert read(path, body, **headers) is None
    if body[:1] != b"{":
        assert read(path, body, host="api.anthropic.com") is not None


SPELLINGS = [
    "/v1/chat/completions/",
    "/v1/chat/completions//",
    "//v1//chat//completions",
    "/v1/chat/completions?x=/y",
    "/v1/chat/completions/?x=1#f",
    "/v1/chat/./completions/.",
    "/v1/x/../chat/completions",
    "/v1/chat/completions/x/..",
    "/V1/Chat/Completions",
    "/v1/chat%2Fcompletions",
    "/v1/%63hat/completion%73",
    "/v1/%2563hat/completions",
    "/v1/chat/completions;v=1",
    "/v1/chat;a=b/completions",
    "/v1/chat/completions%20",
    "/v1\\chat\\completions",
    "http://127.0.0.1/v1/chat/completions/",
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_every_spelling_of_a_path_is_the_same_endpoint(path: str) -> None:
    """As lenient servers accept it."""
    request = read(path, CHAT)

    assert request is not None
    assert (request.provider, request.model, request.operation) == ("openai", "gpt-4o", "chat")


TEXT = json.dumps(CHAT)
HUGE = TEXT[:-1] + ', "seed": ' + "9" * 5000 + "}"
DEEP = TEXT[:-1] + ', "x": ' + "[" * 3000 + "]" * 3000 + "}"
READABLE: dict[str, tuple[bytes, dict[str, str]]] = {
    "gzip": (gzip.compress(TEXT.encode()), {"content_encoding": "gzip"}),
    "x-gzip": (gzip.compress(TEXT.encode()), {"Content_Encoding": "X-Gzip"}),
    "deflate": (zlib.compress(TEXT.encode()), {"content_encoding": "deflate"}),
    "twice": (gzip.compress(zlib.compress(TEXT.encode())), {"content_encoding": "deflate, gzip"}),
    "byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), {}),
    "UTF-16": (TEXT.encode("utf-16"), {}),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), {}),
    "UTF-32": (TEXT.encode("utf-32"), {}),
    "Latin-1": (TEXT.replace("hi", "café").encode("latin-1"), {}),
    "damaged UTF-8": (TEXT.encode().replace(b"hi", b"\xff\xc3"), {}),
    "lone surrogate": (TEXT.replace("hi", "\\ud800").encode(), {}),
    "a huge number": (HUGE.encode(), {}),
    "deep nesting": (DEEP.encode(), {}),
    "deep nesting before": (
        ('{"x": ' + "[" * 3000 + "]" * 3000 + "," + TEXT[1:]).encode(), {},
    ),
    "NaN": ((TEXT[:-1] + ', "temperature": NaN}').encode(), {}),
    "a trailing comma": ((TEXT[:-1] + ",}").encode(), {}),
    "something after": ((TEXT + " more").encode(), {}),
    "escaped keys": (TEXT.replace("model", "mod\\u0065l").encode(), {}),
    "control characters": (TEXT.replace("hi", "a\tb\n").encode(), {}),
    "no closing bracket": (TEXT[:-1].encode(), {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_of_body_is_read(kind: str) -> None:
    """A body that only a lenient parser accepts is read, too."""
    body, headers = READABLE[kind]
    request = read("/v1/chat/completions", body, **headers)

    assert request is not None
    assert (request.model, request.max_output_tokens) == ("gpt-4o", 10)
    assert request.readable
    assert request.size >= len(TEXT) - 10


BOMB = gzip.compress(b" " * 70_000_000)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (None, {}),
        (b"no JSON", {}),
        (b"\x00" * 100, {}),
        (b"[" * 10_000, {}),
        (b"no gzip", {"content_encoding": "gzip"}),
        (TEXT.encode(), {"content_encoding": "unheard-of"}),
        (BOMB, {"content_encoding": "gzip"}),
        (b"--B", {"content_type": "multipart/form-data"}),
    ],
)
def test_an_unreadable_request_is_an_unknown_call(
    body: bytes | None, headers: dict[str, str]
) -> None:
    """Never zero: the path is a model endpoint."""
    request = read("/v1/chat/completions", body, **headers)

    assert request is not None
    assert not request.readable
    assert request.unread_reason
    assert request.unseen_tokens == OPAQUE_TOKENS


def test_the_path_names_the_model_of_an_unread_body() -> None:
    """If it has one."""
    request = read(f"/model/{HAIKU}/converse", None)

    assert request is not None
    assert (request.model, request.readable) == (HAIKU, False)


def test_a_form_is_read() -> None:
    """Sound counts by its length, which is less than its bytes."""
    request = read("/v1/audio/transcriptions", FORM, content_type="multipart/form-data; boundary=B")

    assert request is not None
    assert (request.model, request.operation) == ("whisper-1", "transcription")
    assert request.has_audio
    assert 3000 <= request.size < 4000


def test_a_realtime_connection_is_an_unread_call() -> None:
    """Its messages follow later."""
    request = read("/v1/realtime?model=gpt-realtime", b"", method="GET")

    assert request is not None
    assert (request.model, request.operation) == ("gpt-realtime", "realtime")
    assert not request.readable


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


PDF = encoded(b"%PDF-1.7\n" + b"x" * 900_000)
PAGES = encoded(b"%PDF-1.7\n" + b"<< /Type /Page >>\n" * 50 + b"<< /Type /Pages /Count 50 >>")
PNG = encoded(b"\x89PNG\r\n\x1a\n" + b"\x01" * 900_000)
MP3 = encoded(b"ID3" + b"\x01" * 900_000)


def anthropic(kind: str, media_type: str, data: str) -> dict[str, Any]:
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}


DOCUMENTS: dict[str, dict[str, Any]] = {
    "anthropic": anthropic("document", "application/pdf", PDF),
    "anthropic, as an image": anthropic("image", "image/png", PDF),
    "openai": {"type": "file", "file": {"file_data": "data:application/pdf;base64," + PDF}},
    "openai responses": {"type": "input_file", "file_data": "data:application/pdf;base64," + PDF},
    "as an image's URL": {"type": "image_url",
                          "image_url": {"url": "data:image/png;base64," + PDF}},
    "gemini": {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    "bedrock": {"document": {"format": "pdf", "name": "x", "source": {"bytes": PDF}}},
    "base64-like text": {"type": "text", "text": PNG},
    "tool arguments": {"type": "tool_use", "input": anthropic("image", "image/png", PNG)},
    "unknown place": {"type": "text", "text": "x", "data": PNG},
}  # fmt: skip


def with_block(block: object, **more: Any) -> ModelRequest:
    body = {**CHAT, "messages": [{"role": "user", "content": [block]}], **more}
    request = read("/v1/chat/completions", body)
    assert request is not None
    return request


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_documents_and_text_count_by_their_bytes(kind: str) -> None:
    """An encoded document is not an image, and seemingly encoded data may be text."""
    assert with_block(DOCUMENTS[kind]).size >= 900_000


def test_a_short_document_counts_by_its_pages() -> None:
    """At a minimum."""
    assert with_block(anthropic("document", "application/pdf", PAGES)).size > 50 * PAGE_TOKENS
    short = anthropic("document", "application/pdf", encoded(b"%PDF-1.7"))
    assert with_block(short).size > LEAST_DOCUMENT_TOKENS


@pytest.mark.parametrize(
    "block",
    [
        anthropic("image", "image/png", PNG),
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}},
        {"type": "input_image", "image_url": "data:image/png;base64," + PNG},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a.png"}},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"type": "tool_result", "content": [anthropic("image", "image/png", PNG)]},
    ],
)
def test_an_image_counts_by_its_pixels(block: dict[str, Any]) -> None:
    """With the limits of the providers."""
    request = with_block(block)

    assert IMAGE_TOKENS <= request.size < IMAGE_TOKENS + 1000
    assert request.unseen_tokens == UNSEEN_TOKENS


@pytest.mark.parametrize(
    "block",
    [
        {"type": "input_audio", "input_audio": {"data": MP3, "format": "mp3"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": MP3}},
    ],
)
def test_sound_counts_by_its_length(block: dict[str, Any]) -> None:
    """At the minimum bytes per second."""
    request = with_block(block)

    assert request.has_audio
    assert 30_000 <= request.size < 32_000


@pytest.mark.parametrize(
    "block",
    [
        {"type": "input_file", "file_id": "file-1"},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        {"type": "document", "source": {"type": "file", "file_id": "file-1"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
        {"type": "document_url", "document_url": "https://example.org/a.pdf"},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.org/1"}},
        {"file_data": {"mime_type": "video/mp4", "file_uri": "https://example.org/1"}},
        {"document": {"source": {"s3Location": {"uri": "s3://b/a.pdf"}}}},
        {"video": {"source": {"s3Location": {"uri": "s3://b/a.mp4"}}}},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "container_upload", "file_id": "file-1"},
    ],
)
def test_referenced_input_counts_as_a_context_window(block: dict[str, Any]) -> None:
    """The request does not contain its size."""
    for body in (block, json.loads(json.dumps(block))):
        request = with_block(body)
        assert request.unseen_tokens == OPAQUE_TOKENS
        assert request.hidden_input


def test_an_escaped_key_hides_no_file() -> None:
    """JSON of users that a gateway forwards may use any escapes."""
    body = json.dumps({**CHAT, "messages": [{"content": [{"type": "x", "file": {"a": "file-1"}}]}]})
    body = body.replace('"file"', '"\\u0066ile"').replace('"a"', '"\\u0066ile_id"')
    request = read("/v1/chat/completions", body.encode())

    assert request is not None
    assert request.unseen_tokens == OPAQUE_TOKENS


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"previous_response_id": "r"}, OPAQUE_TOKENS),
        ({"conversation": {"id": "c"}}, OPAQUE_TOKENS),
        ({"prompt": {"id": "p"}}, OPAQUE_TOKENS),
        ({"cachedContent": "cachedContents/1"}, OPAQUE_TOKENS),
        ({"tools": [{"type": "web_search_20250305"}]}, HIDDEN_TOKENS),
        ({"tools": [{"googleSearch": {}}]}, HIDDEN_TOKENS),
        ({"tools": [{"urlContext": {}}]}, HIDDEN_TOKENS),
        ({"mcp_servers": [{"url": "x"}]}, HIDDEN_TOKENS),
        ({"web_search_options": {"x": 1}}, HIDDEN_TOKENS),
        ({"tools": [{"type": "function", "function": {"name": "web_search"}}]}, UNSEEN_TOKENS),
        ({}, UNSEEN_TOKENS),
    ],
    ids=str,
)
def test_tokens_added_by_a_provider_count(more: dict[str, Any], tokens: int) -> None:
    """Stored input, searches, and tools that run at the provider."""
    request = with_block({"type": "text", "text": "hi"}, **more)

    assert request.unseen_tokens == tokens
    assert request.input_ceiling_tokens == request.size + tokens


@pytest.mark.parametrize(
    ("more", "limit"),
    [
        ({"max_tokens": 300}, 300),
        ({"max_completion_tokens": 400, "max_tokens": 300}, 400),
        ({"max_tokens": 300.0}, 300),
        ({"max_tokens": "300"}, 300),
        ({"max_tokens": True}, None),
        ({"max_tokens": 300, "n": 3}, 900),
        ({"max_tokens": None, "generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}},
         100),
        ({"max_tokens": None, "inferenceConfig": {"maxTokens": 70}}, 70),
        ({"max_tokens": None, "options": {"num_predict": 70}}, 70),
        ({"max_tokens": None, "parameters": {"max_new_tokens": 70}}, 70),
    ],
    ids=str,
)  # fmt: skip
def test_the_output_a_request_allows(more: dict[str, Any], limit: int | None) -> None:
    """In all its choices together."""
    assert with_block({}, **more).max_output_tokens == limit


def test_a_batch_allows_what_its_requests_allow() -> None:
    """Their sum, if each has a limit."""
    body = {"requests": [{"custom_id": str(i), "params": CHAT} for i in range(3)]}
    request = read("/v1/messages/batches", body)

    assert request is not None
    assert request.max_output_tokens == 30


def test_images_and_videos_are_counted() -> None:
    """By the requested number and size."""
    images = read("/v1/images/generations", {"model": "gpt-image-1", "prompt": "x", "n": 4})
    video = read("/v1/videos", {"model": "sora-2", "prompt": "x", "seconds": "8"})

    assert images is not None
    assert images.outputs == 4
    assert images.max_output_tokens == 4 * 6240
    assert video is not None
    assert video.output_seconds == 8


def test_a_moderation_is_free_where_it_is() -> None:
    """Other providers charge for them."""
    body = {"model": "m", "input": "hi"}
    free = read("/v1/moderations", body)
    charged = read("/v1/moderations", body, host="api.mistral.ai")

    assert free is not None
    assert charged is not None
    assert (free.is_free, charged.is_free) == (True, False)


def test_a_reader_that_fails_gives_an_unknown_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """It neither raises nor admits the request at zero."""
    monkeypatch.setattr(requests, "read_body", lambda *_: 1 / 0)
    request = read("/v1/chat/completions", CHAT)

    assert request is not None
    assert not request.readable
