"""Operations of model endpoints, spelled as in `gen_ai.operation.name` if defined there."""

from __future__ import annotations

CHAT = "chat"
TEXT_COMPLETION = "text_completion"
GENERATE_CONTENT = "generate_content"
EMBEDDINGS = "embeddings"
RERANK = "rerank"
IMAGE = "image_generation"
SPEECH = "speech"
TRANSCRIPTION = "transcription"
VIDEO = "video_generation"
MODERATION = "moderation"
REALTIME = "realtime"
BATCH = "batch"

WITHOUT_OUTPUT = frozenset({EMBEDDINGS, RERANK, MODERATION})
"""Operations that are not charged for output."""
