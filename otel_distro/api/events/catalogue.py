"""The catalogue of events: name, severity, meaning, and the attributes each carries.

The standard events are here; an app adds its own with `define_event`. The table in `docs/api.md` is
generated from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from otel_distro.base import attributes as names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Severity = Literal["debug", "info", "warning", "error"]
Kind = Literal["string", "integer", "number", "boolean"]

PREFIX = "app."
"""Prefix of the full name of every event: `app.component.action`."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_TYPES: dict[Kind, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an event."""

    name: str
    kind: Kind
    meaning: str
    word: str = ""
    """The keyword argument, by default the last part of its name."""
    required: bool = False

    @property
    def keyword(self) -> str:
        """The keyword argument of `track_event`."""
        return self.word or self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class EventType:
    """Definition of the events of one name: meaning and attributes."""

    name: str
    """Without the prefix: `component.action`."""
    severity: Severity
    meaning: str
    attributes: tuple[Attribute, ...] = ()

    @property
    def full_name(self) -> str:
        """The `event.name` of its log records."""
        return PREFIX + self.name


SESSION_ID = Attribute(
    "session.id", "string", "the session; from `session()` by default", "session_id"
)
AGENT = Attribute("gen_ai.agent.name", "string", "the agent", "agent", required=True)
MODEL = Attribute("gen_ai.request.model", "string", "the requested model", "model", required=True)
PROVIDER = Attribute("gen_ai.provider.name", "string", "the provider of the model", "provider")
DURATION = Attribute(names.EVENT_DURATION_MS, "number", "duration in milliseconds", "duration_ms")
ERROR = Attribute(names.ERROR_TYPE, "string", "class of the error", "error", required=True)
CACHE = Attribute(
    "otel_distro.cache.name", "string", "which cache; never its keys or values", "cache"
)
TOOL = Attribute("gen_ai.tool.name", "string", "the tool to use", "tool")
INPUT = Attribute("gen_ai.usage.input_tokens", "integer", "tokens sent")
OUTPUT = Attribute("gen_ai.usage.output_tokens", "integer", "tokens received")

ASKED = Attribute(
    names.EVENT_INPUT_LENGTH, "integer", "length of the question in characters; never the text"
)
ANSWERED = Attribute(
    names.EVENT_OUTPUT_LENGTH, "integer", "length of the answer in characters; never the text"
)

STANDARD: tuple[EventType, ...] = (
    EventType("session.start", "info", "a session begins", (SESSION_ID,)),
    EventType("session.stop", "info", "a session ends normally", (SESSION_ID, DURATION)),
    EventType("session.error", "error", "a session fails", (ERROR, SESSION_ID, DURATION)),
    EventType("request.start", "info", "the app receives a question", (ASKED,)),
    EventType("request.stop", "info", "the app answers", (ASKED, ANSWERED, DURATION)),
    EventType("request.error", "error", "the app fails to answer", (ERROR, ASKED, DURATION)),
    EventType("agent.dispatch", "info", "an agent receives a task", (AGENT, TOOL)),
    EventType("agent.complete", "info", "an agent completes its task", (AGENT, DURATION)),
    EventType("agent.error", "error", "an agent fails", (AGENT, ERROR, DURATION)),
    EventType("llm.request", "debug", "a model is called", (MODEL, PROVIDER)),
    EventType("llm.response", "debug", "a model answers",
              (MODEL, PROVIDER, INPUT, OUTPUT, DURATION)),
    EventType("llm.error", "error", "a model call fails", (MODEL, ERROR, PROVIDER, DURATION)),
    EventType("context.cache_hit", "debug", "context is found in a cache", (CACHE,)),
    EventType("context.cache_miss", "debug", "context is not in the cache", (CACHE,)),
)  # fmt: skip

_known: dict[str, EventType] = {event.name: event for event in STANDARD}


def define_event(
    name: str,
    *,
    meaning: str = "",
    severity: Severity = "info",
    attributes: Iterable[Attribute] = (),
) -> EventType:
    """Add an app-specific event to the catalogue, such as `checkout.complete`.

    Raises ValueError for a name that is not `component.action`, or already has another meaning.
    """
    short = short_name(name)
    if not _NAME.fullmatch(short):
        raise ValueError(
            f"{name!r} cannot name an event; write component.action in lower case, "
            "for example checkout.complete"
        )
    event = EventType(short, severity, meaning, tuple(attributes))
    known = _known.setdefault(short, event)
    if known != event:
        raise ValueError(f"the event {short} is already defined with another meaning")
    return event


def known_events() -> Iterator[EventType]:
    """Yield every event of the catalogue, standard ones first."""
    yield from list(_known.values())


def find(name: str) -> EventType | None:
    """Return the event *name*, with or without the prefix; None if not defined."""
    return _known.get(short_name(name))


def short_name(name: str) -> str:
    """Return *name* without the prefix."""
    return str(name).removeprefix(PREFIX)


def problems_of(event: EventType, given: Mapping[str, object]) -> Iterator[str]:
    """Yield each problem of the attributes *given* for *event*, keyed by full names."""
    known = {attribute.name: attribute for attribute in event.attributes}
    for attribute in event.attributes:
        if attribute.required and given.get(attribute.name) is None:
            yield f"event {event.name} lacks {attribute.name} ({attribute.keyword}=)"
    for name, value in given.items():
        found = known.get(name)
        if found is None:
            allowed = ", ".join(attribute.keyword for attribute in event.attributes) or "none"
            yield f"event {event.name} has no attribute {name}; it has {allowed}"
        elif value is not None and not _fits(value, found.kind):
            yield (
                f"event {event.name}: expected {name} to be of type {found.kind}, "
                f"got {type(value).__name__}"
            )


def _fits(value: object, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])
