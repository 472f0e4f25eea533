"""Nodes of graphs: a span each, the keys of the state on it, its values nowhere."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import metrics, trace

import otel_distro
from otel_distro.api.measuring.graph_nodes import keys_of

if TYPE_CHECKING:
    from .conftest import GuardedSdk

State = dict[str, Any]


@pytest.fixture(autouse=True)
def _in_this_sdk(sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: sdk.tracer_provider)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: sdk.meter_provider)


@otel_distro.graph_node(agent="researcher")
def research(state: State, *, depth: int = 1) -> State:
    """Collect notes."""
    if state["question"] is None:
        raise KeyError("question of ada@lovelace.example")
    return {"notes": state["question"] * depth}


def test_a_node_is_a_span_with_the_keys_of_its_state(sdk: GuardedSdk) -> None:
    """The node's arguments and result are unchanged."""
    assert research({"question": "where?", "user": "Ada"}, depth=2) == {"notes": "where?where?"}

    (span,) = sdk.spans()
    assert span.name == "invoke_agent researcher.research"
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "researcher",
        "otel_distro.graph.node": "research",
        "otel_distro.graph.input_keys": ("question", "user"),
        "otel_distro.graph.output_keys": ("notes",),
        "otel_distro.component": "graph",
    }


def test_an_error_is_recorded_redacted_and_raised_on(sdk: GuardedSdk) -> None:
    """With the input keys, which often explain it."""
    with pytest.raises(KeyError):
        research({"question": None})

    (span,) = sdk.spans()
    assert span.attributes["error.type"] == "KeyError"
    assert span.attributes["otel_distro.graph.input_keys"] == ("question",)
    assert "lovelace" not in span.to_json()


def test_asynchronous_nodes_and_methods_are_nodes_too(sdk: GuardedSdk) -> None:
    """Each keeps its kind and the signature that graph libraries inspect."""

    class Team:
        @otel_distro.graph_node
        async def write(self, state: State) -> State:
            await asyncio.sleep(0)
            return {"answer": state["notes"]}

    assert asyncio.run(Team().write({"notes": 1})) == {"answer": 1}
    assert asyncio.run(Team().write(state={"notes": 1})) == {"answer": 1}
    assert list(inspect.signature(Team.write).parameters) == ["self", "state"]
    assert inspect.iscoroutinefunction(Team.write)
    for span in sdk.spans():
        assert span.name == "invoke_agent write"
        assert span.attributes["otel_distro.graph.input_keys"] == ("notes",)


@dataclass
class Notes:
    question: str = ""
    sources: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ({"b": 1, "a": 2}, ["a", "b"]),
        (Notes("who?"), ["question", "sources"]),
        (type("Model", (), {"model_fields": {"x": 1}})(), ["x"]),
        (SimpleNamespace(goto="write", update={"notes": "x"}), ["notes"]),
        ("a text", []),
        (None, []),
    ],
    ids=["mapping", "dataclass", "pydantic", "command", "text", "nothing"],
)
def test_the_keys_of_a_state_of_any_kind(state: object, keys: list[str]) -> None:
    """Results without keys have none."""
    assert keys_of(state) == keys


@given(state=st.dictionaries(st.text(max_size=5) | st.integers(), st.none(), max_size=200))
def test_there_are_at_most_a_hundred(state: dict[Any, None]) -> None:
    """Keys of a state may be ids."""
    assert len(keys_of(state)) == min(100, len(state))
