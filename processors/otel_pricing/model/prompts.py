"""Digests of captured prompts, to compare prompts for equality.

A digest has sixteen bytes; nothing else of the text is kept. A store must key it first, otherwise a
guessed prompt could be looked up.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGEST_BYTES = 16
_HIDDEN = "__REDACTED__"
"""OpenInference's replacement of hidden content: equal for all prompts."""

# Attributes of one dialect: the prompt consists of messages and instructions.
_WHOLE = (
    ("gen_ai.system_instructions", "gen_ai.input.messages"),
    ("langfuse.observation.input",),
    ("input.value",),
    ("gen_ai.prompt",),
)
# Prefixes of dialects with one attribute for each message and part.
_IN_PIECES = (
    ("llm.input_messages.0.message.role", "llm.input_messages."),
    ("gen_ai.prompt.0.role", "gen_ai.prompt."),
    ("gen_ai.prompt.0.content", "gen_ai.prompt."),
)
_PROMPTS = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "input.value",
    "langfuse.observation.input",
    "llm.input_messages.",
)
# Marks in the parts of messages: {"modality": "audio"}, {"type": "input_audio"},
# {"mime_type": "video/mp4"}; or the value of an attribute with one part's type.
_SOUND = re.compile(
    r"""[\\"']?(?:type|modality|mime_?type|media_?type)\\?["']\s*:\s*\\?["'](?:input_)?(?:audio|video)"""
    r"""|\A(?:input_)?(?:audio|video)(?:_url|/[\w.+-]+)?\Z""",
    re.IGNORECASE,
)


def prompt_digest(attributes: Mapping[str, object]) -> bytes | None:
    """Return a digest of the prompt in *attributes*; None without a captured prompt.

    Prompts that differ in one character have different digests. So have two dialects for the same
    prompt; only calls of one instrumentation can be compared.
    """
    for mark, prefix in _IN_PIECES:
        if mark in attributes:
            pieces = sorted(name for name in attributes if name.startswith(prefix))
            return _digest([(name, attributes[name]) for name in pieces])
    for names in _WHOLE:
        if attributes.get(names[-1]):
            return _digest([(name, attributes.get(name)) for name in names])
    return None


def prompt_has_sound(attributes: Mapping[str, object]) -> bool:
    """Return whether the prompt in *attributes* has a part of audio or video.

    False without a captured prompt: most calls of models with audio input are text only.
    """
    for name, value in attributes.items():
        if name.startswith(_PROMPTS) and isinstance(value, str):
            # The words first: that is fast, and most prompts have neither.
            if ("audio" in value or "video" in value) and _SOUND.search(value):
                return True
    return False


def _digest(prompt: list[tuple[str, object]]) -> bytes | None:
    # ASCII, so that lone surrogates in untrusted text do not raise.
    text = json.dumps(prompt, default=str)
    if _HIDDEN in text:
        return None
    return hashlib.blake2b(text.encode("ascii"), digest_size=DIGEST_BYTES).digest()
