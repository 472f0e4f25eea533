"""Texts to measure on, made from a seed so that every run measures the same."""

from __future__ import annotations

import json
import random

_VOCABULARY = (
    "the of and to in is you that it was for on are as with his they at be this have from or one "
    "had by word but not what all were we when your can said there use an each which she do how "
    "their if will up other about out many then them these so some her would make like him into "
    "time has look two more write go see number no way could people my than first water been call "
    "who oil its now find long down day did get come made may part please summarise the following "
    "request response model answer question customer support order account issue product service "
    "team meeting schedule deadline report budget forecast analysis database function variable "
    "package deployment cluster latency throughput regression pipeline token embedding retrieval"
)

_WORDS = _VOCABULARY.split()

_PERSONAL = (
    "maria.lopez{n}@example.org",
    "+1 415 555 {n:04d}",
    "4111 1111 1111 1111",
    "GB29 NWBK 6016 1331 9268 19",
    "192.168.{m}.{k}",
    "sk-proj-{h}",
    "password=hunter{n}!",
)


def prose(characters: int, *, personal: float = 0.0, seed: int = 1) -> str:
    """Return prose of that length in which the share *personal* of characters is personal data."""
    source = random.Random(seed)
    parts: list[str] = []
    length = hidden = 0
    while length < characters:
        if hidden < personal * length:
            part = source.choice(_PERSONAL).format(
                n=source.randrange(10000),
                m=source.randrange(256),
                k=source.randrange(256),
                h="".join(source.choices("abcdefghijkmnopqrstuvwxyzABCDEFGH23456789", k=32)),
            )
            hidden += len(part)
        else:
            sentence = " ".join(source.choices(_WORDS, k=source.randrange(6, 16)))
            part = sentence.capitalize() + source.choice([".", ".", ".", "?", ",", ":"])
            if source.random() < 0.1:
                part += f" In {source.randrange(1990, 2026)} there were {source.randrange(5000)}."
        parts.append(part)
        length += len(part) + 1
    return " ".join(parts)[:characters]


def conversation(characters: int, *, personal: float = 0.0, seed: int = 2) -> str:
    """Return a chat as the JSON that model instrumentations record, of about that length."""
    text = prose(characters, personal=personal, seed=seed)
    messages = [
        {"role": ("user", "assistant")[start // 1500 % 2], "content": text[start : start + 1500]}
        for start in range(0, characters, 1500)
    ]
    return json.dumps(messages)
