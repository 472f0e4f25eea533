"""Operations of model calls; only they are billed by a provider.

Agents, tools, chains and workflows repeat the usage of their inner calls; counting them too would
double the bill.
"""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """Output type of a model call; spans of different families are never the same call."""

    TEXT = "text"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    IMAGE = "image"
    AUDIO = "audio"
    MODERATION = "moderation"
    VIDEO = "video"


OPERATIONS: dict[str, tuple[str, Family]] = {
    "chat": ("chat", Family.TEXT),
    "chat_completion": ("chat", Family.TEXT),
    "chat.completions": ("chat", Family.TEXT),
    "message": ("chat", Family.TEXT),
    "messages": ("chat", Family.TEXT),
    "response": ("chat", Family.TEXT),
    "responses": ("chat", Family.TEXT),
    "text_completion": ("text_completion", Family.TEXT),
    "completion": ("text_completion", Family.TEXT),
    "acompletion": ("chat", Family.TEXT),
    "atext_completion": ("text_completion", Family.TEXT),
    "aresponses": ("chat", Family.TEXT),
    "anthropic_messages": ("chat", Family.TEXT),
    "converse": ("chat", Family.TEXT),
    "invoke_model": ("chat", Family.TEXT),
    "generate_content": ("generate_content", Family.TEXT),
    "agenerate_content": ("generate_content", Family.TEXT),
    "embeddings": ("embeddings", Family.EMBEDDING),
    "embedding": ("embeddings", Family.EMBEDDING),
    "aembedding": ("embeddings", Family.EMBEDDING),
    "embed": ("embeddings", Family.EMBEDDING),
    "embed_content": ("embeddings", Family.EMBEDDING),
    "rerank": ("rerank", Family.RERANK),
    "arerank": ("rerank", Family.RERANK),
    "reranking": ("rerank", Family.RERANK),
    "image_generation": ("image_generation", Family.IMAGE),
    "aimage_generation": ("image_generation", Family.IMAGE),
    "generate_images": ("image_generation", Family.IMAGE),
    "image_edit": ("image_generation", Family.IMAGE),
    "image": ("image_generation", Family.IMAGE),
    "transcription": ("transcription", Family.AUDIO),
    "atranscription": ("transcription", Family.AUDIO),
    "audio_transcription": ("transcription", Family.AUDIO),
    "translation": ("transcription", Family.AUDIO),
    "speech": ("speech", Family.AUDIO),
    "aspeech": ("speech", Family.AUDIO),
    "text_to_speech": ("speech", Family.AUDIO),
    "audio": ("speech", Family.AUDIO),
    "speech_to_text": ("transcription", Family.AUDIO),
    "audio.speech": ("speech", Family.AUDIO),
    "generate_speech": ("speech", Family.AUDIO),
    "audio.transcriptions": ("transcription", Family.AUDIO),
    "transcribe": ("transcription", Family.AUDIO),
    "audio_translation": ("transcription", Family.AUDIO),
    "create_image": ("image_generation", Family.IMAGE),
    "generate_image": ("image_generation", Family.IMAGE),
    "images.generate": ("image_generation", Family.IMAGE),
    "image_variation": ("image_generation", Family.IMAGE),
    "ocr": ("ocr", Family.TEXT),
    "aocr": ("ocr", Family.TEXT),
    "converse_stream": ("chat", Family.TEXT),
    "invoke_model_with_response_stream": ("chat", Family.TEXT),
    "generate_content_stream": ("generate_content", Family.TEXT),
    "responses.create": ("chat", Family.TEXT),
    "text_generation": ("text_completion", Family.TEXT),
    "llm_request": ("chat", Family.TEXT),
    "llm_call": ("chat", Family.TEXT),
    "realtime": ("realtime_inference", Family.TEXT),
    "realtime_inference": ("realtime_inference", Family.TEXT),
    "video_generation": ("video_generation", Family.VIDEO),
    "avideo_generation": ("video_generation", Family.VIDEO),
    "generate_videos": ("video_generation", Family.VIDEO),
    "generate_video": ("video_generation", Family.VIDEO),
    "create_video": ("video_generation", Family.VIDEO),
    "moderation": ("moderation", Family.MODERATION),
    "amoderation": ("moderation", Family.MODERATION),
}
"""Spelling on a span -> canonical spelling and family. Everything else is not a model call."""


def inference(operation: str) -> str | None:
    """Return the canonical spelling of a model-call *operation*, or None for others."""
    known = OPERATIONS.get(operation.lower())
    return known[0] if known else None


def family(operation: str) -> Family:
    """Return the family of *operation*."""
    known = OPERATIONS.get(operation)
    return known[1] if known else Family.TEXT
