"""Installs the guard in front of every exporter and tests that it masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base import messages
from otel_distro.pipeline import canary
from otel_distro.pipeline.install import disarm, guard_providers, is_guarded
from otel_distro.pipeline.later_providers import guard_when_made

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.bootstrap.component import Providers
    from otel_distro.pipeline.pipeline import Pipeline
    from otel_redaction.shield import Shield


class Protection:
    """Guards the providers of a process, and those created later."""

    def __init__(self, pipeline: Pipeline, shield: Shield, may_export: Callable[[], bool]) -> None:
        self._pipeline = pipeline
        self._shield = shield
        self._may_export = may_export
        self._providers: tuple[object, ...] = ()
        self._proven = False

    def start(self, providers: Providers) -> None:
        """Guard *providers*; on GuardError unguarded ones export nothing."""
        self._providers = providers
        guard_providers(*providers, self._pipeline, self._shield, self._may_export)
        guard_when_made(self._guard)

    def _guard(self, provider: object) -> None:
        by_kind = (provider, provider, provider)  # guarded by its type
        guard_providers(*by_kind, self._pipeline, self._shield, self._may_export)

    def prove(self, *, redacts: bool) -> None:
        """Send test secrets through the pipeline; disarm all exporters if one is not masked."""
        leaked = canary.leaks(self._pipeline) if redacts else ()
        self._proven = not leaked
        if leaked:
            for provider in self._providers:
                disarm(provider)
            messages.warn(
                f"the guard let {len(leaked)} of its own test secrets through, so nothing is "
                "exported; run `otel-distro doctor`"
            )

    @property
    def is_proven(self) -> bool:
        """Whether the test secrets were masked."""
        return self._proven

    @property
    def is_in_place(self) -> bool:
        """Whether every provider is guarded, and the test secrets were masked."""
        return self._proven and all(is_guarded(provider) for provider in self._providers)
