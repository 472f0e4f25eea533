"""Spans of the nodes of an agent's graph, with the keys of the state and never its values.

A state contains messages of users. The keys that a node reads and writes suffice to follow an
agent. No graph library is imported: a node is a function from a state to its changes, as in
LangGraph.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

from otel_distro.api.measuring.tracing import measure
from otel_distro.base import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable

_Node = TypeVar("_Node", bound="Callable[..., Any]")

_MOST_KEYS = 100
_INVOKE_AGENT = "invoke_agent"


@overload
def graph_node(node: _Node, /) -> _Node: ...
@overload
def graph_node(*, agent: str = ..., name: str = ...) -> Callable[[_Node], _Node]: ...


def graph_node(node: Any = None, /, *, agent: str = "", name: str = "") -> Any:
    """Measure a node of a graph, sync or async, as `invoke_agent AGENT.NODE`.

    The span has the keys of input and output state, the name of the *agent*, and the error if there
    was one. *name* defaults to the function's name.
    """
    if node is None:
        return lambda function: _measured(function, agent, name)
    return _measured(node, agent, name)


def _measured(node: Any, agent: str, name: str) -> Any:
    name = name or getattr(node, "__name__", type(node).__name__)
    span_name = f"{_INVOKE_AGENT} {agent}.{name}" if agent else f"{_INVOKE_AGENT} {name}"
    constant = {names.GEN_AI_OPERATION: _INVOKE_AGENT, names.GRAPH_NODE: name}
    if agent:
        constant[names.AGENT_NAME] = agent
    state_of = _finder_of_the_state(node)

    def measured(args: tuple[Any, ...], kwargs: dict[str, Any]) -> measure:
        attributes = {**constant, names.GRAPH_INPUT_KEYS: keys_of(state_of(args, kwargs))}
        return measure(span_name, component="graph", attributes=attributes)

    if inspect.iscoroutinefunction(node):

        @wraps(node)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with measured(args, kwargs) as running:
                written = await node(*args, **kwargs)
                running.set(names.GRAPH_OUTPUT_KEYS, keys_of(written))
                return written

        return run_async

    @wraps(node)
    def run(*args: Any, **kwargs: Any) -> Any:
        with measured(args, kwargs) as running:
            written = node(*args, **kwargs)
            running.set(names.GRAPH_OUTPUT_KEYS, keys_of(written))
            return written

    return run


def _finder_of_the_state(node: Any) -> Callable[[tuple[Any, ...], dict[str, Any]], object]:
    """Return a function that gets the state, the first argument, from the arguments of a call."""
    parameters = list(inspect.signature(node).parameters)
    at = 1 if parameters[:1] in (["self"], ["cls"]) else 0
    word = parameters[at] if len(parameters) > at else ""
    return lambda args, kwargs: args[at] if len(args) > at else kwargs.get(word)


def keys_of(state: object) -> list[str]:
    """Return the keys of *state*: a mapping, a dataclass, a pydantic model.

    A command of a graph library has them in its `update`. Other results have no keys.
    """
    try:
        found: Any = ()
        if isinstance(state, Mapping):
            found = state
        elif hasattr(state, "goto"):
            return keys_of(getattr(state, "update", None))
        elif model := getattr(type(state), "model_fields", None):
            found = model
        elif is_dataclass(state):
            found = [field.name for field in fields(state)]
        return sorted(str(key) for key in found)[:_MOST_KEYS]
    except Exception:  # an unusual state type must not fail the app
        return []
