"""The runtime of this process, for code that does not start it.

The lookup imports nothing, so that code without a runtime does not load the SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from otel_distro.privacy.consent_gate import ConsentGate
    from otel_distro.settings import Settings


class Running(Protocol):
    """Interface of the runtime for other code."""

    settings: Settings
    gate: ConsentGate
    budgets: Any
    """Its `Budgets`, None without a cost budget in force."""

    def pseudonym_key(self) -> bytes | None:
        """Return the key of user pseudonyms; None if it cannot be stored."""
        ...

    def flush(self, timeout: float) -> bool:
        """Settle and deliver all records so far within *timeout* seconds; return the success."""
        ...


_running: Running | None = None


def running() -> Running | None:
    """Return the distribution that runs in this process, if any."""
    return _running


def set_running(runtime: Running | None) -> None:
    """Set the runtime of this process."""
    global _running  # noqa: PLW0603 - one distribution per process, like the global provider
    _running = runtime
