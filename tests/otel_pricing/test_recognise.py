"""Recognition of model calls among spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_pricing import SpanRecord, is_model_call, read_call
from otel_pricing.model.operations import OPERATIONS, Family, family, inference

if TYPE_CHECKING:
    from collections.abc import Callable


def read(attributes: dict[str, object], scope: str = "some.scope") -> str | None:
    """Return the operation read from a span, or None."""
    call = read_call(SpanRecord(trace_id=1, span_id=2, scope_name=scope, attributes=attributes))
    return call.operation if call else None


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("chat", "chat"),
        ("text_completion", "text_completion"),
        ("generate_content", "generate_content"),
        ("embeddings", "embeddings"),
        ("embedding", "embeddings"),
        ("rerank", "rerank"),
        ("responses", "chat"),
        ("acompletion", "chat"),
        ("image_generation", "image_generation"),
        ("transcription", "transcription"),
        ("Chat", "chat"),
    ],
)
def test_an_inference_operation_is_a_model_call(name: str, operation: str) -> None:
    """Spellings of one operation are one operation."""
    assert read({"gen_ai.operation.name": name, "gen_ai.request.model": "m"}) == operation


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"gen_ai.operation.name": "invoke_agent"}, id="agent"),
        pytest.param({"gen_ai.operation.name": "create_agent"}, id="agent being made"),
        pytest.param({"gen_ai.operation.name": "execute_tool"}, id="tool"),
        pytest.param({"gen_ai.operation.name": "execute_task"}, id="task"),
        pytest.param({"gen_ai.operation.name": "invoke_workflow"}, id="workflow"),
        pytest.param({"gen_ai.operation.name": "retrieval"}, id="retrieval"),
        pytest.param({"gen_ai.operation.name": "unheard_of"}, id="unknown operation"),
        pytest.param({"openinference.span.kind": "CHAIN"}, id="chain"),
        pytest.param({"openinference.span.kind": "AGENT"}, id="OpenInference agent"),
        pytest.param({"openinference.span.kind": "TOOL"}, id="OpenInference tool"),
        pytest.param({"openinference.span.kind": "RETRIEVER"}, id="retriever"),
        pytest.param({"openinference.span.kind": "GUARDRAIL"}, id="guardrail"),
        pytest.param({"openinference.span.kind": 7}, id="kind that is no text"),
        pytest.param({"traceloop.span.kind": "workflow"}, id="OpenLLMetry workflow"),
        pytest.param({"traceloop.span.kind": "agent"}, id="OpenLLMetry agent"),
        pytest.param({"gen_ai.agent.name": "planner"}, id="agent without an operation"),
        pytest.param({"gen_ai.tool.name": "search"}, id="tool without an operation"),
        pytest.param({"http.request.method": "POST", "url.full": "https://x"}, id="HTTP"),
        pytest.param({}, id="nothing"),
    ],
)
def test_repetitions_and_parents_of_a_call_are_not_calls(attributes: dict[str, object]) -> None:
    """Agents, tools, chains and tasks repeat usage; counting it again doubles the bill."""
    usage: dict[str, object] = {
        "gen_ai.usage.input_tokens": 1200,
        "llm.token_count.prompt": 1200,
        "llm.token_count.completion": 300,
    }
    http_attributes: dict[str, object] = attributes if "http.request.method" in attributes else {}
    assert read(attributes | usage | http_attributes) is None


def test_a_container_that_names_a_model_is_still_a_container() -> None:
    """Frameworks set the model on the agent's span as well."""
    assert read({"gen_ai.agent.name": "planner", "gen_ai.request.model": "gpt-4o"}) is None


@pytest.mark.parametrize(
    ("model", "operation"), [("gpt-4o", "chat"), ("text-embedding-3-small", "embeddings")]
)
def test_the_first_conventions_had_no_operation(model: str, operation: str) -> None:
    """A span that names a system and a model is a call of it."""
    assert read({"gen_ai.system": "openai", "gen_ai.request.model": model}) == operation


def test_the_quick_look_never_misses_a_model_call() -> None:
    """Every span that `read_call` reads passes `is_model_call`."""
    for attributes in (
        {"gen_ai.operation.name": "chat"},
        {"gen_ai.request.model": "m"},
        {"gen_ai.response.model": "m"},
        {"openinference.span.kind": "LLM"},
        {"llm.request.type": "chat"},
    ):
        assert is_model_call(attributes, "any")


@pytest.mark.parametrize(
    ("attributes", "scope"),
    [
        ({"http.request.method": "GET", "http.route": "/"}, "opentelemetry.instrumentation.flask"),
        ({"db.query.text": "SELECT 1"}, "opentelemetry.instrumentation.sqlite3"),
        ({"k": 1}, "my.app"),
        ({}, ""),
    ],
)
def test_the_quick_look_turns_other_spans_away(attributes: dict[str, object], scope: str) -> None:
    """Spans of web servers, databases and the application are not inspected."""
    assert not is_model_call(attributes, scope)


def test_every_operation_has_a_family() -> None:
    """Only calls of one family are compared."""
    for spelling, (operation, kind) in OPERATIONS.items():
        assert inference(spelling) == operation
        assert inference(operation) == operation
        assert family(operation) is kind
    assert inference("agent") is None
    assert family("anything") is Family.TEXT


def test_a_span_with_an_invalid_model_name_is_not_a_call() -> None:
    """Without an operation, only the model's name identifies a call."""
    assert read({"gen_ai.request.model": 7, "gen_ai.usage.input_tokens": 1200}) is None


def test_a_method_that_only_prepares_a_request_is_not_a_model_call(
    record: Callable[..., SpanRecord],
) -> None:
    """LlamaIndex sets the kind LLM on every method of a model; a call with usage counts."""
    http_attributes: dict[str, object] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
    }
    usage = http_attributes | {"llm.token_count.prompt": 5}

    assert read_call(record(http_attributes, name="OpenAI._prepare_chat_with_tools")) is None
    assert read_call(record(usage, name="OpenAI._chat")) is not None
    assert read_call(record(http_attributes, name="OpenAI.chat")) is not None
