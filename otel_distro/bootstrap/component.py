"""The protocol between the runtime and its components."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Providers(NamedTuple):
    """The three providers of a process, from the SDK or set by the app."""

    tracer: object
    logger: object
    meter: object

    @property
    def service(self) -> str:
        """`service.name` of the resource; empty without one."""
        resource = getattr(self.tracer, "resource", None)
        return str(resource.attributes.get("service.name", "")) if resource is not None else ""


NO_PROVIDERS = Providers(None, None, None)
"""Before they exist."""


def _nothing(*_: object) -> None:
    """Do nothing in a step that a component does not need."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part that starts with the providers, ends with the process and survives a fork.

    The runtime runs each step for all components in order. An exception is recorded as an internal
    error under *name*, and the next component follows.
    """

    name: str
    _: KW_ONLY
    start: Callable[[Providers], object] = _nothing
    """Called once, after the providers are created."""
    shutdown: Callable[[float], object] = _nothing
    """Called once at exit with the deadline, in seconds of `time.monotonic()`."""
    after_fork: Callable[[], object] = _nothing
    """Called in a forked child: locks may be held by threads that do not exist there."""
    essential: bool = False
    """Whether the distribution cannot run without it: exceptions of `start` propagate."""
