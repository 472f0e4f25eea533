"""A LangGraph agent: a span for each node, with the keys of its state and never their values.

A state contains texts of users. The keys that a node reads and writes are enough to see how an
agent works, so `graph_node` puts only these on spans.
"""

import sys
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from langgraph.graph import END, START, StateGraph
from models import openai_client

import otel_distro

AGENT = "researcher"


class State(TypedDict, total=False):
    """State shared by the nodes."""

    question: str
    notes: str
    answer: str


def ask(text: str) -> str:
    """Ask the model."""
    done = openai_client().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": text}]
    )
    return str(done.choices[0].message.content)


@otel_distro.graph_node(agent=AGENT)
def research(state: State) -> State:
    """Collect notes."""
    return {"notes": ask(f"What is known about: {state['question']}")}


@otel_distro.graph_node(agent=AGENT)
def write(state: State) -> State:
    """Turn notes into an answer."""
    return {"answer": ask(f"Answer {state['question']} from {state['notes']}")}


def build() -> Any:
    """Return the compiled graph."""
    graph = StateGraph(State)
    graph.add_node("research", research)
    graph.add_node("write", write)
    graph.add_edge(START, "research")
    graph.add_edge("research", "write")
    graph.add_edge("write", END)
    return graph.compile()


def main() -> None:
    """Answer one question, within a session."""
    with otel_distro.session(), otel_distro.event_span("agent", agent=AGENT):
        result = build().invoke({"question": "Where does ada@lovelace.example live?"})
    print(result["answer"])


if __name__ == "__main__":
    main()
