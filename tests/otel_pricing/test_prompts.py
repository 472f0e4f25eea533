"""Digests of prompts: they show equality and contain no text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing.model.prompts import DIGEST_BYTES, prompt_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing import ModelCall

SAYING: dict[str, Callable[[str], dict[str, object]]] = {
    "conventions": lambda text: {"gen_ai.input.messages": f'[{{"content": "{text}"}}]'},
    "structured": lambda text: {"gen_ai.input.messages": [{"content": text}]},
    "OpenInference": lambda text: {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": text,
    },
    "OpenInference, as a whole": lambda text: {"input.value": text},
    "OpenLLMetry of old": lambda text: {
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": text,
    },
    "LangSmith": lambda text: {"gen_ai.prompt": text},
    "Langfuse": lambda text: {"langfuse.observation.input": text},
}


@pytest.mark.parametrize("dialect", SAYING)
def test_equal_prompts_have_equal_digests_and_others_do_not(dialect: str) -> None:
    """With any other attributes of the span."""
    say = SAYING[dialect]

    digest = prompt_digest(say("Where is Paris?"))

    assert digest is not None
    assert len(digest) == DIGEST_BYTES
    assert prompt_digest({"gen_ai.response.id": "r", **say("Where is Paris?")}) == digest
    assert prompt_digest(say("Where is Rome?")) != digest


def test_the_instructions_are_a_part_of_the_prompt() -> None:
    """The same question with other instructions is another prompt."""
    question = {"gen_ai.input.messages": "[]x"}

    assert prompt_digest(question) != prompt_digest({**question, "gen_ai.system_instructions": "b"})


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.input.messages": ""},
        {"input.value": "__REDACTED__"},
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "__REDACTED__",
        },
    ],
)
def test_a_prompt_that_is_not_captured_has_no_digest(attributes: dict[str, object]) -> None:
    """Hidden prompts would all be equal."""
    assert prompt_digest(attributes) is None


@given(st.text())
def test_any_text_has_a_digest(text: str) -> None:
    """Lone surrogates too."""
    assert prompt_digest({"input.value": f"x{text}\ud800"}) is not None


def test_a_call_carries_the_digest(read: Callable[..., ModelCall]) -> None:
    """It is read with the rest of the span."""
    call = read({"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[1]"})

    assert call.prompt_mark == prompt_digest({"gen_ai.input.messages": "[1]"})
