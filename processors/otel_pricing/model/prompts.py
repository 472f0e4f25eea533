"""A digest of a call's prompt, where a span carries it: enough to see that two prompts are equal.

The text goes in and sixteen bytes come out; nothing else of it is kept. A store of the digest
has to key it first, or a guessed prompt could be looked up.
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

# Attributes that one dialect writes together: messages and instructions together make the prompt.
_WHOLE = (
    ("gen_ai.system_instructions", "gen_ai.input.messages"),
    ("langfuse.observation.input",),
    ("input.value",),
    ("gen_ai.prompt",),
)
# What others write as one attribute for each message and part: where that begins.
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
# As the parts of messages say it: {"modality": "audio"}, {"type": "input_audio"},
# {"mime_type": "video/mp4"}; or the value of an attribute that is one part's type.
_SOUND = re.compile(
    r"""[\\"']?(?:type|modality|mime_?type|media_?type)\\?["']\s*:\s*\\?["'](?:input_)?(?:audio|video)"""
    r"""|\A(?:input_)?(?:audio|video)(?:_url|/[\w.+-]+)?\Z""",
    re.IGNORECASE,
)


def prompt_digest(attributes: Mapping[str, object]) -> bytes | None:
    """Return a digest of the prompt in *attributes*; None where no prompt is captured.

    Prompts that differ in one character differ in it. Two dialects have different digests of one
    prompt, so only calls of one instrumentation can be compared.
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

    False where no prompt is captured: most calls of models that can listen are of text alone.
    """
    for name, value in attributes.items():
        if name.startswith(_PROMPTS) and isinstance(value, str):
            # The words alone first: that is fast, and most prompts have neither.
            if ("audio" in value or "video" in value) and _SOUND.search(value):
                return True
    return False


def _digest(said: list[tuple[str, object]]) -> bytes | None:
    # ASCII, so that lone surrogates, which come from outside too, do not raise.
    text = json.dumps(said, default=str)
    if _HIDDEN in text:
        return None
    return hashlib.blake2b(text.encode("ascii"), digest_size=DIGEST_BYTES).digest()
