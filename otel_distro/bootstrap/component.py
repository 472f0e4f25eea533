"""The protocol between the runtime and its components."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Providers(NamedTuple):
    """The three providers of a process, the SDK's or what the app has set in their place."""

    tracer: object
    logger: object
    meter: object

    @property
    def service(self) -> str:
        """`service.name` of the resource; empty without one."""
        resource = getattr(self.tracer, "resource", None)
        return str(resource.attributes.get("service.name", "")) if resource is not None else ""


NO_PROVIDERS = Providers(None, None, None)
"""Before there are any."""


def _nothing(*_: object) -> None:
    """Leave out a step that does not concern a component."""


@dataclass(frozen=True, slots=True)
class Component:
    """Something that starts with the providers, ends with the process and survives a fork.

    The runtime takes each step for all components in the order of its list. What a step raises is
    recorded as an internal error under *name*, and the next component has its turn.
    """

    name: str
    _: KW_ONLY
    start: Callable[[Providers], object] = _nothing
    """Called once, when the providers exist."""
    shutdown: Callable[[float], object] = _nothing
    """Called once at exit with the deadline, in seconds of `time.monotonic()`."""
    after_fork: Callable[[], object] = _nothing
    """Called in a forked child: locks may be held by threads that do not exist there."""
    essential: bool = False
    """Whether the distribution may not run without it: what `start` raises is raised on."""
